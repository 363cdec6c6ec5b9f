import { useCallback, useState } from "react";
import { loadUnfinished, saveUnfinished } from "../../client/storage";
import { FRESH, type Compose } from "./compose";

/** An edit or a reply that was begun, with the words of the edit. It outlives a change of rooms. */
export interface Unfinished {
  readonly compose: Compose;
  /** Null where nothing of the text was changed yet. */
  readonly edited: string | null;
}

export function unfinishedIn(me: string, room: string): Unfinished | null {
  return loadUnfinished(me, room) as Unfinished | null;
}

export function keepUnfinished(me: string, room: string, unfinished: Unfinished): void {
  saveUnfinished(me, room, unfinished.compose === FRESH ? null : unfinished);
}

/** What the room's composer is for, as the person left it. */
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
