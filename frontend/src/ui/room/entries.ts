/** The lines of a timeline: messages, notices between them, and messages that are being sent. */
import type { FoldedMessage } from "../../fold/messages";
import { lowerBound } from "../../fold/messages";
import type { Notice } from "../../fold/notices";
import type { PendingPost } from "../../store/pending";
import { dayKey } from "../common/time";

/** Notices with no message between them, shown as one light line. */
export interface NoticeGroup {
  readonly version: number;
  readonly at: string;
  readonly notices: readonly Notice[];
}

export type Entry = FoldedMessage | NoticeGroup | PendingPost;

/** Messages of one person within this many milliseconds are grouped under one name. */
const GROUP_WITHIN = 5 * 60_000;

export function isMessage(entry: Entry): entry is FoldedMessage {
  return "n" in entry;
}

export function isNotices(entry: Entry): entry is NoticeGroup {
  return "notices" in entry;
}

export type KeyOf = (entry: Entry) => string;

/**
 * Keys of rows. A message that this tab posted (`posted` has its command's id) keeps the key that
 * it had before it was stored. Ids of other people's commands are not trusted to be unique.
 */
export function keysFor(me: string, posted: ReadonlySet<string>): KeyOf {
  return (entry) => {
    if (isNotices(entry)) return `notice-${entry.version}`;
    if (!isMessage(entry)) return entry.id;
    const { id, by, version } = entry;
    return id !== null && by === me && posted.has(id) ? id : `${version}`;
  };
}

export function entriesOf(
  messages: readonly FoldedMessage[],
  notices: readonly Notice[],
  pending: readonly PendingPost[],
): readonly Entry[] {
  const first = notices[0];
  // Notices are few and new: everything before the first of them is copied unchanged.
  if (!first) return pending.length === 0 ? messages : [...messages, ...pending];
  const start = lowerBound(messages, first.version);
  const entries: Entry[] = messages.slice(0, start);
  let next = start;
  let group: Notice[] = [];
  const closeGroup = () => {
    const [opening] = group;
    if (opening) entries.push({ version: opening.version, at: opening.at, notices: group });
    group = [];
  };
  for (const notice of notices) {
    const end = lowerBound(messages, notice.version);
    if (end > next) {
      closeGroup();
      for (; next < end; next += 1) {
        const message = messages[next];
        if (message) entries.push(message);
      }
    }
    group.push(notice);
  }
  closeGroup();
  return [...entries, ...messages.slice(next), ...pending];
}

/** The index of the message with this version, or -1. */
export function entryOf(entries: readonly Entry[], version: number): number {
  return entries.findIndex((entry) => isMessage(entry) && entry.version === version);
}

export function startsDay(entry: Entry, previous: Entry | undefined): boolean {
  return !previous || dayKey(previous.at) !== dayKey(entry.at);
}

/** True if the author is shown again. */
export function startsGroup(
  entry: FoldedMessage | PendingPost,
  previous: Entry | undefined,
): boolean {
  if (!previous || isNotices(previous) || previous.by !== entry.by) return true;
  if (entry.kind === "action" || previous.kind === "action" || entry.reply_to !== null) return true;
  return Date.parse(entry.at) - Date.parse(previous.at) > GROUP_WITHIN;
}

/** A first guess of a line's height, until it is measured. */
export function estimateHeight(entry: Entry | undefined): number {
  if (!entry || isNotices(entry)) return 30;
  const lines = Math.ceil((entry.text?.length ?? 10) / 90);
  return 20 + lines * 22 + (entry.reply_to === null ? 0 : 24);
}
