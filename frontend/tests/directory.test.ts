// @vitest-environment happy-dom
// Over 300 lines: the directory from its list in the store to its pages, over the same summaries.
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ApiError } from "../src/client/api";
import { Directory } from "../src/client/directory";
import { listDirectory } from "../src/store/directory";
import { closedRoom, listRooms } from "../src/store/rooms";
import { initialState, type RoomState, type State } from "../src/store/state";
import { Store } from "../src/store/store";
import { arrange } from "../src/ui/sidebar/arrange";
import type { Rooms, RoomSummary } from "../src/wire/http";
import { FakeServer } from "./support/server";

const ME = { id: "u_me", name: "me" };

function summary(room: string, more: Partial<RoomSummary> = {}): RoomSummary {
  return {
    room,
    name: room,
    kind: "public",
    role: null,
    head: 3,
    member_count: 1,
    unread: 0,
    last: null,
    ...more,
  };
}

function withRooms(...rooms: Partial<RoomState>[]): State {
  const made = rooms.map((room) => ({ ...closedRoom(room.room ?? "r"), version: 3, ...room }));
  return { ...initialState(ME), rooms: new Map(made.map((room) => [room.room, room])) };
}

function ids(state: State): string[] {
  return [...state.rooms.keys()].sort();
}

describe("listDirectory", () => {
  it("puts what was found beside one's own rooms", () => {
    const state = withRooms({ room: "mine", role: "member", unread: 2 });
    const next = listDirectory(state, "", [summary("a"), summary("b")], "next", false);
    expect(ids(next)).toEqual(["a", "b", "mine"]);
    expect(next.directory).toEqual({
      query: "",
      rooms: ["a", "b"],
      cursor: "next",
      searching: false,
    });
    expect(next.rooms.get("mine")).toBe(state.rooms.get("mine"));
  });

  it("takes the place of what an earlier search found", () => {
    const first = listDirectory(withRooms(), "", [summary("a"), summary("b")], null, false);
    const next = listDirectory({ ...first, active: "b" }, "c", [summary("c")], null, false);
    expect(ids(next)).toEqual(["b", "c"]);
    expect(next.directory.rooms).toEqual(["c"]);
  });

  it("adds a further page, each room once", () => {
    const first = listDirectory(withRooms(), "", [summary("a"), summary("b")], "x", false);
    const next = listDirectory(first, "", [summary("b"), summary("c")], null, true);
    expect(next.directory.rooms).toEqual(["a", "b", "c"]);
    expect(next.directory.cursor).toBeNull();
  });

  it("does not take a room back from who joined it meanwhile", () => {
    const state = withRooms({ room: "a", role: "owner", unread: 1, version: 3 });
    const next = listDirectory(state, "", [summary("a", { head: 9 })], null, false);
    expect(next.rooms.get("a")).toBe(state.rooms.get("a"));
  });

  it("does not go back behind what a guest follows", () => {
    const state = withRooms({ room: "a", version: 7, memberCount: 5 });
    const next = listDirectory(state, "", [summary("a", { head: 6 })], null, false);
    expect(next.rooms.get("a")?.memberCount).toBe(5);
  });
});

describe("listRooms", () => {
  it("leaves what the directory found", () => {
    const state = listDirectory(withRooms(), "", [summary("a")], null, false);
    expect(ids(listRooms(state, [summary("mine", { role: "member" })]))).toEqual(["a", "mine"]);
  });

  it("gives a room that was left elsewhere back to the directory, unless it is private", () => {
    const state = withRooms(
      { room: "public", role: "member", unread: 4 },
      { room: "private", role: "member", kind: "private" },
      { room: "removed", role: null, kind: "private" },
      { room: "refused", version: 0 },
      { room: "seen", role: null, kind: "private" },
    );
    const next = listRooms({ ...state, active: "seen" }, []);
    expect(ids(next)).toEqual(["public", "seen"]);
    expect(next.rooms.get("public")).toMatchObject({ role: null, unread: 0 });
  });
});

