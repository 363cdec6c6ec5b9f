/** Events and messages for tests, with what does not matter filled in. */
import type { FoldedMessage } from "../../src/fold/messages";
import type { MemberJoinedEvent, MessagePostedEvent, RoomEvent } from "../../src/wire/room-event";

const AT = "2026-11-20T12:00:00.000000Z";

export function joined(version: number, user: string): MemberJoinedEvent {
  const data = { user, name: user.slice(2), role: "member" as const };
  return { version, at: AT, by: user, type: "MemberJoined", data };
}

export function posted(
  version: number,
  by: string,
  text: string,
  n: number,
  id?: string,
): MessagePostedEvent {
  const data = { text, kind: "text" as const, n };
  return { version, at: AT, by, type: "MessagePosted", data, ...(id === undefined ? {} : { id }) };
}

export function edited(version: number, message: number, text: string): RoomEvent {
  return { version, at: AT, by: "u_a", type: "MessageEdited", data: { message, text } };
}

export function message(version: number, n = version, text = `text ${version}`): FoldedMessage {
  return {
    version,
    id: `c${version}`,
    by: "u_a",
    at: AT,
    text,
    kind: "text",
    n,
    reply_to: null,
    edited_at: null,
    deleted: false,
    reactions: {},
  };
}

export function messages(from: number, to: number): FoldedMessage[] {
  return Array.from({ length: to - from + 1 }, (_, index) => message(from + index));
}

export function left(version: number, user: string, reason: "left" | "removed"): RoomEvent {
  const by = reason === "left" ? user : "u_a";
  return { version, at: AT, by, type: "MemberLeft", data: { user, reason } };
}
