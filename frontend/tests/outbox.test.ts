// Over 300 lines: one outbox through acks, refusals, losses and reloads, in one small world.
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Outbox, type Command, type OutboxEntry } from "../src/client/outbox";

function world(saved: readonly OutboxEntry[] = []) {
  const sent: Command[] = [];
  const log: string[] = [];
  const state = { entries: saved, saved, held: 7 as number | null, ids: 0, quiet: false };
  const outbox = new Outbox({
    send: (command) => {
      sent.push(command);
      return true;
    },
    held: () => state.held,
    quiet: () => state.quiet,
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

  it("sends another text of a post that was not sent yet", () => {
    const { outbox, sent, state } = world();
    outbox.add(post("one"));
    expect(outbox.amend("c1", "won")).toBe(true);
    outbox.opened();
    outbox.acked("c1", 8);
    expect(sent).toEqual([{ ...post("won"), id: "c1", since: 7 }]);
    expect(state.entries.map(({ amended }) => amended)).toEqual([undefined]);
    expect(outbox.amend("c9", "of nothing")).toBe(false);
  });

  it.each(["acked", "seen"] as const)("edits a post that was sent once it is %s", (told) => {
    const { outbox, sent, state } = world();
    outbox.opened();
    outbox.add(post("one"));
    outbox.amend("c1", "two");
    outbox.amend("c1", "three");
    // Over a reload too.
    expect(state.saved).toMatchObject([{ command: post("one"), amended: "three" }]);
    expect(sent).toHaveLength(1);
    outbox[told]("c1", 8);
    outbox.seen("c1", 8);
    expect(sent.slice(1)).toEqual([
      { action: "edit", room: "r", version: 8, text: "three", id: "c2", since: 7 },
    ]);
  });

  it("edits an acknowledged post at once, and none whose words are as they were", () => {
    const { outbox, sent } = world();
    outbox.opened();
    outbox.add(post("one"));
    outbox.acked("c1", 8);
    outbox.amend("c1", "two");
    expect(sent.slice(1)).toMatchObject([{ action: "edit", version: 8, text: "two" }]);
    outbox.add(post("other", "s"));
    outbox.amend("c3", "changed");
    outbox.amend("c3", "other");
    outbox.acked("c3", 9);
    expect(sent.filter(({ action }) => action === "edit")).toHaveLength(1);
  });

  it("retries a refused post with the words that were made of it", () => {
    const { outbox, sent } = world();
    outbox.opened();
    outbox.add(post("one"));
    outbox.amend("c1", "two");
    outbox.refused("c1", "room_busy", "busy");
    outbox.retry("c1");
    expect(sent.at(-1)).toEqual({ ...post("two"), id: "c1", since: 7 });
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

  it("keeps no acknowledged post over a reload: it would be sent again", () => {
    const before = world();
    before.outbox.opened();
    before.outbox.add(post("done"));
    before.outbox.add(post("open"));
    before.outbox.acked("c1", 8);
    expect(before.state.entries.map(({ state }) => state)).toEqual(["acked", "sent"]);
    expect(before.state.saved.map(({ command }) => command.id)).toEqual(["c2"]);
    const after = world(before.state.saved);
    after.state.held = 20;
    after.outbox.opened();
    vi.advanceTimersByTime(60_000);
    expect(new Set(after.ids())).toEqual(new Set(["c2"]));
  });

  it("sends nothing while offline, then all of what waits", () => {
    const { outbox, ids } = world();
    outbox.add(post("one"));
    outbox.add(post("elsewhere", "s"));
    vi.advanceTimersByTime(60_000);
    expect(ids()).toEqual([]);
    outbox.opened();
    expect(ids()).toEqual(["c1", "c2"]);
    outbox.closed();
    vi.advanceTimersByTime(60_000);
    outbox.pump("r");
    outbox.add(post("later", "t"));
    expect(ids()).toEqual(["c1", "c2"]);
    outbox.opened();
    expect(ids()).toEqual(["c1", "c2", "c1", "c2", "c3"]);
  });

  it("keeps the lane behind a command that could not go out", () => {
    let works = false;
    const tried: string[] = [];
    const outbox = new Outbox({
      send: ({ id }) => {
        tried.push(id);
        return works;
      },
      held: () => 1,
      quiet: () => false,
      changed: () => undefined,
      acked: () => undefined,
      refused: () => undefined,
      newId: () => `c${tried.length + 1}`,
      load: () => [],
      save: () => undefined,
    });
    outbox.opened();
    outbox.add(post("one"));
    vi.advanceTimersByTime(60_000);
    expect(tried).toEqual(["c1"]);
    works = true;
    outbox.add(post("two"));
    expect(tried).toEqual(["c1", "c1"]);
  });

  it("does not send again what was sent and not answered, before its time", () => {
    const { outbox, ids } = world();
    outbox.opened();
    outbox.add(post("one"));
    outbox.pump("r");
    outbox.pump("r");
    vi.advanceTimersByTime(9_999);
    expect(ids()).toEqual(["c1"]);
  });

  it("shows what it kept over a reload", () => {
    const before = world();
    before.outbox.add(post("first"));
    const changed = vi.fn();
    const hooks = {
      send: () => true,
      held: () => 1,
      quiet: () => false,
      acked: vi.fn(),
      refused: vi.fn(),
    };
    new Outbox({
      ...hooks,
      changed,
      newId: () => "x",
      load: () => before.state.saved,
      save: () => undefined,
    });
    expect(changed).toHaveBeenCalledWith(before.state.saved);
    expect(before.state.saved).toMatchObject([{ state: "waiting", command: { text: "first" } }]);
    const none = vi.fn();
    new Outbox({
      ...hooks,
      changed: none,
      newId: () => "x",
      load: () => [],
      save: () => undefined,
    });
    expect(none).not.toHaveBeenCalled();
  });

  it("notes the version before a command goes out, so that a reload retries with it", () => {
    const { outbox, state } = world();
    outbox.opened();
    outbox.add(post("hi"));
    expect(state.saved).toMatchObject([{ state: "sent", command: { id: "c1", since: 7 } }]);
  });

  it("takes a room that is being made as empty, and a read mark as it is", () => {
    const { outbox, sent, state } = world();
    state.held = null;
    outbox.opened();
    outbox.add({ action: "create_room", room: "new", name: "New", kind: "public" });
    outbox.add({ action: "read", room: "r", version: 5 });
    expect(sent).toEqual([
      { action: "create_room", room: "new", name: "New", kind: "public", id: "c1", since: 0 },
      { action: "read", room: "r", version: 5, id: "c2" },
    ]);
  });

  it("needs no wait for a push that is there already", () => {
    const { outbox, state, log } = world();
    outbox.opened();
    outbox.add(post("hi"));
    state.held = 8;
    outbox.acked("c1", 8);
    expect(state.entries).toEqual([]);
    expect(log).toEqual(["acked c1 8"]);
  });

  it("forgets an acknowledged command that shows nothing of its own", () => {
    const { outbox, state } = world();
    outbox.opened();
    outbox.add({ action: "join", room: "r" });
    outbox.acked("c1", 8);
    expect(state.entries).toEqual([]);
  });

  it("passes over answers to what it does not know", () => {
    const { outbox, log, state } = world();
    outbox.opened();
    outbox.add(post("hi"));
    outbox.acked("other", 8);
    outbox.seen("other", 8);
    outbox.refused("other", "internal", "no");
    outbox.retry("other");
    outbox.discard("other");
    expect(log).toEqual([]);
    expect(state.entries).toHaveLength(1);
  });

  it("tells of an ack once where the push comes after it", () => {
    const { outbox, state, log } = world();
    outbox.opened();
    outbox.add(post("hi"));
    outbox.acked("c1", 8);
    outbox.seen("c1", 8);
    expect(log).toEqual(["acked c1 8"]);
    expect(state.entries).toEqual([]);
    vi.advanceTimersByTime(60_000);
    expect(state.entries).toEqual([]);
  });

  it("clears a room's acknowledged posts up to what that room shows, no other's", () => {
    const { outbox, state } = world();
    outbox.opened();
    outbox.add(post("here"));
    outbox.add(post("there", "s"));
    outbox.acked("c1", 8);
    outbox.acked("c2", 8);
    outbox.add(post("on its way"));
    outbox.reached("r", 100);
    expect(state.entries.map(({ command }) => command.id)).toEqual(["c2", "c3"]);
  });

  it("lets go of a post that waits or failed, not of one on its way", () => {
    const { outbox, state } = world();
    outbox.opened();
    outbox.add(post("on its way"));
    outbox.add(post("waits"));
    outbox.discard("c1");
    outbox.discard("c2");
    expect(state.entries.map(({ command }) => command.id)).toEqual(["c1"]);
  });

  it("tries again what failed alone, with the words and the time that it had", () => {
    vi.setSystemTime("2026-11-20T12:00:00Z");
    const { outbox, sent, state } = world();
    outbox.opened();
    outbox.add(post("one"));
    outbox.retry("c1");
    expect(sent).toHaveLength(1);
    outbox.refused("c1", "room_busy", "busy");
    expect(state.entries).toMatchObject([{ problem: { code: "room_busy", message: "busy" } }]);
    // It blocks nobody meanwhile, and goes nowhere by itself.
    vi.advanceTimersByTime(60_000);
    expect(sent).toHaveLength(1);
    outbox.retry("c1");
    expect(sent[1]).toEqual(sent[0]);
    expect(state.entries).toEqual([
      { command: sent[0], at: "2026-11-20T12:00:00.000Z", state: "sent" },
    ]);
  });

  it("replaces a read mark that waits, in the same room alone", () => {
    const { outbox, state } = world();
    outbox.add({ action: "read", room: "r", version: 5 });
    outbox.add({ action: "read", room: "s", version: 2 });
    outbox.add(post("hi"));
    outbox.add({ action: "read", room: "r", version: 6 });
    const shown = () => state.entries.map(({ command }) => command.id);
    expect(shown()).toEqual(["c2", "c3", "c4"]);
    // One that is on its way stays until it is answered.
    outbox.opened();
    outbox.add({ action: "read", room: "s", version: 3 });
    expect(shown()).toEqual(["c2", "c3", "c4", "c5"]);
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

  describe("where the push may serve as the ack", () => {
    function quietWorld(saved: readonly OutboxEntry[] = []) {
      const made = world(saved);
      made.state.quiet = true;
      made.outbox.opened();
      return made;
    }
    const first = { action: "post", room: "r", text: "hi", id: "c1", since: 7 };

    it("sends a post quietly, and takes its push for the ack", () => {
      const { outbox, sent, state, log } = quietWorld();
      outbox.add(post("hi"));
      expect(sent).toEqual([{ ...first, quiet: true }]);
      outbox.seen("c1", 8);
      vi.advanceTimersByTime(60_000);
      expect(sent).toHaveLength(1);
      expect(log).toEqual(["acked c1 8"]);
      expect(state.entries).toEqual([]);
    });

    it("asks for the ack where the room is not live", () => {
      const { outbox, sent, state } = quietWorld();
      state.quiet = false;
      outbox.add(post("hi"));
      expect(sent).toEqual([first]);
    });

    it("asks for the ack of all that is no post", () => {
      const { outbox, sent } = quietWorld();
      outbox.add({ action: "react", room: "r", version: 3, emoji: "👍" });
      outbox.add({ action: "read", room: "s", version: 3 });
      expect(sent.map((command) => "quiet" in command)).toEqual([false, false]);
    });

    it("asks for the ack where the push does not come, with the same id and since", () => {
      const { outbox, sent, state } = quietWorld();
      outbox.add(post("hi"));
      state.held = 12;
      vi.advanceTimersByTime(4_999);
      expect(sent).toHaveLength(1);
      vi.advanceTimersByTime(1);
      expect(sent).toEqual([{ ...first, quiet: true }, first]);
      vi.advanceTimersByTime(9_999);
      expect(sent).toHaveLength(2);
      outbox.acked("c1", 8);
      vi.advanceTimersByTime(60_000);
      expect(sent).toHaveLength(2);
      expect(state.entries).toEqual([]);
    });

    it("asks for the ack after a reconnect", () => {
      const { outbox, sent } = quietWorld();
      outbox.add(post("hi"));
      outbox.closed();
      outbox.opened();
      expect(sent).toEqual([{ ...first, quiet: true }, first]);
    });

    it("keeps a quiet post over a reload, and asks for its ack", () => {
      const before = quietWorld();
      before.outbox.add(post("hi"));
      expect(before.state.saved).toMatchObject([{ state: "sent", command: first }]);
      const after = quietWorld(before.state.saved);
      expect(after.sent).toEqual([first]);
      after.outbox.acked("c1", 8);
      expect(after.state.saved).toEqual([]);
    });

    it("asks for the ack of what the person tries again", () => {
      const { outbox, sent } = quietWorld();
      outbox.add(post("hi"));
      outbox.refused("c1", "rate_limited", "slow down");
      outbox.retry("c1");
      expect(sent).toEqual([{ ...first, quiet: true }, first]);
    });

    it("keeps one command of a room on its way, and waits for acks while others wait", () => {
      const { outbox, sent } = quietWorld();
      outbox.add(post("one"));
      outbox.add(post("two"));
      outbox.add(post("three"));
      expect(sent).toHaveLength(1);
      outbox.seen("c1", 8);
      outbox.acked("c2", 9);
      expect(sent).toMatchObject([
        { id: "c1", quiet: true },
        { id: "c2" },
        { id: "c3", quiet: true },
      ]);
      expect("quiet" in (sent[1] ?? {})).toBe(false);
    });
  });
});
