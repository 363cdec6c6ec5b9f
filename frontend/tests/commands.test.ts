import { readFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Batches } from "../src/client/batches";
import { Commands } from "../src/client/commands";
import type { Command, NewCommand, Outbox } from "../src/client/outbox";
import { messageOf, refusalOf } from "../src/client/problems";
import { Toasts } from "../src/client/toasts";
import { closedRoom } from "../src/store/rooms";
import { initialState, type State } from "../src/store/state";
import { Store } from "../src/store/store";
import { joined, posted } from "./support/events";

function storeOf(connection: "online" | "offline" = "online") {
  const due: (() => void)[] = [];
  const state = { ...initialState({ id: "u_me", name: "me" }), connection };
  const store = new Store<State>(
    { ...state, rooms: new Map([["r", closedRoom("r")]]) },
    {
      soon: (callback) => {
        due.push(callback);
        return () => undefined;
      },
    },
  );
  return { store, due };
}

function world(connection: "online" | "offline" = "online") {
  const { store } = storeOf(connection);
  const added: Command[] = [];
  const calls: string[] = [];
  const outbox = {
    add: (command: NewCommand) => {
      const id = `c${added.length + 1}`;
      added.push({ ...command, id });
      return id;
    },
    retry: (id: string) => calls.push(`retry ${id}`),
    discard: (id: string) => calls.push(`discard ${id}`),
  };
  const toasts = new Toasts(store);
  const commands = new Commands(() => outbox as unknown as Outbox, store, toasts);
  const last = () => {
    const command = added.at(-1);
    if (!command) throw new Error("nothing was given to the outbox");
    return command;
  };
  const words = () => {
    store.flush();
    return store.get().toasts.map(({ text }) => text);
  };
  return { commands, added, calls, last, words, store };
}

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

describe("Commands", () => {
  it("say what the person did", () => {
    const { commands, added } = world();
    commands.post("r", "hi", "text", null);
    commands.post("r", "waves", "action", 4);
    commands.edit("r", 4, "better");
    commands.remove("r", 4);
    commands.react("r", 4, "👍", true);
    commands.react("r", 4, "👍", false);
    void commands.createRoom("s", "S", "private");
    void commands.join("s");
    void commands.leave("s");
    void commands.addMember("s", "u_a");
    void commands.removeMember("s", "u_a");
    void commands.setRole("s", "u_a", "owner");
    expect(added).toEqual([
      { action: "post", room: "r", text: "hi", id: "c1" },
      { action: "post", room: "r", text: "waves", kind: "action", reply_to: 4, id: "c2" },
      { action: "edit", room: "r", version: 4, text: "better", id: "c3" },
      { action: "delete", room: "r", version: 4, id: "c4" },
      { action: "react", room: "r", version: 4, emoji: "👍", id: "c5" },
      { action: "unreact", room: "r", version: 4, emoji: "👍", id: "c6" },
      { action: "create_room", room: "s", name: "S", kind: "private", id: "c7" },
      { action: "join", room: "s", id: "c8" },
      { action: "leave", room: "s", id: "c9" },
      { action: "add_member", room: "s", user: "u_a", id: "c10" },
      { action: "remove_member", room: "s", user: "u_a", id: "c11" },
      { action: "set_role", room: "s", user: "u_a", role: "owner", id: "c12" },
    ]);
  });

  it("answer who waits, once, and no other", async () => {
    const { commands, last, words } = world();
    const joining = commands.join("r");
    const first = last();
    const leaving = commands.leave("r");
    const second = last();
    commands.refused(second, "forbidden", "name another owner first", false);
    commands.acked(first);
    expect(await joining).toBeNull();
    expect(await leaving).toMatch(/^The room needs an owner/);
    // Who asked was told: nobody else needs to be.
    expect(words()).toEqual([]);
    commands.refused(second, "forbidden", "again", false);
    expect(words()).toEqual([messageOf("forbidden", "again")]);
  });

  it("answer at once while offline, and leave nothing behind", async () => {
    const { commands, added } = world("offline");
    expect(await commands.join("r")).toMatch(/offline/);
    expect(added).toEqual([]);
    // What is written goes out later.
    commands.post("r", "hi", "text", null);
    expect(added).toHaveLength(1);
  });

  it("tell of a refusal that nothing else shows", () => {
    const { commands, last, words } = world();
    commands.react("r", 4, "👍", true);
    commands.refused(last(), "rate_limited", "slow", false);
    expect(words()).toEqual([messageOf("rate_limited", "slow")]);
    commands.post("r", "hi", "text", null);
    commands.refused(last(), "rate_limited", "slow", true);
    commands.refused(
      { action: "read", room: "r", version: 4, id: "c9" },
      "rate_limited",
      "x",
      false,
    );
    expect(words()).toHaveLength(1);
  });

  it("hand retries and discards on, and show them at once", () => {
    const { commands, calls, store } = world();
    store.enqueue((state) => ({ ...state, listed: true }));
    commands.retry("c1");
    expect(store.get().listed).toBe(true);
    store.enqueue((state) => ({ ...state, listed: false }));
    commands.discard("c1");
    expect(store.get().listed).toBe(false);
    store.enqueue((state) => ({ ...state, listed: true }));
    commands.edit("r", 1, "x");
    expect(store.get().listed).toBe(true);
    expect(calls).toEqual(["retry c1", "discard c1"]);
  });
});

