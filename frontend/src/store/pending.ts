/** What the person did and the log does not show yet. Pure. */
import type { OutboxEntry } from "../client/outbox";
import { lowerBound, type FoldedMessage } from "../fold/messages";
import { withoutReaction, withReaction } from "../fold/reactions";
import type { Post } from "../wire/client";

/** A message that was sent from here, before its event came back. */
export interface PendingPost {
  readonly id: string;
  readonly by: string;
  readonly at: string;
  readonly text: string;
  readonly kind: "text" | "action";
  readonly reply_to: number | null;
  readonly state: OutboxEntry["state"];
  /** Set once the server acknowledged it. */
  readonly ackedAs: number | null;
  readonly problem: string | null;
}

export function pendingPosts(
  outbox: readonly OutboxEntry[],
  room: string,
  messages: readonly FoldedMessage[],
  me: string,
): readonly PendingPost[] {
  const posts: PendingPost[] = [];
  for (const { command, at, state, version, problem } of outbox) {
    if (command.action !== "post" || command.room !== room) continue;
    if (state === "sent" && mayBeThere(command, messages, me)) continue;
    posts.push({
      id: command.id,
      by: me,
      at,
      text: command.text,
      kind: command.kind ?? "text",
      reply_to: command.reply_to ?? null,
      state,
      ackedAs: version ?? null,
      problem: problem?.message ?? null,
    });
  }
  return posts;
}

/**
 * A snapshot has no command ids. After a reload it may hold the very message whose retry is on its
 * way; until the ack tells, the message that is there stands for it, so it never shows twice.
 */
function mayBeThere(command: Post, messages: readonly FoldedMessage[], me: string): boolean {
  if (typeof command.since !== "number") return false;
  for (let index = lowerBound(messages, command.since + 1); index < messages.length; index += 1) {
    const message = messages[index];
    if (message?.by === me && message.text === command.text) return true;
  }
  return false;
}

/** Edits, deletions and reactions that wait for the server, by the message's version. */
export function pendingChanges(
  outbox: readonly OutboxEntry[],
  room: string,
): ReadonlyMap<number, readonly OutboxEntry[]> {
  const changes = new Map<number, OutboxEntry[]>();
  for (const entry of outbox) {
    const { command } = entry;
    if (command.room !== room || !("version" in command) || command.action === "read") continue;
    changes.set(command.version, [...(changes.get(command.version) ?? []), entry]);
  }
  return changes;
}

/** The message as it will be once the server took the changes. */
export function withChanges(
  message: FoldedMessage,
  changes: readonly OutboxEntry[] | undefined,
  me: string,
): FoldedMessage {
  let next = message;
  for (const { command, at } of changes ?? []) {
    if (command.action === "edit") next = { ...next, text: command.text, edited_at: at };
    if (command.action === "react") next = withReaction(next, command.emoji, me);
    if (command.action === "unreact") next = withoutReaction(next, command.emoji, me);
    if (command.action === "delete") {
      next = { ...next, text: null, deleted: true, reactions: {}, edited_at: null };
    }
  }
  return next;
}
