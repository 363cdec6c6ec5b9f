import { beforeEach, describe, expect, it } from "vitest";
import { setOnline } from "../src/store/people";
import {
  activate,
  applyEvents,
  attend,
  closedRoom,
  listRooms,
  loadPage,
  loadSnapshot,
  markRead,
} from "../src/store/rooms";
import { withPeople, withRoom, type State } from "../src/store/state";
import type { RoomEvent } from "../src/wire/room-event";
import { edited, joined, left, messages, posted } from "./support/events";
import { AT, deleted, of, role, snapshot, start, summary } from "./support/rooms";

describe("the list of rooms", () => {
  it("tells of each room what the server says", () => {
    const state = listRooms(start, [summary(), summary({ room: "s", role: null, last: null })]);
    expect(start.listed).toBe(false);
    expect(state.listed).toBe(true);
    expect(of(state)).toMatchObject({
      name: "R",
      kind: "public",
      role: "member",
      version: 10,
      memberCount: 3,
      unread: 2,
      last: { version: 10, text: "words" },
      open: null,
      refused: null,
      firstUnread: null,
    });
    expect(of(state, "s")).toMatchObject({ role: null, last: null });
  });

  it("does not overwrite pushes that are newer than it", () => {
    const listed = listRooms(start, [summary()]);
    const pushed = applyEvents(listed, "r", [posted(11, "u_a", "new words", 11)]);
    const again = listRooms(pushed, [summary()]);
    expect(of(again)).toMatchObject({ version: 11, unread: 3, last: { text: "new words" } });
    // One as new as the pushes holds; one that is newer does too.
    expect(of(listRooms(pushed, [summary({ head: 11, unread: 1 })]))).toMatchObject({ unread: 1 });
    const later = listRooms(pushed, [summary({ head: 12, unread: 5, name: "New" })]);
    expect(of(later)).toMatchObject({ version: 12, unread: 5, name: "New" });
  });

  it("drops private rooms that are not in it any more, but the one on the screen", () => {
    const both = listRooms(start, [summary({ kind: "private" }), summary({ room: "s" })]);
    expect([...listRooms(both, [summary({ room: "s" })]).rooms.keys()]).toEqual(["s"]);
    const looking = activate(both, "r");
    const kept = listRooms(looking, [summary({ room: "s" })]);
    expect([...kept.rooms.keys()].sort()).toEqual(["r", "s"]);
    expect(of(kept)).toBe(of(looking));
  });

  it("keeps open rooms that the person is not in any more, as a guest", () => {
    const both = listRooms(start, [summary({ unread: 2 }), summary({ room: "s" })]);
    const after = listRooms(both, [summary({ room: "s" })]);
    expect(of(after)).toMatchObject({ role: null, unread: 0, version: 10 });
    expect(of(listRooms(after, []))).toBe(of(after));
    // One of which nothing is known has nothing to keep.
    const unknown = { ...start, rooms: new Map([["r", closedRoom("r")]]) };
    expect(listRooms(unknown, []).rooms.size).toBe(0);
  });

  it("keeps what is open open, with who is there", () => {
    const open = setOnline(loadSnapshot(listRooms(start, [summary()]), "r", snapshot()), "r", [
      "u_a",
    ]);
    const again = listRooms(open, [summary({ head: 12 })]);
    expect(of(again).open).toBe(of(open).open);
    expect([...of(again).online]).toEqual(["u_a"]);
  });

  it("counts nothing that the person has read or sees", () => {
    const unread = (state: State, readTo?: (room: string) => number) =>
      of(listRooms(state, [summary()], readTo)).unread;
    expect(unread(start)).toBe(2);
    expect(unread(start, () => 9)).toBe(2);
    expect(unread(start, () => 10)).toBe(0);
    expect(unread(start, (room) => (room === "r" ? 11 : 0))).toBe(0);
    expect(unread({ ...start, attending: "r" })).toBe(0);
    expect(unread({ ...start, attending: "s" })).toBe(2);
    const empty = listRooms(start, [summary({ last: null, unread: 1 })], () => 99);
    expect(of(empty).unread).toBe(1);
  });
});

