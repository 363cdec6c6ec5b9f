// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Keeper } from "../src/client/keeper";
import type { OutboxEntry } from "../src/client/outbox";
import { messageOf } from "../src/client/problems";
import { forgetKept, type Kept, type Shelf, type Tabs } from "../src/client/shelf";
import { FakeServer } from "./support/server";

/** A browser's shelf and tabs, in memory. */
class Browser implements Shelf, Tabs {
  readonly kept = new Map<string, Kept>();
  readonly open = new Set<string>();
  full = false;
  private queue: Promise<void> = Promise.resolve();

  all(): Promise<readonly Kept[]> {
    return Promise.resolve([...this.kept.values()]);
  }

  put(kept: Kept): Promise<void> {
    if (this.full) return Promise.reject(new DOMException("full", "QuotaExceededError"));
    this.kept.set(kept.tab, kept);
    return Promise.resolve();
  }

  remove(tabs: readonly string[]): Promise<void> {
    for (const tab of tabs) this.kept.delete(tab);
    return Promise.resolve();
  }

  begin(tab: string): () => void {
    this.open.add(tab);
    return () => {
      this.open.delete(tab);
    };
  }

  gone(tab: string): Promise<boolean> {
    return Promise.resolve(!this.open.has(tab));
  }

  alone(work: () => Promise<void>): Promise<void> {
    this.queue = this.queue.then(work);
    return this.queue;
  }

  tab(name: string, user = "u_me"): Keeper {
    return new Keeper(user, name, this, this);
  }

  /** What is kept of all tabs, in words. */
  get words(): string[] {
    return [...this.kept.values()].flatMap(({ tab, entries }) =>
      entries.map(({ command }) => `${tab}: ${command.action === "post" ? command.text : "?"}`),
    );
  }
}

const NOW = new Date("2026-11-22T12:00:00Z");

function entry(text: string, more: Partial<OutboxEntry> = {}): OutboxEntry {
  return {
    command: { action: "post", id: `id of ${text}`, room: "r", text, since: 3 },
    at: NOW.toISOString(),
    state: "waiting",
    ...more,
  };
}

const settle = () => vi.advanceTimersByTimeAsync(20);

let browser: Browser;

beforeEach(() => {
  vi.useFakeTimers({ now: NOW });
  browser = new Browser();
});
afterEach(() => {
  vi.useRealTimers();
});

describe("a keeper", () => {
  it("keeps the latest, and nothing where nothing waits", async () => {
    const keeper = browser.tab("a");
    keeper.save([entry("one")]);
    keeper.save([entry("one"), entry("two")]);
    await settle();
    expect(browser.words).toEqual(["a: one", "a: two"]);
    keeper.save([]);
    await settle();
    expect(browser.kept.size).toBe(0);
    keeper.stop();
    keeper.save([entry("late")]);
    await settle();
    expect(browser.kept.size).toBe(0);
  });

  it("takes over from tabs of the same person that are gone, and from no other", async () => {
    const [gone, here, other] = [browser.tab("gone"), browser.tab("here"), browser.tab("o", "u_o")];
    for (const [keeper, text] of [
      [gone, "mine"],
      [here, "still there"],
      [other, "theirs"],
    ] as const)
      keeper.save([entry(text)]);
    await settle();
    gone.stop();
    other.stop();
    const keeper = browser.tab("new");
    const taken: string[] = [];
    const take = (entries: readonly OutboxEntry[]) => {
      taken.push(...entries.map(({ command }) => command.id));
      keeper.save(entries);
    };
    await keeper.adopt(take);
    await keeper.adopt(take);
    expect(taken).toEqual(["id of mine"]);
    expect(browser.words.sort()).toEqual(["here: still there", "new: mine", "o: theirs"]);
  });

  it("gives what a tab left to one of two that ask at once", async () => {
    const gone = browser.tab("gone");
    gone.save([entry("once")]);
    await settle();
    gone.stop();
    const taken: string[] = [];
    await Promise.all(
      ["a", "b"].map((name) => {
        const keeper = browser.tab(name);
        return keeper.adopt((entries) => {
          taken.push(name);
          keeper.save(entries);
        });
      }),
    );
    expect(taken).toEqual(["a"]);
    expect(browser.words).toEqual(["a: once"]);
  });

  it("goes on where there is no place, and forgets a person alone", async () => {
    const keeper = browser.tab("a");
    browser.full = true;
    keeper.save([entry("one")]);
    await settle();
    browser.full = false;
    keeper.save([entry("two")]);
    browser.tab("b", "u_other").save([entry("theirs")]);
    await settle();
    expect(browser.words).toEqual(["a: two", "b: theirs"]);
    await forgetKept("u_me", browser);
    expect(browser.words).toEqual(["b: theirs"]);
  });
});

