// Over 300 lines: one room log under every order of pushes, answers and losses, in one small world.
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { RoomSync } from "../src/client/sync";
import type { Sync } from "../src/wire/client";
import type { RoomEvent } from "../src/wire/room-event";
import type { SyncedRoom } from "../src/wire/server";
import { message, posted } from "./support/events";

function world() {
  const asked: Sync[] = [];
  const taken: number[] = [];
  const log: string[] = [];
  const sync = new RoomSync({
    send: (frame) => {
      asked.push(frame);
      return true;
    },
    newId: () => `s${asked.length + 1}`,
    random: () => 0.5,
    events: (_room, events) => taken.push(...events.map(({ version }) => version)),
    snapshot: (room, snapshot) => log.push(`snapshot ${room} ${snapshot.version}`),
    online: (room, users) => log.push(`online ${room} ${users.join()}`),
    refused: (room, code) => log.push(`refused ${room} ${code}`),
    settled: (room) => log.push(`settled ${room}`),
    ownUnknown: () => log.push("own unknown"),
  });
  const push = (...versions: number[]) => {
    sync.onEvents({ type: "events", room: "r", events: events(...versions), people: {} });
  };
  const answer = (part: SyncedRoom, more = false) => {
    sync.onSynced({ type: "synced", id: `s${asked.length}`, rooms: { r: part }, more });
  };
  return { sync, asked, taken, log, push, answer };
}

function events(...versions: number[]): RoomEvent[] {
  return versions.map((version) => posted(version, "u_a", "x", version));
}