describe("arrange", () => {
  const state = withRooms(
    { room: "cafe", name: "Café", role: "member" },
    { room: "b", name: "Zoë's den", role: null },
    { room: "c", name: "Unlike", role: null },
  );

  it("finds without case and accents, word by word", () => {
    const find = (filter: string) => {
      const { own, others } = arrange(state.rooms, state.directory, filter, null);
      return [...own, ...others].map(({ room }) => room);
    };
    expect(find("")).toEqual(["cafe", "b", "c"]);
    expect(find("CAFE")).toEqual(["cafe"]);
    expect(find("den zoe")).toEqual(["b"]);
    expect(find("nothing")).toEqual([]);
  });

  it("puts the own ones by what happened last: words, or that one came into it", () => {
    const last = (at: string) => ({
      version: 3,
      at,
      by: "u_a",
      name: "a",
      text: "t",
      kind: "text",
    });
    const { rooms, directory } = withRooms(
      { room: "silent", role: "member", last: last("2011-05-01"), joined: "2011-01-01" },
      { room: "new", role: "owner", joined: "2026-11-20" },
      { room: "busy", role: "member", last: last("2026-11-21"), joined: "2011-01-01" },
      { room: "unknown", role: "member", joined: null },
    );
    const { own } = arrange(rooms, directory, "", null);
    expect(own.map(({ room }) => room)).toEqual(["busy", "new", "silent", "unknown"]);
  });

  it("offers only rooms that one may join", () => {
    const { rooms, directory } = withRooms(
      { room: "open", role: null },
      { room: "removed-from", role: null, kind: "private" },
      { room: "refused", role: null, refused: "not_found" },
    );
    const { others } = arrange(rooms, directory, "", null);
    expect(others.map(({ room }) => room)).toEqual(["open"]);
  });

  it("shows what the server found for just these words", () => {
    const found = { ...state.directory, query: "strasse", rooms: ["c"] };
    expect(arrange(state.rooms, found, "strasse ", null).others.map((r) => r.room)).toEqual(["c"]);
    expect(arrange(state.rooms, found, "stras", null).others).toEqual([]);
  });
});

