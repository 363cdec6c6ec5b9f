// Over 300 lines: every transition of the rooms in the store, over the same few states.
import { beforeEach, describe, expect, it } from "vitest";
import { applyPresence, lapseTyping, setOnline, startTyping } from "../src/store/people";
import {
  activate,
  applyEvents,
  attend,
  closedRoom,
  listRooms,
  loadMembers,
  loadPage,
  loadSnapshot,
  markRead,
} from "../src/store/rooms";
import { initialState, withPeople, withRoom, type RoomState, type State } from "../src/store/state";
import type { RoomSummary } from "../src/wire/http";
import type { RoomEvent } from "../src/wire/room-event";
import type { Snapshot } from "../src/wire/server";
import { edited, joined, left, messages, posted } from "./support/events";

const AT = "2026-11-20T12:00:00.000000Z";
const start = initialState({ id: "u_me", name: "me" });

function summary(changes: Partial<RoomSummary> = {}): RoomSummary {
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

function snapshot(changes: Partial<Snapshot> = {}): Snapshot {
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

function role(version: number, user: string, to: "owner" | "moderator" | "member"): RoomEvent {
  return { version, at: AT, by: "u_a", type: "RoleChanged", data: { user, role: to } };
}

function deleted(version: number, message: number): RoomEvent {
  return { version, at: AT, by: "u_a", type: "MessageDeleted", data: { message } };
}

function of(state: State, room = "r"): RoomState {
  const found = state.rooms.get(room);
  if (!found) throw new Error(`no room ${room}`);
  return found;
}

const versions = (state: State) => of(state).open?.view.messages.map(({ version }) => version);

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

describe("an open room", () => {
  it("begins with a snapshot", () => {
    const state = loadSnapshot(start, "r", snapshot({ unread: 2 }));
    expect(of(state)).toMatchObject({
      version: 10,
      name: "R",
      kind: "public",
      role: "member",
      memberCount: 3,
      unread: 2,
      firstUnread: 9,
      refused: null,
    });
    expect(of(state).open).toMatchObject({
      view: { version: 10, membersComplete: false, memberCount: 3, notices: [] },
      ranges: [{ from: 6, to: Infinity }],
      recent: [],
    });
    expect(versions(state)).toEqual([6, 7, 8, 9, 10]);
    expect(state.people.get("u_a")).toBe("Ann");
  });

  it("draws no line of unread messages where there are none, or for a guest", () => {
    expect(of(loadSnapshot(start, "r", snapshot())).firstUnread).toBeNull();
    const guest = snapshot({ unread: 2, role: null });
    expect(of(loadSnapshot(start, "r", guest)).firstUnread).toBeNull();
    const empty = snapshot({ unread: 1, messages: [] });
    expect(of(loadSnapshot(start, "r", empty)).firstUnread).toBeNull();
  });

  it("keeps the line that it has, and counts nothing that is seen", () => {
    const listed = listRooms(start, [summary()]);
    const lined = withRoom(listed, "r", (old) => ({ ...old, firstUnread: 4 }));
    expect(of(loadSnapshot(lined, "r", snapshot({ unread: 2 }))).firstUnread).toBe(4);
    const seen = attend(listed, "r");
    expect(of(loadSnapshot(seen, "r", snapshot({ unread: 2 }))).unread).toBe(0);
    const elsewhere = { ...listed, attending: "s" };
    expect(of(loadSnapshot(elsewhere, "r", snapshot({ unread: 2 }))).unread).toBe(2);
  });

  it("is open again after it was refused", () => {
    const refused = withRoom(listRooms(start, [summary()]), "r", (old) => ({
      ...old,
      refused: "not_found",
    }));
    expect(of(loadSnapshot(refused, "r", snapshot())).refused).toBeNull();
  });

  it("does not go back behind its line of the list", () => {
    const ahead = listRooms(start, [summary({ head: 20 })]);
    const state = loadSnapshot(ahead, "r", snapshot());
    expect(of(state).version).toBe(20);
    expect(of(state).open?.view.version).toBe(10);
    // The view takes what the line tells of already.
    const caught = applyEvents(state, "r", [posted(11, "u_a", "late", 11)]);
    expect(of(caught).open?.view.version).toBe(11);
    expect(of(caught).unread).toBe(of(state).unread);
  });

  it("folds events onto the view, and keeps changes for pages that are read late", () => {
    const open = loadSnapshot(start, "r", snapshot());
    const state = applyEvents(open, "r", [
      posted(11, "u_a", "new", 11),
      edited(12, 3, "changed"),
      joined(13, "u_b"),
    ]);
    expect(versions(state)).toEqual([6, 7, 8, 9, 10, 11]);
    expect(of(state).open?.recent.map(({ version }) => version)).toEqual([12]);
    expect(of(state).memberCount).toBe(4);
    const page = { messages: messages(1, 5), from: 1, to: 5 };
    const paged = loadPage(state, "r", page);
    expect(
      of(paged)
        .open?.view.messages.map(({ text }) => text)
        .slice(0, 3),
    ).toEqual(["text 1", "text 2", "changed"]);
    expect(of(paged).open?.ranges).toEqual([{ from: 1, to: Infinity }]);
  });

  it.each<RoomEvent>([
    deleted(11, 3),
    edited(11, 3, "x"),
    { version: 11, at: AT, by: "u_a", type: "ReactionAdded", data: { message: 3, emoji: "👍" } },
    { version: 11, at: AT, by: "u_a", type: "ReactionRemoved", data: { message: 3, emoji: "👍" } },
  ])("keeps a late $type", (event) => {
    const state = applyEvents(loadSnapshot(start, "r", snapshot()), "r", [event]);
    expect(of(state).open?.recent).toEqual([event]);
  });

  it("keeps the newest two thousand changes", () => {
    const many = Array.from({ length: 2_100 }, (_, index) => edited(11 + index, 7, `${index}`));
    const state = applyEvents(loadSnapshot(start, "r", snapshot()), "r", many);
    expect(of(state).open?.recent).toHaveLength(2_000);
    expect(of(state).open?.recent[0]?.version).toBe(111);
  });

  it("takes no page where it is closed", () => {
    const listed = listRooms(start, [summary()]);
    expect(loadPage(listed, "r", { messages: messages(1, 2), from: 1, to: 2 })).toBe(listed);
    expect(loadMembers(listed, "r", [], [])).toBe(listed);
  });

  it("has all members, with who came and went while they were read", () => {
    const open = loadSnapshot(start, "r", snapshot());
    const state = loadMembers(
      open,
      "r",
      [
        { user: "u_a", name: "Ann", role: "owner" },
        { user: "u_b", name: "Bo", role: "member" },
        { user: "u_c", name: "Cy", role: "member" },
      ],
      [
        joined(11, "u_d"),
        left(12, "u_b", "left"),
        role(13, "u_c", "moderator"),
        posted(14, "u_a", "x", 1),
      ],
    );
    expect([...(of(state).open?.view.members ?? [])]).toEqual([
      ["u_a", "owner"],
      ["u_c", "moderator"],
      ["u_d", "member"],
    ]);
    expect(of(state).open?.view).toMatchObject({ membersComplete: true, memberCount: 3 });
    expect(of(state).memberCount).toBe(3);
    expect(state.people.get("u_b")).toBe("Bo");
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

describe("the room on the screen", () => {
  const both = listRooms(start, [summary(), summary({ room: "s" })]);

  it("is one at a time, and seen only once it is attended", () => {
    const attending = attend(activate(both, "r"), "r");
    expect(attending).toMatchObject({ active: "r", attending: "r" });
    expect(of(attending).unread).toBe(0);
    const moved = activate(attending, "s");
    expect(moved).toMatchObject({ active: "s", attending: null });
    expect(of(moved, "s").unread).toBe(2);
    expect(activate(moved, "s")).toBe(moved);
    expect(activate(moved, null)).toMatchObject({ active: null, attending: null });
  });

  it("is attended once, and no more when the person looks away", () => {
    const seen = attend(both, "r");
    expect(attend(seen, "r")).toBe(seen);
    expect(attend(seen, null)).toMatchObject({ attending: null });
    const read = markRead(both, "r", 10);
    expect(of(attend(read, "r"))).toBe(of(read));
  });

  it("shows where the unread messages begin, until it is left", () => {
    const open = loadSnapshot(both, "r", snapshot());
    const unread = applyEvents(open, "r", [posted(11, "u_a", "x", 11), posted(12, "u_a", "y", 12)]);
    const entered = activate(unread, "r");
    expect(of(entered).firstUnread).toBe(11);
    expect(of(activate(entered, "s")).firstUnread).toBeNull();
    expect(of(activate(open, "r")).firstUnread).toBeNull();
    const guest = withRoom(unread, "r", (old) => ({ ...old, role: null }));
    expect(of(activate(guest, "r")).firstUnread).toBeNull();
  });

  it("gives most of its messages back when it is left", () => {
    const long = { messages: messages(1, 400), version: 400, unread: 0 };
    const open = activate(loadSnapshot(both, "r", snapshot(long)), "r");
    expect(versions(open)).toHaveLength(400);
    const away = activate(open, "s");
    expect(versions(away)).toEqual(messages(101, 400).map(({ version }) => version));
    expect(of(away).open?.ranges).toEqual([{ from: 101, to: Infinity }]);
    const short = activate(loadSnapshot(both, "r", snapshot()), "r");
    expect(of(activate(short, "s")).open).toBe(of(short).open);
  });

  it("goes from the list when it is private and one is not in it any more", () => {
    const out = listRooms(start, [summary({ kind: "private", role: null })]);
    expect(activate(activate(out, "r"), null).rooms.has("r")).toBe(false);
    const inside = listRooms(start, [summary({ kind: "private" })]);
    expect(activate(activate(inside, "r"), null).rooms.has("r")).toBe(true);
    const guest = listRooms(start, [summary({ role: null })]);
    expect(activate(activate(guest, "r"), null).rooms.has("r")).toBe(true);
  });
});

describe("people", () => {
  const state = listRooms(start, [summary()]);
  const online = (some: State) => [...of(some).online];
  const typing = (some: State) => [...of(some).typing.keys()];

  it("are online as the server says", () => {
    const some = setOnline(state, "r", ["u_a", "u_b"]);
    expect(online(some)).toEqual(["u_a", "u_b"]);
    expect(online(setOnline(some, "r", ["u_c"]))).toEqual(["u_c"]);
    const frame = { type: "presence", room: "r", user: "u_c" } as const;
    const come = applyPresence(some, { ...frame, state: "online" });
    expect(online(come)).toEqual(["u_a", "u_b", "u_c"]);
    expect(applyPresence(come, { ...frame, state: "online" })).toBe(come);
    expect(online(applyPresence(come, { ...frame, state: "offline" }))).toEqual(["u_a", "u_b"]);
    expect(applyPresence(some, { ...frame, state: "offline" })).toBe(some);
    expect(online(some)).toEqual(["u_a", "u_b"]);
  });

  it("are in a private room only as members, in another as guests too", () => {
    const some = setOnline(state, "r", ["u_a", "u_b"]);
    const hidden = withRoom(some, "r", (room) => ({ ...room, kind: "private" as const }));
    const event = left(11, "u_b", "removed");
    expect(online(applyEvents(some, "r", [event]))).toEqual(["u_a", "u_b"]);
    expect(online(applyEvents(hidden, "r", [event]))).toEqual(["u_a"]);
    expect(online(applyEvents(hidden, "r", [left(11, "u_me", "removed")]))).toEqual([]);
  });

  it("type for five seconds after each sign", () => {
    const one = startTyping(startTyping(state, "r", "u_a", 1_000), "r", "u_b", 3_000);
    expect(typing(lapseTyping(one, "r", 5_999))).toEqual(["u_a", "u_b"]);
    expect(lapseTyping(one, "r", 5_999)).toBe(one);
    expect(typing(lapseTyping(one, "r", 6_000))).toEqual(["u_b"]);
    const again = startTyping(one, "r", "u_a", 5_000);
    expect(typing(lapseTyping(again, "r", 6_000))).toEqual(["u_a", "u_b"]);
    expect(typing(lapseTyping(again, "r", 8_000))).toEqual(["u_a"]);
  });

  it("do not watch themselves type", () => {
    expect(startTyping(state, "r", "u_me", 1_000)).toBe(state);
  });

  it("stop typing with their message, others go on", () => {
    const both = startTyping(startTyping(state, "r", "u_a", 0), "r", "u_b", 0);
    expect(typing(applyEvents(both, "r", [posted(11, "u_a", "x", 11)]))).toEqual(["u_b"]);
    expect(typing(both)).toEqual(["u_a", "u_b"]);
  });

  it("have one name each, and a change of none changes nothing", () => {
    const named = withPeople(state, { u_a: "Ann" });
    expect(withPeople(named, { u_a: "Ann" })).toBe(named);
    expect(withPeople(named, { u_a: "Anna", u_b: null }).people.get("u_a")).toBe("Anna");
    expect(named.people.get("u_a")).toBe("Ann");
  });
});
