// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
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

  beforeEach(() => {
    vi.useFakeTimers();
    asked.length = 0;
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
      () => undefined,
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

  it("keeps what it has when the server cannot be reached", async () => {
    answers = () => ({ rooms: [summary("a")], cursor: null });
    await directory.refresh();
    answers = () => Promise.reject(new Error("network"));
    await directory.refresh();
    expect(store.get().directory).toMatchObject({ rooms: ["a"], searching: false });
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
