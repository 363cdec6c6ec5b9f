import { useCallback, useState } from "react";
import { loadUnfinished, saveUnfinished } from "../../client/storage";
import { FRESH, type Compose } from "./compose";

/** A started edit or reply, with the text of the edit. It survives a change of rooms. */
export interface Unfinished {
  readonly compose: Compose;
  /** Null if the text was not changed yet. */
  readonly edited: string | null;
}

export function unfinishedIn(me: string, room: string): Unfinished | null {
  return loadUnfinished(me, room) as Unfinished | null;
}

export function keepUnfinished(me: string, room: string, unfinished: Unfinished): void {
  saveUnfinished(me, room, unfinished.compose === FRESH ? null : unfinished);
}

/** The state of the room's composer, as the person left it. */
export function useCompose(me: string, room: string) {
  const [compose, setCompose] = useState(() => unfinishedIn(me, room)?.compose ?? FRESH);
  const begin = useCallback(
    (next: Compose) => {
      keepUnfinished(me, room, { compose: next, edited: null });
      setCompose(next);
    },
    [me, room],
  );
  return [compose, begin] as const;
}