describe("Directory", () => {
  const asked: { query: string; cursor: string | null }[] = [];
  let answers: ((query: string, cursor: string | null) => Rooms | Promise<Rooms>) | undefined;
  let store: Store<State>;
  let directory: Directory;
  let overs: number;

  beforeEach(() => {
    vi.useFakeTimers();
    asked.length = 0;
    overs = 0;
    answers = undefined;
    store = new Store(initialState(ME));
    directory = new Directory(
      {
        directory: (query, cursor) => {
          asked.push({ query, cursor });
          return Promise.resolve(answers?.(query, cursor) ?? { rooms: [], cursor: null });
        },
      },
      store,
      () => {
        overs += 1;
      },
    );
  });

  afterEach(() => {
    vi.useRealTimers();
  });

  it("asks once typing has paused", async () => {
    for (const text of ["c", "ca", "caf"]) {
      directory.search(text);
      await vi.advanceTimersByTimeAsync(100);
    }
    expect(asked).toEqual([]);
    expect(store.get().directory.searching).toBe(true);
    await vi.advanceTimersByTimeAsync(250);
    expect(asked).toEqual([{ query: "caf", cursor: null }]);
    expect(store.get().directory).toMatchObject({ query: "caf", searching: false });
    directory.search(" caf ");
    await vi.advanceTimersByTimeAsync(1_000);
    expect(asked).toHaveLength(1);
  });

  it("drops the answer to an earlier search", async () => {
    let answer: (rooms: Rooms) => void = () => undefined;
    answers = (query) =>
      query === "old"
        ? new Promise((resolve) => {
            answer = resolve;
          })
        : { rooms: [summary("new")], cursor: null };
    directory.search("old");
    await vi.advanceTimersByTimeAsync(300);
    directory.search("new");
    await vi.advanceTimersByTimeAsync(300);
    answer({ rooms: [summary("old")], cursor: null });
    await vi.advanceTimersByTimeAsync(0);
    expect(ids(store.get())).toEqual(["new"]);
    expect(store.get().directory.query).toBe("new");
  });

  it("reads on over short pages, and stops at a bound", async () => {
    answers = (_, cursor) => {
      const page = Number(cursor ?? "0");
      return page < 3
        ? { rooms: [], cursor: String(page + 1) }
        : { rooms: [summary("late")], cursor: null };
    };
    await directory.refresh();
    expect(asked.map(({ cursor }) => cursor)).toEqual([null, "1", "2", "3"]);
    expect(store.get().directory.rooms).toEqual(["late"]);

    asked.length = 0;
    answers = () => ({ rooms: [], cursor: "again" });
    await directory.refresh();
    expect(asked).toHaveLength(5);
    expect(store.get().directory).toMatchObject({ cursor: "again", searching: false });
    await directory.more();
    expect(asked).toHaveLength(10);
    expect(asked[5]).toEqual({ query: "", cursor: "again" });
  });

  it("does not show the answer to an earlier search while typing goes on", async () => {
    let answer: (rooms: Rooms) => void = () => undefined;
    answers = () =>
      new Promise((resolve) => {
        answer = resolve;
      });
    directory.search("old");
    await vi.advanceTimersByTimeAsync(300);
    directory.search("older");
    answer({ rooms: [summary("old")], cursor: null });
    await vi.advanceTimersByTimeAsync(100);
    expect(ids(store.get())).toEqual([]);
    expect(store.get().directory.searching).toBe(true);
  });

  it("takes an earlier search's failure for nothing", async () => {
    let refuse: (error: Error) => void = () => undefined;
    answers = (query) =>
      query === "old"
        ? new Promise((_, reject) => {
            refuse = reject;
          })
        : new Promise(() => undefined);
    directory.search("old");
    await vi.advanceTimersByTimeAsync(300);
    directory.search("new");
    await vi.advanceTimersByTimeAsync(300);
    refuse(new ApiError("unauthenticated", "over"));
    await vi.advanceTimersByTimeAsync(0);
    expect(overs).toBe(0);
    expect(store.get().directory.searching).toBe(true);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(asked.map(({ query }) => query)).toEqual(["old", "new"]);
  });

  it("asks once where it is told to while typing pauses", async () => {
    directory.search("garden");
    await directory.refresh();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(asked).toEqual([{ query: "garden", cursor: null }]);
    directory.search("");
    await vi.advanceTimersByTimeAsync(0);
    expect(asked.at(-1)).toEqual({ query: "", cursor: null });
  });

  it("reads again as many as it shows, and no more than it has to", async () => {
    const page = (from: number, size: number, cursor: string | null) => ({
      rooms: Array.from({ length: size }, (_, index) => summary(`r${from + index}`)),
      cursor,
    });
    answers = (_, cursor) =>
      cursor === null ? page(0, 60, "60") : page(Number(cursor), 60, String(Number(cursor) + 60));
    await directory.refresh();
    expect(asked).toHaveLength(1);
    await directory.more();
    expect(store.get().directory.rooms).toHaveLength(120);
    asked.length = 0;
    await directory.refresh();
    expect(asked).toHaveLength(2);
    expect(store.get().directory.rooms).toHaveLength(120);
  });

  it("reads neither on nor again while it reads, and no further than the end", async () => {
    answers = () => ({ rooms: [summary("a")], cursor: "next" });
    await directory.refresh();
    asked.length = 0;
    answers = () => new Promise(() => undefined);
    void directory.more();
    void directory.more();
    await vi.advanceTimersByTimeAsync(30_000);
    directory.renew();
    expect(asked).toEqual([{ query: "", cursor: "next" }]);
    directory.stop();
    answers = () => ({ rooms: [], cursor: null });
    await directory.refresh();
    asked.length = 0;
    await directory.more();
    expect(asked).toEqual([]);
  });

  it("does not read on by itself after a page that failed", async () => {
    answers = () => ({
      rooms: Array.from({ length: 60 }, (_, n) => summary(`r${n}`)),
      cursor: "next",
    });
    await directory.refresh();
    answers = () => Promise.reject(new ApiError("network", "away"));
    await directory.more();
    expect(store.get().directory).toMatchObject({ cursor: "next", searching: false });
    asked.length = 0;
    await vi.advanceTimersByTimeAsync(60_000);
    expect(asked).toEqual([]);
  });

  it("drops what comes after it was stopped", async () => {
    let answer: (rooms: Rooms) => void = () => undefined;
    answers = () =>
      new Promise((resolve) => {
        answer = resolve;
      });
    void directory.refresh();
    directory.stop();
    answer({ rooms: [summary("late")], cursor: null });
    await vi.advanceTimersByTimeAsync(0);
    expect(ids(store.get())).toEqual([]);
  });

  it("says that the session is over, and asks no more then", async () => {
    answers = () => Promise.reject(new ApiError("unauthenticated", "over"));
    await directory.refresh();
    expect(overs).toBe(1);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(asked).toHaveLength(1);
  });

  it("keeps what it has when the server cannot be reached", async () => {
    answers = () => ({ rooms: [summary("a")], cursor: null });
    await directory.refresh();
    answers = () => Promise.reject(new Error("network"));
    await directory.refresh();
    expect(store.get().directory).toMatchObject({ rooms: ["a"], searching: false });
  });

  it("asks again by itself after a failure, until it is answered", async () => {
    answers = () => Promise.reject(new ApiError("rate_limited", "too many"));
    await directory.refresh();
    await vi.advanceTimersByTimeAsync(30_000);
    expect(asked.length).toBeGreaterThan(2);
    answers = () => ({ rooms: [summary("a")], cursor: null });
    await vi.advanceTimersByTimeAsync(10_000);
    expect(store.get().directory.rooms).toEqual(["a"]);
    asked.length = 0;
    await vi.advanceTimersByTimeAsync(60_000);
    expect(asked).toEqual([]);
  });

  it("renews what is older than 20 seconds", async () => {
    await directory.refresh();
    await vi.advanceTimersByTimeAsync(19_000);
    directory.renew();
    expect(asked).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1_000);
    directory.renew();
    expect(asked).toHaveLength(2);
  });
});