function snapshotAt(version: number): SyncedRoom {
  return {
    head: version,
    complete: false,
    snapshot: {
      version,
      name: "R",
      kind: "public",
      role: "member",
      member_count: 1,
      unread: 0,
      messages: [message(version)],
      people: {},
    },
    online: ["u_a"],
  };
}

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

  describe("with a live room", () => {
    function live() {
      const all = world();
      all.sync.follow(new Map([["r", 4]]));
      all.sync.opened();
      all.answer({ head: 4, complete: true, events: [], people: {}, online: [] });
      return all;
    }

    it("waits a second with jitter at a gap, then asks", () => {
      const { asked, taken, push, answer } = live();
      push(5, 7);
      expect(taken).toEqual([5]);
      vi.advanceTimersByTime(1_249);
      expect(asked).toHaveLength(1);
      vi.advanceTimersByTime(1);
      expect(asked[1]).toEqual({ action: "sync", id: "s2", rooms: { r: 5 } });
      answer({ head: 6, complete: true, events: events(6), people: {}, online: [] });
      expect(taken).toEqual([5, 6, 7]);
    });

    it("does not ask where the missing push came late", () => {
      const { asked, taken, push } = live();
      push(6);
      push(5);
      vi.advanceTimersByTime(60_000);
      expect(taken).toEqual([5, 6]);
      expect(asked).toHaveLength(1);
    });

    it("asks where an acknowledged event is not pushed", () => {
      const { sync, asked } = live();
      sync.expect("r", 5);
      vi.advanceTimersByTime(1_250);
      expect(asked).toHaveLength(2);
    });

    it("asks again where no answer comes", () => {
      const { sync, asked } = live();
      sync.renew("r");
      vi.advanceTimersByTime(15_000);
      expect(asked).toHaveLength(3);
    });

    it("asks on the next open from where it was", () => {
      const { sync, asked, push } = live();
      push(5);
      sync.closed();
      sync.opened();
      expect(asked[1]?.rooms).toEqual({ r: 5 });
    });

    it("asks again for a room that is being prepared", () => {
      const { sync, log, asked, answer } = live();
      sync.renew("r");
      answer({ error: "room_busy" });
      expect(log.filter((line) => line.startsWith("refused"))).toEqual([]);
      const before = asked.length;
      vi.advanceTimersByTime(1_500);
      expect(asked).toHaveLength(before + 1);
      expect(asked.at(-1)?.rooms).toEqual({ r: sync.version("r") });
    });

    it("drops pushes that were held when the connection was lost", () => {
      const { sync, asked, taken, push, answer } = live();
      // 5 is missing, so these wait for it; what comes over the next connection is another matter.
      push(6, 7);
      sync.closed();
      sync.opened();
      expect(asked[1]?.rooms).toEqual({ r: 4 });
      answer({ head: 5, complete: true, events: events(5), people: {}, online: [] });
      expect(taken).toEqual([5]);
      push(6);
      expect(taken).toEqual([5, 6]);
    });

    it("asks nothing while the connection is lost", () => {
      const { sync, asked, push } = live();
      push(6);
      sync.expect("r", 9);
      sync.closed();
      sync.renew("r");
      sync.follow(new Map([["s", 1]]));
      vi.advanceTimersByTime(60_000);
      expect(asked).toHaveLength(1);
      sync.opened();
      expect(asked[1]?.rooms).toEqual({ r: 4, s: 1 });
    });

    it("asks no more about a room that it forgot, whatever it waited for", () => {
      for (const wait of ["gap", "answer", "ack"] as const) {
        const { sync, asked, taken, push, answer } = live();
        if (wait === "gap") push(7);
        if (wait === "ack") sync.expect("r", 9);
        if (wait === "answer") sync.renew("r");
        const before = asked.length;
        sync.forget("r");
        vi.advanceTimersByTime(60_000);
        expect(asked, wait).toHaveLength(before);
        push(5);
        answer({ head: 5, complete: true, events: events(5), people: {} });
        sync.renew("r");
        sync.expect("r", 9);
        vi.advanceTimersByTime(60_000);
        expect(taken, wait).toEqual([]);
        expect(asked, wait).toHaveLength(before);
        expect(sync.version("r")).toBeNull();
      }
    });

    it("does not ask again once the answer is there", () => {
      const { sync, asked, answer } = live();
      sync.renew("r");
      answer({ head: 4, complete: true, events: [], people: {}, online: [] });
      vi.advanceTimersByTime(60_000);
      expect(asked).toHaveLength(2);
    });

    it("asks once for a gap however many pushes are ahead", () => {
      const { asked, push, answer } = live();
      push(7);
      vi.advanceTimersByTime(1_000);
      push(8);
      push(9);
      vi.advanceTimersByTime(250);
      expect(asked).toHaveLength(2);
      answer({ head: 9, complete: true, events: events(5, 6, 7, 8, 9), people: {} });
      vi.advanceTimersByTime(60_000);
      expect(asked).toHaveLength(2);
    });

    it("asks about what is still missing after an answer", () => {
      const { asked, taken, push, answer } = live();
      push(9);
      vi.advanceTimersByTime(1_250);
      answer({ head: 6, complete: true, events: events(5, 6), people: {} });
      expect(taken).toEqual([5, 6]);
      vi.advanceTimersByTime(1_250);
      expect(asked[2]?.rooms).toEqual({ r: 6 });
    });

    it("takes events in their order, each once", () => {
      const { taken, push } = live();
      push(7, 6, 5);
      push(5, 6, 8, 8);
      push(3, 4);
      expect(taken).toEqual([5, 6, 7, 8]);
    });

    it("expects nothing that it has, and nothing while an answer is due", () => {
      const { sync, asked, push } = live();
      push(5);
      sync.expect("r", 5);
      vi.advanceTimersByTime(5_000);
      expect(asked).toHaveLength(1);
      sync.renew("r");
      sync.expect("r", 9);
      vi.advanceTimersByTime(5_000);
      expect(asked).toHaveLength(2);
    });

    it("is content when the expected push comes in time", () => {
      const { sync, asked, push } = live();
      sync.expect("r", 5);
      vi.advanceTimersByTime(1_000);
      push(5);
      vi.advanceTimersByTime(60_000);
      expect(asked).toHaveLength(1);
    });

    it("begins anew from null, and drops what was held of before", () => {
      const { sync, asked, taken, log, push, answer } = live();
      push(6);
      sync.reload("r");
      expect(asked[1]?.rooms).toEqual({ r: null });
      expect(sync.version("r")).toBeNull();
      answer(snapshotAt(9));
      expect(log.slice(-3)).toEqual(["snapshot r 9", "online r u_a", "settled r"]);
      expect(taken).toEqual([]);
      expect(sync.version("r")).toBe(9);
    });

    it("goes back with a snapshot where the server's log is shorter", () => {
      const { sync, push, answer, taken } = live();
      sync.renew("r");
      answer(snapshotAt(2));
      push(3);
      expect(taken).toEqual([3]);
    });

    it("takes the names of held pushes at once", () => {
      const named: unknown[] = [];
      const sync = new RoomSync({
        send: () => true,
        newId: () => "s1",
        random: () => 0,
        events: (_room, some, people) => named.push([some.length, people]),
        snapshot: () => undefined,
        online: () => undefined,
        refused: () => undefined,
        settled: () => undefined,
        ownUnknown: () => undefined,
      });
      sync.follow(new Map([["r", 1]]));
      sync.opened();
      sync.onEvents({ type: "events", room: "r", events: events(2), people: { u_a: "Ann" } });
      sync.onEvents({ type: "events", room: "other", events: events(2), people: { u_b: "Bo" } });
      expect(named).toEqual([[0, { u_a: "Ann" }]]);
      sync.onSynced({
        type: "synced",
        id: "s1",
        rooms: { r: { head: 1, complete: true, events: [], people: { u_c: "Cy" } } },
      });
      expect(named.slice(1)).toEqual([
        [0, { u_c: "Cy" }],
        [1, {}],
      ]);
    });

    it("says who is online where an answer tells, and leaves it where none does", () => {
      const { sync, log, answer } = live();
      sync.renew("r");
      answer({ head: 4, complete: true, events: [], people: {} });
      expect(log.filter((line) => line.startsWith("online"))).toEqual(["online r "]);
    });

    it("forgets a room that the server refuses", () => {
      const { sync, log, answer } = live();
      sync.renew("r");
      answer({ error: "not_found" });
      expect(log.at(-1)).toBe("refused r not_found");
      expect(sync.version("r")).toBeNull();
    });
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

  it("tells the version of the person's own log once it is known", () => {
    const { sync, asked } = world();
    sync.follow(new Map([["r", 1]]));
    expect(sync.onUser(3)).toBe(true);
    expect(sync.onUser(3)).toBe(false);
    expect(sync.onUser(2)).toBe(false);
    sync.opened();
    expect(asked[0]).toMatchObject({ user: 3 });
    expect(sync.onUser(4)).toBe(true);
  });

  it("asks for its own log once, however many frames it asks with", () => {
    const { sync, asked } = world();
    sync.onUser(3);
    sync.follow(new Map(Array.from({ length: 201 }, (_, index) => [`room-${index}`, 1])));
    sync.opened();
    expect(asked.map(({ user }) => user)).toEqual([3, undefined]);
  });

  describe("pings", () => {
    function live(version: number) {
      const all = world();
      all.sync.follow(new Map([["r", version]]));
      all.sync.opened();
      all.answer({ head: version, complete: true, events: [] });
      all.asked.length = 0;
      return all;
    }

    it("ask for the rooms that are live, with the versions held", () => {
      const { sync } = live(5);
      sync.follow(new Map([["unanswered", 1]]));
      expect(sync.pings()).toEqual([{ action: "ping", rooms: { r: 5 }, user: 0 }]);
      sync.onUser(3);
      expect(sync.pings()).toEqual([{ action: "ping", rooms: { r: 5 }, user: 3 }]);
    });

    it("ask in several frames where there are many rooms", () => {
      const { sync, asked } = world();
      const rooms = Array.from({ length: 150 }, (_, n) => `r${n}`);
      sync.follow(new Map(rooms.map((room) => [room, 1])));
      sync.opened();
      const part = { head: 1, complete: true, events: [] };
      sync.onSynced({
        type: "synced",
        id: asked[0]?.id ?? "",
        rooms: Object.fromEntries(rooms.map((room) => [room, part])),
      });
      const pings = sync.pings();
      expect(pings.map((ping) => Object.keys(ping.rooms ?? {}).length)).toEqual([100, 50]);
      expect(pings.map(({ user }) => user)).toEqual([0, undefined]);
    });

    it("find a push that was lost, with nothing else in the room", async () => {
      const { sync, asked, taken, answer } = live(5);
      sync.onPong({ type: "pong", heads: { r: 7, elsewhere: 3 } });
      expect(asked).toEqual([]);
      await vi.advanceTimersByTimeAsync(1_250);
      expect(asked).toMatchObject([{ action: "sync", rooms: { r: 5 } }]);
      answer({ head: 7, complete: true, events: events(6, 7) });
      expect(taken).toEqual([6, 7]);
      sync.onPong({ type: "pong", heads: {} });
      await vi.advanceTimersByTimeAsync(60_000);
      expect(asked).toHaveLength(1);
    });

    it("ask nothing more where the push was on its way", async () => {
      const { sync, asked, taken, push } = live(5);
      sync.onPong({ type: "pong", heads: { r: 6 } });
      push(6);
      await vi.advanceTimersByTimeAsync(60_000);
      expect(taken).toEqual([6]);
      expect(asked).toEqual([]);
    });

    it("find what was lost of the person's own log", async () => {
      const { sync, asked } = live(5);
      sync.onUser(3);
      sync.onPong({ type: "pong", heads: {}, user: 5 });
      await vi.advanceTimersByTimeAsync(1_250);
      expect(asked).toMatchObject([{ action: "sync", rooms: {}, user: 3 }]);
      expect(sync.onUser(5, 4)).toBe(true);
      expect(sync.pings()[0]?.user).toBe(5);
    });

    it("have all be read anew where the person's own log was never heard of", () => {
      const { sync, log } = live(5);
      sync.onPong({ type: "pong", heads: {}, user: 4 });
      expect(log).toContain("own unknown");
      expect(sync.pings()[0]?.user).toBe(4);
    });
  });

  describe("the person's own log", () => {
    it("is asked for where a frame is missing, and shown meanwhile", async () => {
      const { sync, asked } = world();
      sync.opened();
      sync.onUser(3);
      expect(sync.onUser(6, 5)).toBe(true);
      expect(sync.pings()[0]?.user).toBe(3);
      await vi.advanceTimersByTimeAsync(1_250);
      expect(asked).toMatchObject([{ action: "sync", rooms: {}, user: 3 }]);
      // The server leaves out what is too old: what it gives is all that there is.
      expect(sync.onUser(6, 5)).toBe(true);
      sync.onSynced({ type: "synced", id: asked[0]?.id ?? "", rooms: {} });
      expect(sync.pings()[0]?.user).toBe(6);
      await vi.advanceTimersByTimeAsync(60_000);
      expect(asked).toHaveLength(1);
    });

    it("is not asked for where the missing frame comes late", async () => {
      const { sync, asked } = world();
      sync.opened();
      sync.onUser(3);
      sync.onUser(5, 5);
      sync.onUser(4, 4);
      sync.onUser(5, 5);
      await vi.advanceTimersByTimeAsync(60_000);
      expect(asked).toEqual([]);
    });

    it("goes on only from what it holds, once an answer ended", async () => {
      const { sync, asked } = world();
      sync.onUser(3);
      sync.opened();
      sync.follow(new Map([["r", 1]]));
      const id = asked[0]?.id ?? "";
      expect(asked[0]).toMatchObject({ user: 3 });
      // While the answer is due, a frame further ahead is all that there is.
      expect(sync.onUser(6, 6)).toBe(true);
      expect(sync.pings()[0]?.user).toBe(6);
      // A part of the answer does not end it, nor does another answer.
      sync.onSynced({ type: "synced", id: "other", rooms: {} });
      sync.onSynced({ type: "synced", id, rooms: {}, more: true });
      expect(sync.onUser(9, 9)).toBe(true);
      expect(sync.pings()[0]?.user).toBe(9);
      sync.onSynced({ type: "synced", id, rooms: {} });
      // Now a gap is a gap again, and is asked for after a second with jitter.
      expect(sync.onUser(12, 12)).toBe(true);
      expect(sync.pings()[0]?.user).toBe(9);
      await vi.advanceTimersByTimeAsync(1_249);
      expect(asked).toHaveLength(1);
      await vi.advanceTimersByTimeAsync(1);
      expect(asked[1]).toMatchObject({ rooms: {}, user: 9 });
    });

    it("is asked for with the first question alone", () => {
      const { sync, asked } = world();
      sync.onUser(3);
      sync.follow(new Map(Array.from({ length: 201 }, (_, index) => [`room-${index}`, 1])));
      sync.opened();
      sync.onSynced({ type: "synced", id: asked[1]?.id ?? "", rooms: {} });
      sync.onUser(6, 6);
      expect(sync.pings()[0]?.user).toBe(6);
    });

    it("is not asked for while the connection is lost", async () => {
      const { sync, asked } = world();
      sync.opened();
      sync.onUser(3);
      sync.onUser(6, 6);
      sync.closed();
      await vi.advanceTimersByTimeAsync(60_000);
      expect(asked).toEqual([]);
    });

    it("is no matter of a pong that does not tell of it", () => {
      const { sync, log } = world();
      sync.opened();
      sync.onPong({ type: "pong" });
      sync.onPong({ type: "pong", user: null });
      expect(log).toEqual([]);
      expect(sync.pings()[0]?.user).toBe(0);
    });

    it("may be asked for again where no answer came", async () => {
      const { sync, asked } = world();
      sync.opened();
      sync.onUser(3);
      for (const times of [1, 2]) {
        sync.onPong({ type: "pong", heads: {}, user: 4 });
        await vi.advanceTimersByTimeAsync(20_000);
        expect(asked).toHaveLength(times);
      }
    });
  });
});
