/** Which of the person's own messages is edited, and what it says now. Pure. */
import type { OutboxEntry } from "../../client/outbox";
import { indexOf, type FoldedMessage } from "../../fold/messages";
import { ownPost, pendingChanges, pendingPosts, withChanges } from "../../store/pending";
import type { Compose } from "./compose";

/** What of the state tells it. */
export interface Said {
  readonly room: string;
  readonly messages: readonly FoldedMessage[];
  readonly outbox: readonly OutboxEntry[];
  readonly me: string;
}

/** Names what is edited; null for a new message. */
export function editKey(compose: Compose): string | null {
  if (compose.mode === "edit") return `${compose.version}`;
  return compose.mode === "edit-post" ? compose.id : null;
}

/** The version of the message that is edited; null where the log does not have it yet. */
export function versionOf(compose: Compose, { messages, me }: Said): number | null {
  if (compose.mode === "edit") return compose.version;
  return compose.mode === "edit-post" ? (ownPost(messages, compose.id, me)?.version ?? null) : null;
}

/** The text that an edit begins from; empty where the message is not loaded. */
export function originalOf(compose: Compose, said: Said): string {
  const { messages, me } = said;
  if (compose.mode === "edit") return textOf(messages[indexOf(messages, compose.version)], said);
  if (compose.mode === "new") return "";
  const logged = ownPost(messages, compose.id, me);
  if (logged) return textOf(logged, said);
  return onTheirWay(said).find(({ id }) => id === compose.id)?.text ?? "";
}

/** The edit of the person's newest message, also where the server did not answer to it yet. */
export function editNewest(said: Said): Compose | null {
  const pending = onTheirWay(said).findLast(({ state }) => state !== "failed");
  if (pending) return { mode: "edit-post", id: pending.id };
  const own = said.messages.findLast(
    (message) => message.by === said.me && textOf(message, said) !== "",
  );
  return own ? { mode: "edit", version: own.version } : null;
}

function onTheirWay({ outbox, room, messages, me }: Said) {
  return pendingPosts(outbox, room, messages, me);
}

function textOf(message: FoldedMessage | undefined, { outbox, room, me }: Said): string {
  if (!message) return "";
  return withChanges(message, pendingChanges(outbox, room).get(message.version), me).text ?? "";
}
