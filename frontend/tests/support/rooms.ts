/** Rooms as the server tells of them, and the store's state before any. */
import { initialState, type RoomState, type State } from "../../src/store/state";
import type { RoomSummary } from "../../src/wire/http";
import type { RoomEvent } from "../../src/wire/room-event";
import type { Snapshot } from "../../src/wire/server";
import { messages } from "./events";

export const AT = "2026-11-20T12:00:00.000000Z";
export const start = initialState({ id: "u_me", name: "me" });

export function summary(changes: Partial<RoomSummary> = {}): RoomSummary {
  return {
    room: "r",
    name: "R",
    kind: "public",
    role: "member",
    head: 10,
    member_count: 3,
    unread: 2,
    last: { version: 10, at: AT, by: "u_a", name: "Ann", text: "words", kind: "text" },
    ...changes,
  };
}

export function snapshot(changes: Partial<Snapshot> = {}): Snapshot {
  return {
    version: 10,
    name: "R",
    kind: "public",
    role: "member",
    member_count: 3,
    unread: 0,
    messages: messages(6, 10),
    people: { u_a: "Ann" },
    ...changes,
  };
}

export function role(
  version: number,
  user: string,
  to: "owner" | "moderator" | "member",
): RoomEvent {
  return { version, at: AT, by: "u_a", type: "RoleChanged", data: { user, role: to } };
}

export function deleted(version: number, message: number): RoomEvent {
  return { version, at: AT, by: "u_a", type: "MessageDeleted", data: { message } };
}

export function of(state: State, room = "r"): RoomState {
  const found = state.rooms.get(room);
  if (!found) throw new Error(`no room ${room}`);
  return found;
}

export const versions = (state: State) =>
  of(state).open?.view.messages.map(({ version }) => version);