describe("a message that was not sent when its tab was closed", () => {
  let server: FakeServer;

  beforeEach(() => {
    server = new FakeServer(3);
  });

  async function open(name: string) {
    // Another tab has a session storage of its own.
    server.keep([]);
    const chat = server.tab(false, browser.tab(name));
    chat.start();
    await settle();
    const { socket } = server;
    return {
      chat,
      connect: async () => {
        socket.open();
        await settle();
        chat.openRoom("r");
        server.answerSync();
        await settle();
      },
    };
  }

  const texts = () => server.posts().map(({ text }) => text);

  it("is sent by the next one", async () => {
    const first = await open("first");
    await first.connect();
    server.socket.lose();
    first.chat.commands.post("r", "written offline", "text", null);
    await settle();
    // With a lower bound of what is held at the first send.
    expect(browser.kept.get("first")?.entries[0]?.command).toMatchObject({ since: 3 });
    first.chat.stop();
    const second = await open("second");
    expect(second.chat.store.get().outbox).toHaveLength(1);
    await second.connect();
    expect(texts()).toEqual(["written offline"]);
    const [post] = server.posts();
    if (!post) throw new Error("nothing was sent");
    const event = server.take(post);
    server.ack(post, event);
    server.push(event);
    await settle();
    expect(second.chat.store.get().outbox).toEqual([]);
    expect(browser.kept.size).toBe(0);
    second.chat.stop();
  });

  it("is in the log once where two tabs come to send it", async () => {
    const left = entry("both");
    const tabs = [];
    for (const name of ["a", "b"]) {
      // As after a crash between taking it over and forgetting whose it was.
      browser.kept.set("gone", { tab: "gone", user: "u_me", entries: [left] });
      const tab = await open(name);
      await tab.connect();
      tabs.push(tab.chat);
      expect(texts()).toEqual(["both"]);
    }
    for (const socket of server.sockets) {
      const post = socket.sent.find((frame) => frame.action === "post");
      if (post) server.take(post);
    }
    expect(server.events.filter(({ id }) => id === left.command.id)).toHaveLength(1);
    const sent = server.sockets.flatMap((one) =>
      one.sent.filter(({ action }) => action === "post"),
    );
    expect(sent).toHaveLength(2);
    expect(sent[0]).toEqual(sent[1]);
    for (const chat of tabs) chat.stop();
  });

  it("is sent only by a click where it waited for more than a day", async () => {
    const at = new Date(NOW.getTime() - 25 * 3_600_000).toISOString();
    const join = {
      ...entry("x", { at }),
      command: { action: "join", id: "j", room: "s" } as const,
    };
    browser.kept.set("gone", { tab: "gone", user: "u_me", entries: [entry("old", { at }), join] });
    const { chat, connect } = await open("new");
    await connect();
    expect(texts()).toEqual([]);
    expect(chat.store.get().outbox).toMatchObject([{ state: "failed", problem: { code: "late" } }]);
    const problem = chat.store.get().outbox[0]?.problem;
    expect(problem && messageOf(problem.code, problem.message)).toContain("more than a day");
    chat.commands.retry("id of old");
    await settle();
    expect(texts()).toEqual(["old"]);
    chat.stop();
  });
});
