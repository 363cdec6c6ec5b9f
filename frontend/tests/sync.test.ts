import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { RoomSync } from "../src/client/sync";
import type { Sync } from "../src/wire/client";
import { events, snapshotAt, world } from "./support/sync";

describe("RoomSync", () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it("asks for all rooms on open, with the versions held", () => {
    const { sync, asked } = world();
    sync.follow(
      new Map([
        ["r", 5],
        ["s", null],
      ]),
    );
    sync.opened();
    expect(asked).toEqual([{ action: "sync", id: "s1", rooms: { r: 5, s: null } }]);
  });

  it("holds pushes until synced, then drops those at or below the version", () => {
    const { sync, taken, log, push, answer } = world();
    sync.follow(new Map([["r", null]]));
    sync.opened();
    push(9, 10, 11, 12);
    expect(taken).toEqual([]);
    answer(snapshotAt(10));
    expect(log).toEqual(["snapshot r 10", "online r u_a", "settled r"]);
    expect(taken).toEqual([11, 12]);
    push(12, 13);
    expect(taken).toEqual([11, 12, 13]);
  });

  it("goes on holding between the parts of one answer", () => {
    const { sync, taken, log, push, answer } = world();
    sync.follow(new Map([["r", 1]]));
    sync.opened();
    push(6);
    answer({ head: 5, complete: false, events: events(2, 3), people: {} }, true);
    expect(log).toEqual([]);
    answer({ head: 5, complete: true, events: events(4, 5), people: {}, online: [] });
    expect(taken).toEqual([2, 3, 4, 5, 6]);
    expect(log).toEqual(["online r ", "settled r"]);
  });

  it("drops an answer to an older question", () => {
    const { sync, taken } = world();
    sync.follow(new Map([["r", 1]]));
    sync.opened();
    sync.onSynced({
      type: "synced",
      id: "other",
      rooms: { r: { complete: true, events: events(2) } },
    });
    expect(taken).toEqual([]);
  });

  describe("with events over which its owner forgets the room or asks again", () => {
    /** Version 5 ends the person's membership, say. */
    function ending(then: "forget" | "renew") {
      const asked: Sync[] = [];
      const log: string[] = [];
      const sync: RoomSync = new RoomSync({
        send: (frame) => {
          asked.push(frame);
          return true;
        },
        newId: () => `s${asked.length + 1}`,
        random: () => 0,
        events: (room, some) => {
          log.push(...some.map(({ version }) => `event ${version}`));
          if (some.some(({ version }) => version === 5)) sync[then](room);
        },
        snapshot: () => undefined,
        online: () => log.push("online"),
        refused: () => undefined,
        settled: () => log.push("settled"),
        ownUnknown: () => undefined,
      });
      sync.follow(new Map([["r", 4]]));
      sync.opened();
      const answer = (...versions: number[]) => {
        const part = { head: 9, complete: true, events: events(...versions), people: {} };
        sync.onSynced({
          type: "synced",
          id: `s${asked.length}`,
          rooms: { r: { ...part, online: [] } },
        });
      };
      const push = (...versions: number[]) => {
        sync.onEvents({ type: "events", room: "r", events: events(...versions), people: {} });
      };
      return { asked, log, answer, push };
    }

    it.each(["push", "answer"] as const)("forgets it for good by a %s", (by) => {
      const { asked, log, answer, push } = ending("forget");
      if (by === "push") answer();
      const before = log.length;
      if (by === "push") push(5, 8);
      else answer(5);
      push(6);
      vi.advanceTimersByTime(60_000);
      expect(log.slice(before)).toEqual(["event 5"]);
      expect(asked).toHaveLength(1);
    });

    it.each(["push", "answer"] as const)("waits for the new answer after a %s", (by) => {
      const { asked, log, answer, push } = ending("renew");
      if (by === "push") answer();
      const before = log.length;
      if (by === "push") push(5);
      else answer(5);
      expect(asked.map(({ rooms }) => rooms)).toEqual([{ r: 4 }, { r: 5 }]);
      push(7);
      expect(log.slice(before)).toEqual(["event 5"]);
      // An answer that does not come is asked for again.
      vi.advanceTimersByTime(15_000);
      expect(asked).toHaveLength(3);
      answer(6);
      expect(log.slice(before)).toEqual(["event 5", "event 6", "online", "event 7", "settled"]);
      vi.advanceTimersByTime(60_000);
      expect(asked).toHaveLength(3);
    });
  });

  it("leaves rooms that it follows as they are", () => {
    const { sync, asked } = world();
    sync.opened();
    sync.follow(new Map([["r", 4]]));
    sync.follow(
      new Map([
        ["r", 9],
        ["s", null],
      ]),
    );
    expect(asked.map((frame) => frame.rooms)).toEqual([{ r: 4 }, { s: null }]);
    expect(sync.version("r")).toBe(4);
  });

  it("pings about rooms that it holds, in as many frames as they need", () => {
    const { sync, asked } = world();
    const many = Array.from({ length: 100 }, (_, index) => [`room-${index}`, 1] as const);
    sync.follow(new Map<string, number | null>([...many, ["new", null]]));
    expect(sync.pings().map(({ rooms }) => Object.keys(rooms ?? {}).length)).toEqual([100]);
    sync.opened();
    expect(asked).toHaveLength(1);
    // Those whose answer is due are asked about already.
    expect(sync.pings().map(({ rooms }) => Object.keys(rooms ?? {}).length)).toEqual([0]);
  });

  it("asks nothing where nothing is followed or known", () => {
    const { sync, asked } = world();
    sync.opened();
    sync.follow(new Map());
    sync.renew("r");
    sync.expect("r", 4);
    vi.advanceTimersByTime(60_000);
    expect(asked).toEqual([]);
  });

  it("takes each room's part of an answer, a refused one beside others", () => {
    const { sync, taken, log } = world();
    sync.follow(
      new Map([
        ["r", 1],
        ["s", 1],
      ]),
    );
    sync.opened();
    sync.onSynced({
      type: "synced",
      id: "s1",
      rooms: {
        s: { error: "not_found" },
        r: { head: 2, complete: true, events: events(2), people: {} },
        stranger: { head: 2, complete: true, events: events(2), people: {} },
      },
    });
    expect(taken).toEqual([2]);
    expect(log).toEqual(["refused s not_found", "settled r"]);
  });

  it("splits very many rooms over frames", () => {
    const { sync, asked } = world();
    sync.follow(new Map(Array.from({ length: 450 }, (_, index) => [`room-${index}`, 1])));
    sync.opened();
    expect(asked.map((frame) => Object.keys(frame.rooms).length)).toEqual([200, 200, 50]);
  });
});
