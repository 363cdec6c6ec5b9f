import transliterate from "@sindresorhus/transliterate";
import { describe, expect, it } from "vitest";
import { initialsOf, nameOf } from "../src/ui/common/person";
import { dayName, shortTime } from "../src/ui/common/time";
import { cleanText, lengthOf, parseInput } from "../src/ui/room/compose";
import { emptyRoom } from "../src/fold/room";
import { closedRoom } from "../src/store/rooms";
import { peopleIn } from "../src/ui/room/people";
import { describeNotices } from "../src/ui/room/describe";
import { entriesOf, isNotices, keysFor, startsGroup } from "../src/ui/room/entries";
import { anyRoomId, privateRoomId, roomIdOf, secretEnd } from "../src/ui/rooms/roomId";
import { isEmojiOnly, tokenize } from "../src/ui/text/format";
import { message, messages } from "./support/events";

describe("tokenize", () => {
  it("finds links and leaves the sentence's own signs outside", () => {
    expect(tokenize("see https://a.example/x_(y)?q=1, or (http://b.example).")).toEqual([
      { type: "text", text: "see " },
      { type: "link", text: "https://a.example/x_(y)?q=1", href: "https://a.example/x_(y)?q=1" },
      { type: "text", text: ", or (" },
      { type: "link", text: "http://b.example", href: "http://b.example/" },
      { type: "text", text: ")." },
    ]);
  });

  it("makes no link of any other scheme", () => {
    expect(tokenize("javascript:alert(1) data:text/html,x")).toEqual([
      { type: "text", text: "javascript:alert(1) data:text/html,x" },
    ]);
  });

  it("takes code as it is", () => {
    expect(tokenize("run `a <b>` and\n```\nx\n  y\n```")).toEqual([
      { type: "text", text: "run " },
      { type: "code", text: "a <b>" },
      { type: "text", text: " and\n" },
      { type: "block", text: "x\n  y" },
    ]);
    expect(tokenize("a ` b")).toEqual([{ type: "text", text: "a ` b" }]);
  });

  it("is quick with a text made to be slow", () => {
    const started = performance.now();
    tokenize("`".repeat(4_000));
    tokenize("https://".repeat(500));
    expect(performance.now() - started).toBeLessThan(200);
  });

  it("knows a text of emoji alone", () => {
    expect(isEmojiOnly("🎉")).toBe(true);
    expect(isEmojiOnly("👍🏽 ❤️")).toBe(true);
    expect(isEmojiOnly("ok 🎉")).toBe(false);
    expect(isEmojiOnly("42")).toBe(false);
  });
});

describe("what is written", () => {
  it("loses what the server would refuse", () => {
    expect(cleanText("  a\r\nb\u0007\ud800 ")).toBe("a\nb\ufffd");
    expect(lengthOf("👍🏽")).toBe(2);
  });

  it("is an action after /me", () => {
    expect(parseInput("/me waves")).toEqual({ text: "waves", kind: "action" });
    expect(parseInput("/me")).toEqual({ text: "/me", kind: "text" });
    expect(parseInput("/melon")).toEqual({ text: "/melon", kind: "text" });
  });

  it("suggests a room's address by its name", () => {
    expect(roomIdOf("  Café & Söhne #1 ")).toBe("cafe-sohne-1");
    expect(roomIdOf("Đồ ăn")).toBe("do-an");
    expect(roomIdOf("Łódź Ærø Straße")).toBe("lodz-aero-strasse");
    expect(roomIdOf("日本")).toBe("");
    // The same for Latin letters whether the table of others is loaded or not.
    expect(roomIdOf("Café & Söhne, Đồ ăn", transliterate)).toBe("cafe-sohne-do-an");
    expect(roomIdOf("Привет, мир", transliterate)).toBe("privet-mir");
    expect(roomIdOf("Καλημέρα", transliterate)).toBe("kalimera");
    expect(roomIdOf("日本", transliterate)).toBe("");
    expect(anyRoomId("abcdefghijkl")).toBe("room-abcdef");
    const end = secretEnd();
    expect(end).toMatch(/^[a-z2-7]{12}$/u);
    expect(secretEnd()).not.toBe(end);
    expect(privateRoomId("", end)).toBe(end);
    expect(privateRoomId("den", end)).toBe(`den-${end}`);
    expect(privateRoomId(`${"x".repeat(50)}-y`, end)).toBe(`${"x".repeat(50)}-${end}`);
  });
});

