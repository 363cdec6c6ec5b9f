import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { RoomSync } from "../src/client/sync";
import { events, snapshotAt, world } from "./support/sync";

describe("RoomSync", () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
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
});
