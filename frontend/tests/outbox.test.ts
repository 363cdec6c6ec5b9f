import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Outbox, type Command, type OutboxEntry } from "../src/client/outbox";

function world(saved: readonly OutboxEntry[] = []) {
  const sent: Command[] = [];
  const log: string[] = [];
  const state = { entries: saved, saved, held: 7 as number | null, ids: 0 };
  const outbox = new Outbox({
    send: (command) => {
      sent.push(command);
      return true;
    },
    held: () => state.held,
    changed: (entries) => {
      state.entries = entries;
    },
    acked: (command, version) => log.push(`acked ${command.id} ${version}`),
    refused: (command, code, _message, kept) =>
      log.push(`refused ${command.id} ${code}${kept ? " kept" : ""}`),
    newId: () => `c${++state.ids}`,
    load: () => saved,
    save: (entries) => {
      state.saved = entries;
    },
  });
  return { outbox, sent, log, state, ids: () => sent.map(({ id }) => id) };
}

const post = (text: string, room = "r") => ({ action: "post", room, text }) as const;

describe("Outbox", () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it("sends one command of a room at a time, and rooms beside each other", () => {
    const { outbox, ids } = world();
    outbox.opened();
    outbox.add(post("one"));
    outbox.add(post("two"));
    outbox.add(post("elsewhere", "s"));
    expect(ids()).toEqual(["c1", "c3"]);
    outbox.acked("c1", 8);
    expect(ids()).toEqual(["c1", "c3", "c2"]);
  });

  it("retries after a reconnect with the same id and the first since", () => {
    const { outbox, sent, state } = world();
    outbox.opened();
    outbox.add(post("hi"));
    outbox.closed();
    state.held = 12;
    outbox.opened();
    expect(sent).toEqual([
      { action: "post", room: "r", text: "hi", id: "c1", since: 7 },
      { action: "post", room: "r", text: "hi", id: "c1", since: 7 },
    ]);
  });

  it("retries when no answer came in time", () => {
    const { outbox, ids } = world();
    outbox.opened();
    outbox.add(post("hi"));
    vi.advanceTimersByTime(10_000);
    expect(ids()).toEqual(["c1", "c1"]);
    outbox.acked("c1", 8);
    vi.advanceTimersByTime(60_000);
    expect(ids()).toEqual(["c1", "c1"]);
  });

  it("waits with a room until its version is known", () => {
    const { outbox, sent, state } = world();
    state.held = null;
    outbox.opened();
    outbox.add(post("hi"));
    expect(sent).toEqual([]);
    state.held = 3;
    outbox.pump("r");
    expect(sent[0]).toMatchObject({ id: "c1", since: 3 });
  });

  it("keeps unacknowledged commands over a reload, and sends them again as they were", () => {
    const before = world();
    before.outbox.opened();
    before.outbox.add(post("first"));
    before.outbox.add(post("second"));
    const after = world(before.state.saved);
    after.state.held = 20;
    after.outbox.opened();
    after.outbox.acked("c1", 8);
    expect(after.sent).toEqual([
      { action: "post", room: "r", text: "first", id: "c1", since: 7 },
      { action: "post", room: "r", text: "second", id: "c2", since: 20 },
    ]);
    expect(after.state.saved.map(({ command }) => command.id)).toEqual(["c2"]);
  });

  it("shows an acknowledged post until its event is folded", () => {
    const { outbox, state, log } = world();
    outbox.opened();
    outbox.add(post("hi"));
    outbox.acked("c1", 8);
    expect(state.entries).toMatchObject([{ state: "acked", version: 8 }]);
    outbox.reached("r", 7);
    expect(state.entries).toHaveLength(1);
    outbox.reached("r", 8);
    expect(state.entries).toEqual([]);
    expect(log).toEqual(["acked c1 8"]);
  });

  it("takes the push for the ack where it comes first", () => {
    const { outbox, state, log, ids } = world();
    outbox.opened();
    outbox.add(post("one"));
    outbox.add(post("two"));
    outbox.seen("c1", 8);
    expect(state.entries.map(({ command }) => command.id)).toEqual(["c2"]);
    outbox.acked("c1", 8);
    expect(log).toEqual(["acked c1 8"]);
    expect(ids()).toEqual(["c1", "c2"]);
  });

  it("keeps a refused post for the person to retry with the same id, or to discard", () => {
    const { outbox, state, log, ids } = world();
    outbox.opened();
    outbox.add(post("one"));
    outbox.add(post("two"));
    outbox.refused("c1", "rate_limited", "slow down");
    expect(log).toEqual(["refused c1 rate_limited kept"]);
    expect(ids()).toEqual(["c1", "c2"]);
    outbox.acked("c2", 8);
    outbox.retry("c1");
    expect(ids()).toEqual(["c1", "c2", "c1"]);
    outbox.refused("c1", "rate_limited", "slow down");
    outbox.discard("c1");
    expect(state.entries.map(({ command }) => command.id)).toEqual(["c2"]);
  });

  it("forgets another command that was refused", () => {
    const { outbox, state, log } = world();
    outbox.opened();
    outbox.add({ action: "react", room: "r", version: 3, emoji: "👍" });
    outbox.refused("c1", "forbidden", "no");
    expect(state.entries).toEqual([]);
    expect(log).toEqual(["refused c1 forbidden"]);
  });

  it("sends only the newest read mark, and keeps none over a reload", () => {
    const { outbox, sent, state } = world();
    outbox.opened();
    outbox.add(post("hi"));
    outbox.add({ action: "read", room: "r", version: 5 });
    outbox.add({ action: "read", room: "r", version: 6 });
    expect(state.saved).toHaveLength(1);
    outbox.acked("c1", 8);
    expect(sent.slice(1)).toEqual([{ action: "read", room: "r", version: 6, id: "c3" }]);
  });
});
