import { useState } from "react";
import { useMedia } from "../hooks";

/** Whether there is place for the members beside the room; else they are a sheet over it. */
export function useMembersBeside(): boolean {
  return useMedia("(min-width: 64rem)");
}

/**
 * Whether the members are shown. Beside the room they are where it is wide, until somebody says
 * otherwise; a sheet is only ever opened by hand, and a window that changes its width closes it.
 */
export function useMemberPanel() {
  const wide = useMedia("(min-width: 75rem)");
  const beside = useMembersBeside();
  const [panel, setPanel] = useState(wide);
  const [sheet, setSheet] = useState(false);
  if (beside && sheet) setSheet(false);
  return beside ? ([panel, setPanel] as const) : ([sheet, setSheet] as const);
}