describe("the list of one's rooms", () => {
  it("is read page by page, and all of them are followed", async () => {
    const server = new FakeServer(3);
    const chat = server.tab();
    const pages = [["a", "b"], ["c", "d"], ["r"]];
    server.ownRooms = (cursor) => {
      const page = Number(cursor ?? "0");
      const rooms = (pages[page] ?? []).map((room) => summary(room, { role: "member" }));
      return Promise.resolve({ rooms, cursor: page === 2 ? null : String(page + 1) });
    };
    server.directory = () => Promise.resolve({ rooms: [summary("z")], cursor: null });
    chat.start();
    await vi.waitFor(() => {
      server.socket.open();
      expect(chat.store.get().listed).toBe(true);
    });
    expect(ids(chat.store.get())).toEqual(["a", "b", "c", "d", "r", "z"]);
    const followed = server.socket.sent.flatMap((frame) =>
      frame.action === "sync" ? Object.keys(frame.rooms) : [],
    );
    expect([...new Set(followed)].sort()).toEqual(["a", "b", "c", "d", "r"]);
    chat.stop();
  });
});

describe("an open page", () => {
  let server: FakeServer;
  let asked: number;

  beforeEach(() => {
    vi.useFakeTimers();
    server = new FakeServer(3);
    asked = 0;
    server.directory = () => {
      asked += 1;
      return Promise.resolve({ rooms: [], cursor: null });
    };
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  async function connected() {
    const chat = server.tab();
    chat.start();
    await vi.advanceTimersByTimeAsync(0);
    server.socket.open();
    await vi.advanceTimersByTimeAsync(50);
    return chat;
  }

  it("hears of rooms that others made, with the ping and when it gets the focus", async () => {
    const chat = await connected();
    expect(asked).toBe(1);
    dispatchEvent(new Event("focus"));
    expect(asked).toBe(1);
    await vi.advanceTimersByTimeAsync(61_000);
    server.directory = () => {
      asked += 1;
      return Promise.resolve({ rooms: [summary("lounge")], cursor: null });
    };
    dispatchEvent(new Event("focus"));
    await vi.advanceTimersByTimeAsync(50);
    expect(ids(chat.store.get())).toEqual(["lounge", "r"]);
    await vi.advanceTimersByTimeAsync(61_000);
    expect(server.socket.sent.some(({ action }) => action === "ping")).toBe(true);
    server.socket.receive({ type: "pong" });
    await vi.advanceTimersByTimeAsync(50);
    expect(asked).toBe(3);
    chat.stop();
  });

  it.each([
    ["rate_limited", "That was a lot at once. It continues in a moment."],
    ["room_busy", "The rooms did not load. Parley tries again."],
  ])("reads its own rooms again after %s, and says why they wait", async (code, said) => {
    const answer = server.ownRooms;
    server.ownRooms = () => Promise.reject(new ApiError(code, "later"));
    const chat = await connected();
    await vi.advanceTimersByTimeAsync(5_000);
    expect(chat.store.get().listed).toBe(false);
    expect(chat.store.get().toasts.map(({ text }) => text)).toEqual([said]);
    server.ownRooms = answer;
    await vi.advanceTimersByTimeAsync(10_000);
    expect(chat.store.get().listed).toBe(true);
    const followed = server.socket.sent.filter(({ action }) => action === "sync");
    expect(followed.length).toBeGreaterThan(0);
    chat.stop();
  });

  it("leaves the reading to the next connection where this one is lost", async () => {
    server.ownRooms = () => Promise.reject(new ApiError("internal", "no"));
    const chat = await connected();
    chat.stop();
    const { lists } = server;
    await vi.advanceTimersByTimeAsync(60_000);
    expect(server.lists).toBe(lists);
  });

  it("reads its invitations again after a refusal", async () => {
    let refused = 0;
    server.invited = () => {
      refused += 1;
      return refused < 3
        ? Promise.reject(new ApiError("rate_limited", "too many"))
        : Promise.resolve({ invitations: [] });
    };
    const chat = await connected();
    await vi.advanceTimersByTimeAsync(30_000);
    expect(refused).toBe(3);
    chat.stop();
  });
});