describe("messageOf", () => {
  const SERVER = ["domain/errors.py", "domain/room/membership.py", "domain/person/person.py"];

  it("has words of its own for every code, and for the server's sentences", () => {
    const python = SERVER.map((file) => readFileSync(`../${file}`, "utf8")).join();
    const codes = [...python.matchAll(/code(?:: [^=]*)? = "(\w+)"/gu)].map(
      ([, code]) => code ?? "",
    );
    expect(codes.length).toBeGreaterThan(10);
    const told = codes.map((code) => messageOf(code, "as the server says it"));
    expect(new Set(told).size).toBe(new Set(codes).size);
    for (const words of told) expect(words).toMatch(/^[A-Z].{10,}\.$/u);
    const sentences = [
      ...python.matchAll(/default(?:: [^=]*)? = "(.+)"|raise \w+\("(.+)"\)/gu),
    ].map(([, first, second]) => first ?? second ?? "");
    expect(sentences.length).toBeGreaterThan(20);
    for (const sentence of sentences) {
      for (const code of ["invalid", "forbidden", "not_found", "of a later release"]) {
        expect(messageOf(code, sentence)).toMatch(/^[A-Z].{10,}\.$/u);
        expect(messageOf(code, sentence)).not.toBe(sentence);
      }
    }
    expect(messageOf("forbidden", "your role in this room does not allow that")).toBe(
      "Only owners and moderators can do that here.",
    );
    expect(messageOf("forbidden", "a room has at most 50 pinned messages")).toContain("50 pinned");
  });
});

describe("refusalOf", () => {
  const about = (command: NewCommand, code: string, message: string) =>
    refusalOf({ ...command, id: "c1" }, code, message, () => "bob");
  const add: NewCommand = { action: "add_member", room: "r", user: "u_b" };

  it("says until when somebody cannot be invited", () => {
    const local = new Date("2026-11-28T12:30:00+00:00").toLocaleString("en-GB", {
      day: "numeric",
      month: "short",
      hour: "2-digit",
      minute: "2-digit",
    });
    const before = "they may not be invited again before 2026-11-28T12:30:00+00:00";
    expect(about(add, "forbidden", before)).toBe(`bob cannot be invited again before ${local}.`);
    expect(local).toContain("28 Nov");
    expect(about(add, "forbidden", "they may not be invited by you now")).toBe(
      "bob cannot be invited by you now. Try again in some days.",
    );
    expect(about(add, "forbidden", "for another reason")).toBe("You are not allowed to do that.");
  });

  it("has words of its own for the last owner and for an address", () => {
    const owner = "The room needs an owner. Make somebody else an owner first.";
    for (const command of [
      { action: "leave", room: "r" },
      { action: "set_role", room: "r", user: "u_b", role: "member" },
    ] as const) {
      expect(about(command, "forbidden", "name another owner first")).toBe(owner);
    }
    const create = { action: "create_room", room: "r", name: "R", kind: "private" } as const;
    expect(about(create, "invalid", "the id of a private room ends with -")).toMatch(/^This name/);
    expect(about(create, "room_exists", "there")).toMatch(
      /^There is already a room with this address/,
    );
  });
});

describe("Toasts", () => {
  const texts = (store: ReturnType<typeof storeOf>["store"]) => {
    store.flush();
    return store.get().toasts.map(({ text }) => text);
  };

  it("go away by themselves after six seconds, or when they are dismissed", () => {
    const { store } = storeOf();
    const toasts = new Toasts(store);
    toasts.show("one");
    vi.advanceTimersByTime(3_000);
    toasts.show("two");
    expect(texts(store)).toEqual(["one", "two"]);
    vi.advanceTimersByTime(3_000);
    expect(texts(store)).toEqual(["two"]);
    toasts.dismiss(store.get().toasts[0]?.id ?? "");
    expect(texts(store)).toEqual([]);
  });

  it("are three at the most, the newest", () => {
    const { store } = storeOf();
    const toasts = new Toasts(store);
    for (const text of ["one", "two", "three", "four"]) toasts.show(text);
    expect(texts(store)).toEqual(["two", "three", "four"]);
  });
});

describe("Batches", () => {
  function batches() {
    const { store, due } = storeOf();
    const all = { store, batches: new Batches(store), run: () => due.at(-1)?.(), due };
    store.update((state) => ({
      ...state,
      rooms: new Map([
        ["r", closedRoom("r")],
        ["s", closedRoom("s")],
      ]),
    }));
    return all;
  }

  it("fold what comes in a frame at once, each room by itself", () => {
    const { store, batches: some, run } = batches();
    some.add("r", [joined(1, "u_a")]);
    some.add("s", [joined(1, "u_b")]);
    some.add("r", [posted(2, "u_a", "x", 1), posted(3, "u_a", "y", 2)]);
    run();
    expect(store.get().rooms.get("r")).toMatchObject({ version: 3, memberCount: 1 });
    expect(store.get().rooms.get("s")).toMatchObject({ version: 1 });
    some.add("r", [joined(4, "u_c")]);
    run();
    expect(store.get().rooms.get("r")).toMatchObject({ version: 4, memberCount: 2 });
  });

  it("fold what comes after something else after that", () => {
    const { store, batches: some, run } = batches();
    some.add("r", [joined(1, "u_a")]);
    some.close("r");
    store.enqueue((state) => ({ ...state, rooms: new Map([["r", closedRoom("r")]]) }));
    some.add("r", [joined(1, "u_b"), joined(2, "u_c")]);
    run();
    expect(store.get().rooms.get("r")).toMatchObject({ version: 2, memberCount: 2 });
    // The batch that was closed does not end the one that is open.
    some.add("r", [joined(3, "u_d")]);
    run();
    expect(store.get().rooms.get("r")).toMatchObject({ version: 3 });
  });
});
