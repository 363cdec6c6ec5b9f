/** The range of the log on the screen, and the position of its list. Pure. */

/**
 * The start or destination of a list: the first unread message, the newest or any. Each request is
 * a new object, so that a second request for the same place also scrolls.
 */
export interface Place {
  readonly at: "start" | "end" | number;
}

export interface Focus {
  /** A version inside the range; null for the live end. */
  readonly at: number | null;
  readonly place: Place;
  /** A list with another number is another list. */
  readonly list: number;
}

export const OPENED: Focus = { at: null, place: { at: "start" }, list: 0 };

/** `sameList` if the shown list already contains the place. */
export function toNewest(old: Focus, sameList: boolean): Focus {
  return { at: null, place: { at: "end" }, list: sameList ? old.list : old.list + 1 };
}

export function toMessage(old: Focus, version: number, sameList: boolean): Focus {
  return { at: version, place: { at: version }, list: sameList ? old.list : old.list + 1 };
}
