import { existsSync, readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { completeMessage, emptyRoom, foldRoom, type RoomView } from "../src/fold/room";
import "../src/features";
import type { RoomEvent } from "../src/wire/room-event";
import { joined, left, posted } from "./support/events";

interface Case {
  readonly about: string;
  readonly events: readonly RoomEvent[];
  readonly view: object;
}

// The same cases run through the Python fold (DESIGN.md, rule 13).
const folder = above(import.meta.url, "tests/golden/folds/");
const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((file) =>
  file.endsWith(".json"),
);

/** A folder of the repository; `make mutants` runs a copy of the tests from further below. */
function above(from: string, path: string): URL {
  for (let at = new URL(".", from); at.pathname !== "/"; at = new URL("..", at)) {
    if (existsSync(new URL(path, at))) return new URL(path, at);
  }
  throw new Error(`there is no ${path}`);
}

const invited = (user: string) => ({ user, name: null, role: "member" as const });

function shown({ version, name, kind, memberCount, members, messages, facts }: RoomView) {
  return {
    version,
    name,
    kind,
    member_count: memberCount,
    members: Object.fromEntries(members),
    messages,
    facts,
  };
}

/** What a case expects; one that says nothing of facts expects none. */
function read(file: string) {
  const { events, view } = JSON.parse(readFileSync(new URL(file, folder), "utf8")) as Case;
  return { events, view: { facts: {}, ...view } };
}

describe("the cases that Python folds too", () => {
  it("are there", () => {
    expect(files.length).toBeGreaterThan(0);
  });

  it.each(files)("%s", (file) => {
    const { events, view } = read(file);
    expect(shown(foldRoom(emptyRoom, events).view)).toEqual(view);
  });

  it.each(files)("%s, one event at a time and each twice", (file) => {
    const { events, view } = read(file);
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
    const file = readFileSync(new URL("invitations/invite-and-answer.json", folder), "utf8");
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

  it("has a notice for each coming and going, and none for what is said", () => {
    const base = { at: "t", by: "u_a" };
    const { view } = foldRoom(emptyRoom, [
      { ...base, version: 1, type: "RoomCreated", data: { name: "R", kind: "private" } },
      joined(2, "u_a"),
      posted(3, "u_a", "hi", 1),
      { ...base, version: 4, type: "MemberInvited", data: invited("u_b") },
      { ...base, version: 5, type: "InvitationDeclined", data: { user: "u_b" } },
      { ...base, version: 6, type: "MemberInvited", data: invited("u_b") },
      { ...base, version: 7, by: "u_b", type: "InvitationDeclined", data: { user: "u_b" } },
      { ...base, version: 8, type: "MemberInvited", data: invited("u_c") },
      joined(9, "u_c"),
      { ...base, version: 10, type: "MemberInvited", data: invited("u_d") },
      { ...base, version: 11, type: "MemberRenamed", data: { user: "u_c", name: "Cy" } },
      left(12, "u_c", "removed"),
      left(13, "u_a", "left"),
    ]);
    expect(view.notices.map(({ type }) => type)).toEqual([
      "created",
      "joined",
      "invited",
      "withdrawn",
      "invited",
      "declined",
      "invited",
      "joined",
      "invited",
      "renamed",
      "removed",
      "left",
    ]);
    expect(view.notices[9]).toEqual({
      ...base,
      version: 11,
      type: "renamed",
      user: "u_c",
      name: "Cy",
    });
    expect([...view.invited.keys()]).toEqual(["u_d"]);
    expect(view.memberCount).toBe(0);
  });

  it("keeps the newest five hundred notices", () => {
    const come = (from: number, count: number) =>
      Array.from({ length: count }, (_, index) => joined(from + index, `u_${from + index}`));
    const full = foldRoom(emptyRoom, come(1, 500)).view;
    expect(full.notices.map(({ version }) => version)[0]).toBe(1);
    expect(full.notices).toHaveLength(500);
    const over = foldRoom(full, come(501, 2)).view;
    expect(over.notices).toHaveLength(500);
    expect(over.notices[0]?.version).toBe(3);
  });

  it("counts somebody once who is there already", () => {
    const { view } = foldRoom(emptyRoom, [joined(1, "u_a"), joined(2, "u_a")]);
    expect(view.memberCount).toBe(1);
  });

  it("takes a reaction of one person once, and back once", () => {
    const reaction = { at: "t", by: "u_b", data: { message: 1, emoji: "👍" } };
    const added = { ...reaction, type: "ReactionAdded" as const };
    const removed = { ...reaction, type: "ReactionRemoved" as const };
    const message = (...events: RoomEvent[]) =>
      foldRoom(emptyRoom, [posted(1, "u_a", "hi", 1), ...events]).view.messages[0];
    expect(message({ ...removed, version: 2 })?.reactions).toEqual({});
    expect(
      message({ ...added, version: 2 }, { ...added, version: 3 }, { ...removed, version: 4 })
        ?.reactions,
    ).toEqual({});
    expect(
      message(
        { ...added, version: 2 },
        { ...added, version: 3, by: "u_c" },
        { ...removed, version: 4 },
      )?.reactions,
    ).toEqual({ "👍": ["u_c"] });
  });
});

describe("completeMessage", () => {
  const base = { version: 1, by: "u_a", at: "t", text: "hi", kind: "text" as const, n: 1 };

  it("fills in what the wire leaves out", () => {
    expect(completeMessage(base)).toEqual({
      ...base,
      id: null,
      reply_to: null,
      edited_at: null,
      deleted: false,
      reactions: {},
    });
  });

  it("keeps what is there", () => {
    const whole = {
      ...base,
      id: "c1",
      text: null,
      reply_to: 4,
      edited_at: "t2",
      deleted: true,
      reactions: { "👍": ["u_a"] },
    };
    expect(completeMessage(whole)).toEqual(whole);
  });
});
