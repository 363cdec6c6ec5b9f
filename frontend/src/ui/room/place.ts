/** Which stretch of the log is on the screen, and where its list is. Pure. */

/**
 * Where a list begins, or is to go: the first unread message, the newest or any. Each is an object
 * of its own, so that going to the same place a second time is a going too.
 */
export interface Place {
  readonly at: "start" | "end" | number;
}

export interface Focus {
  /** A version inside the stretch; null for the live end. */
  readonly at: number | null;
  readonly place: Place;
  /** A list with another number is another list. */
  readonly list: number;
}

export const OPENED: Focus = { at: null, place: { at: "start" }, list: 0 };

/** `sameList` where the list that is shown holds the place already. */
export function toNewest(old: Focus, sameList: boolean): Focus {
  return { at: null, place: { at: "end" }, list: sameList ? old.list : old.list + 1 };
}

export function toMessage(old: Focus, version: number, sameList: boolean): Focus {
  return { at: version, place: { at: version }, list: sameList ? old.list : old.list + 1 };
}
