import { existsSync, readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { emptyRoom, foldRoom, type RoomView } from "../src/fold/room";
import type { RoomEvent } from "../src/wire/room-event";
import { joined, posted } from "./support/events";

interface Case {
  readonly about: string;
  readonly events: readonly RoomEvent[];
  readonly view: unknown;
}

// The same cases run through the Python fold (DESIGN.md, rule 13).
const folder = above(import.meta.url, "tests/golden/folds/");
const files = readdirSync(folder).filter((file) => file.endsWith(".json"));

/** A folder of the repository; `make mutants` runs a copy of the tests from further below. */
function above(from: string, path: string): URL {
  for (let at = new URL(".", from); at.pathname !== "/"; at = new URL("..", at)) {
    if (existsSync(new URL(path, at))) return new URL(path, at);
  }
  throw new Error(`there is no ${path}`);
}

function shown({ version, name, kind, memberCount, members, messages }: RoomView) {
  return {
    version,
    name,
    kind,
    member_count: memberCount,
    members: Object.fromEntries(members),
    messages,
  };
}

describe("the cases that Python folds too", () => {
  it("are there", () => {
    expect(files.length).toBeGreaterThan(0);
  });

  it.each(files)("%s", (file) => {
    const { events, view } = JSON.parse(readFileSync(new URL(file, folder), "utf8")) as Case;
    expect(shown(foldRoom(emptyRoom, events).view)).toEqual(view);
  });

  it.each(files)("%s, one event at a time and each twice", (file) => {
    const { events, view } = JSON.parse(readFileSync(new URL(file, folder), "utf8")) as Case;
    let room = emptyRoom;
    for (const event of events) room = foldRoom(foldRoom(room, [event]).view, [event]).view;
    expect(shown(room)).toEqual(view);
  });
});

describe("foldRoom", () => {
  it("answers the same view when nothing is new", () => {
    const { view } = foldRoom(emptyRoom, [joined(1, "u_a")]);
    expect(foldRoom(view, [joined(1, "u_a")]).view).toBe(view);
  });

  it("knows who was asked and did not answer", () => {
    const file = readFileSync(new URL("invitations.json", folder), "utf8");
    const { events } = JSON.parse(file) as Case;
    const { view } = foldRoom(emptyRoom, events);
    expect([...view.invited]).toEqual([
      ["u_eve", "member"],
      ["u_bob", "member"],
    ]);
    expect([...foldRoom(emptyRoom, events.slice(0, 5)).view.invited.keys()]).toEqual([
      "u_bob",
      "u_cat",
      "u_dan",
    ]);
  });

  it("stops at a gap and says so", () => {
    const { view, gap } = foldRoom(emptyRoom, [joined(1, "u_a"), posted(3, "u_a", "late", 1)]);
    expect(gap).toBe(true);
    expect(view.version).toBe(1);
    expect(view.messages).toEqual([]);
  });

  it("leaves the view that it was given as it was", () => {
    const { view } = foldRoom(emptyRoom, [joined(1, "u_a"), posted(2, "u_a", "hi", 1)]);
    const before = structuredClone({ ...view, members: [...view.members] });
    foldRoom(view, [
      { version: 3, at: "t", by: "u_b", type: "ReactionAdded", data: { message: 2, emoji: "👍" } },
      { version: 4, at: "t", by: "u_a", type: "MemberLeft", data: { user: "u_a", reason: "left" } },
    ]);
    expect({ ...view, members: [...view.members] }).toEqual(before);
  });

  it("ignores changes of messages that are not loaded", () => {
    const { view, gap } = foldRoom({ ...emptyRoom, version: 40 }, [
      { version: 41, at: "t", by: "u_a", type: "MessageEdited", data: { message: 7, text: "x" } },
    ]);
    expect(gap).toBe(false);
    expect(view.messages).toEqual([]);
    expect(view.version).toBe(41);
  });

  it("counts members that it does not know by name after a snapshot", () => {
    const snapshot = { ...emptyRoom, version: 9, memberCount: 12, membersComplete: false };
    const { view } = foldRoom(snapshot, [
      joined(10, "u_new"),
      {
        version: 11,
        at: "t",
        by: "u_x",
        type: "MemberLeft",
        data: { user: "u_x", reason: "left" },
      },
    ]);
    expect(view.memberCount).toBe(12);
  });

  it("keeps a notice of joins, leaves and roles", () => {
    const { view } = foldRoom(emptyRoom, [
      joined(1, "u_a"),
      { version: 2, at: "t", by: "u_a", type: "RoleChanged", data: { user: "u_a", role: "owner" } },
    ]);
    expect(view.notices.map((notice) => notice.type)).toEqual(["joined", "role"]);
  });
});
