/**
 * The loaded ranges of a room's messages.
 *
 * A snapshot brings the newest messages; scrolling up and jumping to a quote bring others. Each
 * range of versions contains all its messages; adjacent ranges are merged, so a window around an
 * old message joins the live end once the person has scrolled through the gap.
 */
import type { RoomEvent } from "../wire/room-event";
import { lowerBound, mergeMessages, type FoldedMessage } from "./messages";
import { applyToMessages } from "./room";

/** Versions `from` to `to`, both included; the live end is `Infinity`. */
export interface Range {
  readonly from: number;
  readonly to: number;
}

export interface Loaded {
  readonly messages: readonly FoldedMessage[];
  readonly ranges: readonly Range[];
}

/** One answer of `GET messages`: the messages from `from` to `to`, sorted. */
export interface Page extends Range {
  readonly messages: readonly FoldedMessage[];
}

/** The range of the newest `messages` of a room: from the first of them to the live end. */
export function liveRange(messages: readonly FoldedMessage[]): Range {
  const first = messages[0];
  return { from: !first || first.n === 1 ? 1 : first.version, to: Infinity };
}

/** The range that an answer covers: fewer messages than requested mean the room's beginning. */
export function pageOf(messages: readonly FoldedMessage[], before: number, limit: number): Page {
  const first = messages[0];
  const whole = messages.length < limit || !first || first.n === 1;
  return { messages, from: whole ? 1 : first.version, to: before - 1 };
}

/**
 * Adds a page. Messages that are already held win, because pushes have kept them current; the
 * `recent` events are applied again to the others, in case the page was read before them.
 */
export function addPage(loaded: Loaded, page: Page, recent: readonly RoomEvent[]): Loaded {
  const fresh = [...page.messages];
  for (const event of recent) applyToMessages(fresh, event);
  return {
    messages: mergeMessages(loaded.messages, fresh),
    ranges: joinRanges([...loaded.ranges, { from: page.from, to: page.to }]),
  };
}

/** The range that contains `version`, or undefined if it is not loaded. */
export function rangeAt(ranges: readonly Range[], version: number): Range | undefined {
  return ranges.find((range) => range.from <= version && version <= range.to);
}

export function messagesIn(
  messages: readonly FoldedMessage[],
  range: Range,
): readonly FoldedMessage[] {
  const start = lowerBound(messages, range.from);
  const end = range.to === Infinity ? messages.length : lowerBound(messages, range.to + 1);
  return start === 0 && end === messages.length ? messages : messages.slice(start, end);
}

/** Keeps only the newest `count` messages, to save memory for rooms that are not on the screen. */
export function trimmed(loaded: Loaded, count: number): Loaded {
  const live = messagesIn(loaded.messages, loaded.ranges.at(-1) ?? liveRange([]));
  const messages = live.slice(-count);
  return { messages, ranges: [liveRange(messages)] };
}

function joinRanges(ranges: readonly Range[]): Range[] {
  const joined: Range[] = [];
  for (const range of [...ranges].sort((a, b) => a.from - b.from)) {
    const last = joined.at(-1);
    if (last && range.from <= last.to + 1) {
      joined[joined.length - 1] = { from: last.from, to: Math.max(last.to, range.to) };
    } else {
      joined.push(range);
    }
  }
  return joined;
}
