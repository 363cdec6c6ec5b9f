/** Lists of messages sorted by version. */
import type { Message } from "../wire/http";

/** A message with every field present that all messages have; concerns may add others. */
export type FoldedMessage = Readonly<
  Message & Required<Pick<Message, "id" | "reply_to" | "edited_at" | "deleted" | "reactions">>
>;

/** The index of the first message at or above `version`. */
export function lowerBound(messages: readonly { version: number }[], version: number): number {
  let low = 0;
  let high = messages.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const candidate = messages[middle];
    if (candidate && candidate.version < version) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The index of the message with exactly `version`, or -1. */
export function indexOf(messages: readonly { version: number }[], version: number): number {
  const index = lowerBound(messages, version);
  return messages[index]?.version === version ? index : -1;
}

/** The union of two sorted lists; if both have a message, `kept` wins. */
export function mergeMessages(
  kept: readonly FoldedMessage[],
  added: readonly FoldedMessage[],
): FoldedMessage[] {
  const first = kept[0];
  const lastAdded = added.at(-1);
  if (!first || !lastAdded) return [...kept, ...added];
  if (lastAdded.version < first.version) return [...added, ...kept];

  const merged: FoldedMessage[] = [];
  let left = 0;
  let right = 0;
  for (;;) {
    const mine = kept[left];
    const theirs = added[right];
    if (mine && (!theirs || mine.version <= theirs.version)) {
      merged.push(mine);
      left += 1;
      if (theirs?.version === mine.version) right += 1;
    } else if (theirs) {
      merged.push(theirs);
      right += 1;
    } else {
      return merged;
    }
  }
}
