import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { events, world } from "./support/sync";

describe("RoomSync: pings and the person's own log", () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
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