describe("a room's line", () => {
  let state: State;
  beforeEach(() => {
    state = listRooms(start, [summary({ unread: 0 })]);
  });
  const take = (...events: RoomEvent[]) => of(applyEvents(state, "r", events));

  it("shows the last message, and counts those of others", () => {
    state = withPeople(state, { u_a: "Ann" });
    const room = take(posted(11, "u_a", "one", 11), posted(12, "u_b", "two", 12));
    expect(room).toMatchObject({ version: 12, unread: 2 });
    expect(room.last).toEqual({
      version: 12,
      at: AT,
      by: "u_b",
      name: null,
      text: "two",
      kind: "text",
    });
    expect(take(posted(11, "u_a", "one", 11)).last?.name).toBe("Ann");
  });

  it("has nothing unread once the person posts", () => {
    expect(take(posted(11, "u_a", "one", 11), posted(12, "u_me", "mine", 12)).unread).toBe(0);
  });

  it("counts nothing in front of the person's eyes, or in a room of others", () => {
    state = attend(state, "r");
    expect(take(posted(11, "u_a", "one", 11)).unread).toBe(0);
    state = listRooms(start, [summary({ unread: 0, role: null })]);
    expect(take(posted(11, "u_a", "one", 11)).unread).toBe(0);
  });

  it("draws the line of unread messages at the first that comes while nobody looks", () => {
    state = activate(state, "r");
    const room = take(posted(11, "u_a", "one", 11), posted(12, "u_a", "two", 12));
    expect(room).toMatchObject({ firstUnread: 11, unread: 2 });
  });

  it("clears that line with one's own post", () => {
    state = applyEvents(activate(state, "r"), "r", [posted(11, "u_a", "one", 11)]);
    expect(of(state).firstUnread).toBe(11);
    expect(take(posted(12, "u_me", "mine", 12))).toMatchObject({ firstUnread: null, unread: 0 });
  });

  it("leaves the line where it is when the person sees more", () => {
    state = applyEvents(activate(state, "r"), "r", [posted(11, "u_a", "one", 11)]);
    state = attend(state, "r");
    expect(take(posted(12, "u_a", "two", 12))).toMatchObject({ firstUnread: 11, unread: 0 });
  });

  it("draws none in a room that is not on the screen", () => {
    state = activate(state, "s");
    expect(take(posted(11, "u_a", "one", 11)).firstUnread).toBeNull();
  });

  it("shows an edit or a deletion of the last message, of no other", () => {
    expect(take(edited(11, 10, "better")).last?.text).toBe("better");
    expect(take(deleted(11, 10)).last).toMatchObject({ version: 10, text: null });
    expect(take(edited(11, 9, "better")).last?.text).toBe("words");
    expect(take(deleted(11, 9)).last?.text).toBe("words");
    state = listRooms(start, [summary({ last: null })]);
    expect(take(deleted(11, 9)).last).toBeNull();
  });

  it("counts members, and knows one's own role", () => {
    expect(take(joined(11, "u_b")).memberCount).toBe(4);
    expect(take(left(11, "u_a", "left")).memberCount).toBe(2);
    expect(take(role(11, "u_a", "owner"))).toMatchObject({ memberCount: 3, role: "member" });
    expect(take(role(11, "u_me", "owner"))).toMatchObject({ memberCount: 3, role: "owner" });
    state = listRooms(start, [summary({ role: null })]);
    expect(take(joined(11, "u_me"))).toMatchObject({ memberCount: 4, role: "member" });
  });

  it("has no role and nothing unread once the person is out", () => {
    state = listRooms(start, [summary({ unread: 2 })]);
    expect(take(left(11, "u_a", "left"))).toMatchObject({ role: "member", unread: 2 });
    expect(take(left(11, "u_me", "left"))).toMatchObject({ role: null, unread: 0, memberCount: 2 });
  });

  it("passes over what it tells of already", () => {
    const before = of(state);
    expect(take(posted(10, "u_a", "again", 10), joined(9, "u_x"))).toEqual(before);
  });

  it("takes name and kind from the room's beginning", () => {
    state = { ...state, rooms: new Map([["r", closedRoom("r")]]) };
    const room = take({
      version: 1,
      at: AT,
      by: "u_a",
      type: "RoomCreated",
      data: { name: "Begun", kind: "broadcast" },
    });
    expect(room).toMatchObject({ name: "Begun", kind: "broadcast", version: 1 });
  });

  it("learns names from who joins and who is renamed", () => {
    const rename: RoomEvent = {
      version: 12,
      at: AT,
      by: "u_a",
      type: "MemberRenamed",
      data: { user: "u_a", name: "Anna" },
    };
    const next = applyEvents(state, "r", [joined(11, "u_b"), rename]);
    expect([...next.people]).toEqual([
      ["u_me", "me"],
      ["u_b", "b"],
      ["u_a", "Anna"],
    ]);
  });

  it("is no matter of rooms that nobody knows", () => {
    expect(applyEvents(start, "r", [posted(1, "u_a", "x", 1)])).toBe(start);
  });
});

describe("read marks of other tabs", () => {
  const unread = (state: State) => of(state).unread;
  const open = applyEvents(
    loadSnapshot(start, "r", snapshot()),
    "r",
    [11, 12, 13].map((version) => posted(version, "u_a", "x", version)),
  );

  it("count what is left above them", () => {
    expect(unread(open)).toBe(3);
    expect(unread(markRead(open, "r", 11))).toBe(2);
    expect(unread(markRead(open, "r", 12))).toBe(1);
    expect(unread(markRead(open, "r", 13))).toBe(0);
    expect(unread(markRead(open, "r", 99))).toBe(0);
  });

  it("never make more unread than there was", () => {
    const read = markRead(open, "r", 12);
    expect(unread(markRead(read, "r", 11))).toBe(1);
    expect(unread(markRead(read, "r", 7))).toBe(1);
  });

  it("leave a count that cannot be told, and rooms with nothing unread", () => {
    const listed = listRooms(start, [summary()]);
    expect(markRead(listed, "r", 9)).toBe(listed);
    expect(unread(markRead(listed, "r", 10))).toBe(0);
    const far = loadSnapshot(start, "r", snapshot({ unread: 9 }));
    const known = withRoom(far, "r", (old) => ({ ...old, last: summary().last }));
    expect(markRead(known, "r", 2)).toBe(known);
    const none = listRooms(start, [summary({ unread: 0 })]);
    expect(markRead(none, "r", 3)).toBe(none);
    const empty = listRooms(start, [summary({ last: null })]);
    expect(markRead(empty, "r", 3)).toBe(empty);
  });

  it("go by the newest stretch, not by a window around an old message", () => {
    const window = loadPage(open, "r", { messages: messages(1, 3), from: 1, to: 3 });
    expect(unread(markRead(window, "r", 3))).toBe(3);
    expect(unread(markRead(window, "r", 12))).toBe(1);
  });
});
