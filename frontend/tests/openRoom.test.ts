import { describe, expect, it } from "vitest";
import { applyPresence, lapseTyping, setOnline, startTyping } from "../src/store/people";
import {
  activate,
  applyEvents,
  attend,
  listRooms,
  loadMembers,
  loadPage,
  loadSnapshot,
  markRead,
} from "../src/store/rooms";
import { withPeople, withRoom, type State } from "../src/store/state";
import type { RoomEvent } from "../src/wire/room-event";
import { edited, joined, left, messages, posted } from "./support/events";
import { AT, deleted, of, role, snapshot, start, summary, versions } from "./support/rooms";

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
