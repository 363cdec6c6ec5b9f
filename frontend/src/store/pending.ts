/** The person's actions that the log does not have yet. Pure. */
import type { OutboxEntry } from "../client/outbox";
import type { FoldedMessage } from "../fold/messages";
import { withoutReaction, withReaction } from "../fold/reactions";
import type { Post } from "../wire/client";
import type { State } from "./state";

/** A message that was sent from this tab, before its event arrives. */
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
  readonly problem: OutboxEntry["problem"] | null;
}

export function withOutbox(state: State, outbox: readonly OutboxEntry[]): State {
  const news = outbox.flatMap(({ command: { action, id } }) =>
    action === "post" && !state.posted.has(id) ? [id] : [],
  );
  return {
    ...state,
    outbox,
    posted: news.length === 0 ? state.posted : new Set([...state.posted, ...news]),
  };
}

export function pendingPosts(
  outbox: readonly OutboxEntry[],
  room: string,
  messages: readonly FoldedMessage[],
  me: string,
): readonly PendingPost[] {
  const posts: PendingPost[] = [];
  for (const { command, at, state, version, problem, amended } of outbox) {
    if (command.action !== "post" || command.room !== room) continue;
    if (postedBy(command, messages, me)) continue;
    posts.push({
      id: command.id,
      by: me,
      at,
      text: amended ?? command.text,
      kind: command.kind ?? "text",
      reply_to: command.reply_to ?? null,
      state,
      ackedAs: version ?? null,
      problem: problem ?? null,
    });
  }
  return posts;
}

/** The message of a post that the log already has: its ack or push may not have arrived yet. */
function postedBy(
  command: Post,
  messages: readonly FoldedMessage[],
  me: string,
): FoldedMessage | undefined {
  // Without `since` it was never sent.
  if (typeof command.since !== "number") return undefined;
  return ownPost(messages, command.id, me, command.since);
}

/** The person's own message that the command with this id posted, if it is loaded. */
export function ownPost(
  messages: readonly FoldedMessage[],
  id: string,
  me: string,
  since = 0,
): FoldedMessage | undefined {
  for (let index = messages.length - 1; index >= 0; index -= 1) {
    const message = messages[index];
    if (!message || message.version <= since) return undefined;
    // Another person may use the same id.
    if (message.id === id && message.by === me) return message;
  }
  return undefined;
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

/** The message as it will be once the server has accepted the changes. */
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
