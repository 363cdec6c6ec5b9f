/** The person's own message that is being edited, and its current text. Pure. */
import type { OutboxEntry } from "../../client/outbox";
import { indexOf, type FoldedMessage } from "../../fold/messages";
import { ownPost, pendingChanges, pendingPosts, withChanges } from "../../store/pending";
import type { Compose } from "./compose";

/** The parts of the state that are needed. */
export interface Said {
  readonly room: string;
  readonly messages: readonly FoldedMessage[];
  readonly outbox: readonly OutboxEntry[];
  readonly me: string;
}

/** Identifies the edited message; null for a new one. */
export function editKey(compose: Compose): string | null {
  if (compose.mode === "edit") return `${compose.version}`;
  return compose.mode === "edit-post" ? compose.id : null;
}

/** The version of the message that is edited; null where the log does not have it yet. */
export function versionOf(compose: Compose, { messages, me }: Said): number | null {
  if (compose.mode === "edit") return compose.version;
  return compose.mode === "edit-post" ? (ownPost(messages, compose.id, me)?.version ?? null) : null;
}

/** The text at the beginning of an edit; empty if the message is not loaded. */
export function originalOf(compose: Compose, said: Said): string {
  const { messages, me } = said;
  if (compose.mode === "edit") return textOf(messages[indexOf(messages, compose.version)], said);
  if (compose.mode === "new") return "";
  const logged = ownPost(messages, compose.id, me);
  if (logged) return textOf(logged, said);
  return onTheirWay(said).find(({ id }) => id === compose.id)?.text ?? "";
}

/** The edit of the person's newest message, even if the server has not answered it yet. */
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
