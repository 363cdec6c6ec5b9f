// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { OutboxEntry } from "../src/client/outbox";
import { pendingChanges, pendingPosts, withChanges } from "../src/store/pending";
import { frameScheduler, Store } from "../src/store/store";
import type { FoldedMessage } from "../src/fold/messages";
import { message } from "./support/events";

describe("Store", () => {
  function world() {
    const due: (() => void)[] = [];
    let called = 0;
    const store = new Store(0, {
      soon: (callback) => {
        due.push(callback);
        return () => {
          called += 1;
        };
      },
    });
    return { store, due, calledOff: () => called };
  }

  it("applies what is queued once, in order, and tells its listeners once", () => {
    const { store, due } = world();
    const heard: number[] = [];
    store.subscribe(() => heard.push(store.get()));
    store.enqueue((value) => value + 1);
    store.enqueue((value) => value * 10);
    expect(store.get()).toBe(0);
    expect(due).toHaveLength(1);
    due[0]?.();
    expect(heard).toEqual([10]);
    store.enqueue((value) => value + 1);
    expect(due).toHaveLength(2);
    due[1]?.();
    expect(heard).toEqual([10, 11]);
  });

  it("applies at once what the person did, after all that waits", () => {
    const { store, calledOff } = world();
    store.enqueue((value) => value + 1);
    store.update((value) => value * 10);
    expect(store.get()).toBe(10);
    expect(calledOff()).toBe(1);
    store.flush();
    expect(store.get()).toBe(10);
  });

  it("tells nobody of what changes nothing, or of what they do not ask any more", () => {
    const { store } = world();
    const heard = vi.fn();
    const off = store.subscribe(heard);
    store.update((value) => value);
    expect(heard).not.toHaveBeenCalled();
    store.update((value) => value + 1);
    off();
    store.update((value) => value + 1);
    expect(heard).toHaveBeenCalledTimes(1);
  });

  it("takes what a listener adds", () => {
    const { store, due } = world();
    store.subscribe(() => {
      if (store.get() < 3) store.enqueue((value) => value + 1);
    });
    store.update((value) => value + 1);
    expect(store.get()).toBe(1);
    due.at(-1)?.();
    due.at(-1)?.();
    expect(store.get()).toBe(3);
  });
});

describe("frameScheduler", () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.unstubAllGlobals();
    vi.useRealTimers();
  });

  function frames(run: boolean) {
    const waiting = new Map<number, () => void>();
    vi.stubGlobal("requestAnimationFrame", (callback: () => void) => {
      waiting.set(waiting.size + 1, callback);
      return waiting.size;
    });
    vi.stubGlobal("cancelAnimationFrame", (frame: number) => waiting.delete(frame));
    return () => {
      if (run) for (const callback of [...waiting.values()]) callback();
    };
  }

  it("runs with the next frame, once", () => {
    const frame = frames(true);
    const callback = vi.fn();
    frameScheduler.soon(callback);
    expect(callback).not.toHaveBeenCalled();
    frame();
    vi.advanceTimersByTime(1_000);
    frame();
    expect(callback).toHaveBeenCalledTimes(1);
  });

  it("runs within 100 ms where frames have stopped", () => {
    frames(false);
    const callback = vi.fn();
    frameScheduler.soon(callback);
    vi.advanceTimersByTime(99);
    expect(callback).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(callback).toHaveBeenCalledTimes(1);
  });

  it("can be called off", () => {
    const frame = frames(true);
    const callback = vi.fn();
    frameScheduler.soon(callback)();
    frame();
    vi.advanceTimersByTime(1_000);
    expect(callback).not.toHaveBeenCalled();
  });
});

