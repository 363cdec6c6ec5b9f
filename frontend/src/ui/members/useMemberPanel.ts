import { useState } from "react";
import { useMedia } from "../hooks";

/** Whether there is space for the members next to the room; otherwise they are a sheet over it. */
export function useMembersBeside(): boolean {
  return useMedia("(min-width: 64rem)");
}

/**
 * Whether the members are shown. On a wide screen they are shown next to the room until the person
 * closes them; a sheet is opened only by the person, and a change of the window's width closes it.
 */
export function useMemberPanel() {
  const wide = useMedia("(min-width: 75rem)");
  const beside = useMembersBeside();
  const [panel, setPanel] = useState(wide);
  const [sheet, setSheet] = useState(false);
  if (beside && sheet) setSheet(false);
  return beside ? ([panel, setPanel] as const) : ([sheet, setSheet] as const);
}