describe("entries", () => {
  const joined = (version: number) =>
    ({ type: "joined", version, at: "t", by: "u_x", user: `u_${version}` }) as const;

  it("are the messages themselves where nothing else is there", () => {
    const list = messages(1, 3);
    expect(entriesOf(list, [], [])).toBe(list);
  });

  it("put notices with no message between them together", () => {
    const list = [message(1), message(4), message(6)];
    const entries = entriesOf(list, [joined(2), joined(3), joined(5), joined(7)], []);
    expect(entries.map(keysFor("u_me", new Set()))).toEqual([
      "1",
      "notice-2",
      "4",
      "notice-5",
      "6",
      "notice-7",
    ]);
    const group = entries[1];
    expect(group && isNotices(group) && group.notices).toHaveLength(2);
  });

  it("keep their key from the command to the log", () => {
    const keyOf = keysFor("u_me", new Set(["mine"]));
    const pending = {
      id: "mine",
      by: "u_me",
      at: "t",
      text: "hi",
      kind: "text" as const,
      reply_to: null,
      state: "sent" as const,
      ackedAs: null,
      problem: null,
    };
    const logged = { ...message(4), by: "u_me", id: "mine" };
    expect([keyOf(pending), keyOf(logged)]).toEqual(["mine", "mine"]);
    // Another tab's, somebody else's with the same id, and one without.
    expect(keyOf({ ...logged, id: "elsewhere" })).toBe("4");
    expect(keyOf({ ...logged, by: "u_a" })).toBe("4");
    expect(keyOf({ ...logged, id: null })).toBe("4");
  });

  it("name the author again after a pause, a reply or another's words", () => {
    const at = (minute: number) => `2026-01-01T10:${String(minute).padStart(2, "0")}:00Z`;
    const first = { ...message(1), at: at(0) };
    expect(startsGroup(first, undefined)).toBe(true);
    expect(startsGroup({ ...message(2), at: at(4) }, first)).toBe(false);
    expect(startsGroup({ ...message(2), at: at(6) }, first)).toBe(true);
    expect(startsGroup({ ...message(2), at: at(1), reply_to: 1 }, first)).toBe(true);
    expect(startsGroup({ ...message(2), at: at(1), by: "u_b" }, first)).toBe(true);
  });
});

describe("notices in words", () => {
  const base = { version: 1, at: "t", by: "u_x" };

  it("take many of a kind together", () => {
    const users = ["ada", "bo", "cy", "di", "ed"];
    const notices = users.map((user) => ({ ...base, type: "joined" as const, user }));
    expect(describeNotices(notices, (id) => id)).toBe("ada, bo and 3 others joined");
    expect(describeNotices(notices.slice(0, 2), (id) => id)).toBe("ada and bo joined");
  });

  it("say who was removed and what somebody became", () => {
    const notices = [
      { ...base, type: "removed" as const, user: "bo" },
      { ...base, type: "role" as const, user: "ada", role: "owner" as const },
    ];
    expect(describeNotices(notices, (id) => id)).toBe("bo was removed · ada is now an owner");
  });

  it("stand in the order in which they happened", () => {
    const of = (type: "invited" | "declined" | "withdrawn" | "joined", user: string) => ({
      ...base,
      type,
      user,
    });
    const notices = [
      of("invited", "bob"),
      of("declined", "bob"),
      of("invited", "mia"),
      of("withdrawn", "mia"),
      of("invited", "cyd"),
      of("joined", "cyd"),
    ];
    expect(describeNotices(notices, (id) => id)).toBe(
      "bob, mia and 1 other were invited · bob declined · mia is not invited any more · cyd joined",
    );
  });
});

describe("people", () => {
  it("have initials", () => {
    expect(initialsOf("Inês Duarte")).toBe("ID");
    expect(initialsOf("|trey|")).toBe("T");
    expect(initialsOf("!?")).toBe("?");
  });

  it("have a name even when it is erased or not known", () => {
    const people = new Map([["u_gone", null]]);
    expect(nameOf(people, "u_gone")).toBe("Erased person");
    expect(nameOf(people, "u_4k2j7q")).toBe("Guest 2j7q");
  });
});

describe("the people in a room", () => {
  const room = (online: string[], members?: string[]) => ({
    ...closedRoom("r"),
    memberCount: 1,
    online: new Set(online),
    open: members
      ? {
          view: {
            ...emptyRoom,
            membersComplete: true,
            members: new Map(members.map((user) => [user, "member"] as const)),
          },
          ranges: [],
          recent: [],
        }
      : null,
  });

  it("are never more online than there are members", () => {
    expect(peopleIn(room([]))).toBe("1 member");
    expect(peopleIn(room(["u_a"]))).toBe("1 member · 1 online");
    expect(peopleIn(room(["u_a", "u_b", "u_c"]))).toBe("1 member · 3 here");
    expect(peopleIn(room(["u_a", "u_b", "u_c"], ["u_a"]))).toBe(
      "1 member · 1 online · 2 reading along",
    );
    expect(peopleIn(room(["u_b"], ["u_a"]))).toBe("1 member · 1 reading along");
  });
});

describe("days", () => {
  const now = new Date(2026, 10, 20, 9);

  it("are named as one would say them", () => {
    expect(dayName(new Date(2026, 10, 20, 1).toISOString(), now)).toBe("Today");
    expect(dayName(new Date(2026, 10, 19, 23).toISOString(), now)).toBe("Yesterday");
    expect(dayName(new Date(2004, 10, 15).toISOString(), now)).toContain("2004");
    expect(shortTime(new Date(2004, 10, 15).toISOString(), now)).toContain("2004");
  });
});