describe("what is on its way", () => {
  const AT = "2026-11-20T12:00:00.000Z";
  const command = { action: "post", id: "c1", room: "r", text: "hi", since: 3 } as const;
  const entry = (changes: Partial<OutboxEntry> = {}): OutboxEntry => ({
    command,
    at: AT,
    state: "waiting",
    ...changes,
  });

  it("shows as the message that it will be", () => {
    const [shown] = pendingPosts([entry()], "r", [], "u_me");
    expect(shown).toEqual({
      id: "c1",
      by: "u_me",
      at: AT,
      text: "hi",
      kind: "text",
      reply_to: null,
      state: "waiting",
      ackedAs: null,
      problem: null,
    });
    const reply = { ...command, kind: "action", reply_to: 2 } as const;
    const problem = { code: "room_busy", message: "busy" };
    const failed = entry({ command: reply, state: "failed", problem });
    expect(pendingPosts([failed], "r", [], "u_me")).toMatchObject([
      { kind: "action", reply_to: 2, state: "failed", problem },
    ]);
    expect(pendingPosts([entry({ state: "acked", version: 9 })], "r", [], "u_me")).toMatchObject([
      { state: "acked", ackedAs: 9 },
    ]);
  });

  it("shows in its room, and only what is said", () => {
    const edit = { action: "edit", id: "c2", room: "r", version: 1, text: "x" } as const;
    const some = [entry(), entry({ command: edit })];
    expect(pendingPosts(some, "s", [], "u_me")).toEqual([]);
    expect(pendingPosts(some, "r", [], "u_me")).toHaveLength(1);
  });

  it("stands back for its message, once that is there", () => {
    const mine = { ...message(5, 5, "hi"), by: "u_me", id: "c1" };
    const shown = (state: OutboxEntry["state"], held: FoldedMessage[], since?: number) => {
      const { since: first, ...unstamped } = command;
      const sent = since === undefined ? unstamped : { ...command, since };
      expect(first).toBe(3);
      return pendingPosts([entry({ command: sent, state })], "r", held, "u_me").length;
    };
    expect(shown("sent", [mine], 3)).toBe(0);
    expect(shown("sent", [mine], 4)).toBe(0);
    expect(shown("sent", [mine], 5)).toBe(1);
    expect(shown("sent", [mine])).toBe(1);
    expect(shown("acked", [mine], 3)).toBe(0);
    expect(shown("sent", [{ ...mine, text: "edited since" }], 3)).toBe(0);
    expect(shown("sent", [{ ...mine, by: "u_a" }], 3)).toBe(1);
    expect(shown("sent", [{ ...mine, id: "c2" }], 3)).toBe(1);
    // What an earlier release folded says no id.
    expect(shown("sent", [{ ...mine, id: null }], 3)).toBe(1);
    expect(shown("sent", [message(4), mine, message(6)], 3)).toBe(0);
  });

  it("changes messages before the server took it", () => {
    const base = { room: "r", version: 5 } as const;
    const changes = [
      entry({ command: { ...base, action: "edit", id: "c1", text: "better" } }),
      entry({ command: { ...base, action: "react", id: "c2", emoji: "👍" } }),
      entry({ command: { ...base, action: "delete", id: "c3", version: 6 } }),
      entry({ command: { ...base, action: "read", id: "c4" } }),
      entry({ command: { ...base, action: "edit", id: "c5", room: "s", text: "x" } }),
      entry(),
    ];
    const found = pendingChanges(changes, "r");
    expect([...found].map(([version, some]) => [version, some.length])).toEqual([
      [5, 2],
      [6, 1],
    ]);
    expect(withChanges(message(5), found.get(5), "u_me")).toEqual({
      ...message(5),
      text: "better",
      edited_at: AT,
      reactions: { "👍": ["u_me"] },
    });
    const reacted = { ...message(6), edited_at: AT, reactions: { "👍": ["u_a"] } };
    expect(withChanges(reacted, found.get(6), "u_me")).toEqual({
      ...message(6),
      text: null,
      deleted: true,
    });
  });

  it("takes a reaction back before the server did", () => {
    const unreact = { action: "unreact", room: "r", version: 5, id: "c1", emoji: "👍" } as const;
    const reacted = { ...message(5), reactions: { "👍": ["u_a", "u_me"] } };
    expect(withChanges(reacted, [entry({ command: unreact })], "u_me").reactions).toEqual({
      "👍": ["u_a"],
    });
    expect(withChanges(reacted, undefined, "u_me")).toBe(reacted);
  });
});
