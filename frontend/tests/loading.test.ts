import { describe, expect, it, vi } from "vitest";
import { ApiError } from "../src/client/api";
import { History, type HistoryApi } from "../src/client/history";
import { activate, applyEvents, loadSnapshot } from "../src/store/rooms";
import { initialState } from "../src/store/state";
import { Store } from "../src/store/store";
import type { Member, Messages } from "../src/wire/http";
import type { RoomEvent } from "../src/wire/room-event";
import { joined, left, message, messages } from "./support/events";

/** A room of 1,000 messages, the newest fifty of them loaded; answers come when `give` is called. */
function world() {
  const asked: string[] = [];
  const waiting: (() => void)[] = [];
  const fails: Error[] = [];
  const store = new Store(initialState({ id: "u_me", name: "me" }), {
    soon: () => () => undefined,
  });
  const snapshot = {
    version: 1_000,
    name: "R",
    kind: "public" as const,
    role: "member" as const,
    member_count: 3,
    unread: 0,
    messages: messages(951, 1_000),
    people: {},
  };
  store.update((state) => loadSnapshot(state, "r", snapshot));
  const answering = <T>(answer: T): Promise<T> =>
    new Promise((resolve, reject) => {
      waiting.push(() => {
        const error = fails.shift();
        if (error) reject(error);
        else resolve(answer);
      });
    });
  const pages: Member[][] = [];
  const log: RoomEvent[] = [];
  const invitedOf: Member[] = [];
  const api: HistoryApi = {
    messages: (room, before, limit): Promise<Messages> => {
      asked.push(`${room} ${before} ${limit}`);
      const first = Math.max(1, before - limit);
      const last = Math.min(before - 1, 1_000);
      return answering({
        messages: messages(last - limit < first ? first : last - limit + 1, last),
        people: { u_a: "Ann" },
      });
    },
    members: (room, after, limit) => {
      asked.push(`${room} '${after}' ${limit}`);
      return answering({ members: pages.shift() ?? [], invited: invitedOf });
    },
    events: (room, after, limit) => {
      asked.push(`${room} events ${after} ${limit}`);
      return answering({ events: log });
    },
  };
  const give = async () => {
    waiting.shift()?.();
    for (let turn = 0; turn < 5; turn += 1) await Promise.resolve();
    store.flush();
  };
  const open = () => store.get().rooms.get("r")?.open;
  return {
    history: new History(api, store),
    asked,
    give,
    open,
    store,
    pages,
    invitedOf,
    fails,
    log,
    snapshot,
  };
}

const ranges = (open: ReturnType<ReturnType<typeof world>["open"]>) => open?.ranges ?? [];

describe("History", () => {
  it("reads the page below, with the names of its writers", async () => {
    const { history, asked, give, open, store } = world();
    const page = history.older("r", 951);
    await give();
    await page;
    expect(asked).toEqual(["r 951 200"]);
    expect(ranges(open())).toEqual([{ from: 751, to: Infinity }]);
    expect(open()?.view.messages).toHaveLength(250);
    expect(store.get().people.get("u_a")).toBe("Ann");
  });

  it("reads a page once, whoever asks meanwhile, and the next one after", async () => {
    const { history, asked, give } = world();
    const one = history.older("r", 951);
    expect(history.older("r", 951)).toBe(one);
    expect(history.newer("r", 951)).not.toBe(one);
    expect(asked).toHaveLength(2);
    await give();
    await one;
    void history.older("r", 751);
    expect(asked).toHaveLength(3);
  });

  it("reads for each room and each message by itself", () => {
    const { history, asked, store } = world();
    store.update((state) => ({
      ...state,
      rooms: new Map(
        ["r", "s"].flatMap((id) => {
          const room = state.rooms.get("r");
          return room ? [[id, { ...room, room: id }]] : [];
        }),
      ),
    }));
    for (const room of ["r", "s"]) {
      void history.older(room, 951);
      void history.newer(room, 399);
      void history.members(room);
    }
    for (const version of [300, 400]) {
      void history.around("r", version);
      void history.quoted("r", version);
    }
    expect(asked).toEqual([
      "r 951 200",
      "r 600 200",
      "r '' 1000",
      "s 951 200",
      "s 600 200",
      "s '' 1000",
      "r 400 200",
      "r 301 1",
      "r 500 200",
      "r 401 1",
    ]);
  });

  it("has the invited beside the members", async () => {
    const { history, pages, give, open, invitedOf } = world();
    pages.push([{ user: "u_a", name: "Ann", role: "owner" }]);
    invitedOf.push({ user: "u_b", name: "Bo", role: "member" });
    const reading = history.members("r");
    await give();
    await reading;
    expect([...(open()?.view.invited ?? [])]).toEqual([["u_b", "member"]]);
  });

  it("may be asked again after a page that could not be read", async () => {
    const { history, asked, give, fails } = world();
    fails.push(new Error("away"));
    const page = history.older("r", 951).catch((error: unknown) => String(error));
    await give();
    expect(await page).toBe("Error: away");
    void history.older("r", 951);
    expect(asked).toHaveLength(2);
  });

  it("opens a window around a message, and covers all between on the way down", async () => {
    const { history, asked, give, open } = world();
    const around = history.around("r", 300);
    await give();
    await around;
    expect(asked).toEqual(["r 400 200"]);
    expect(ranges(open())).toEqual([
      { from: 200, to: 399 },
      { from: 951, to: Infinity },
    ]);
    const newer = history.newer("r", 399);
    await give();
    await newer;
    expect(asked.at(-1)).toBe("r 600 200");
    expect(ranges(open())[0]).toEqual({ from: 200, to: 599 });
    expect(open()?.view.messages).toHaveLength(450);
  });

  it("reads no window where the message is loaded with its neighbours", async () => {
    const { history, asked } = world();
    await history.around("r", 960);
    await history.around("closed", 3);
    await history.quoted("r", 951);
    await history.quoted("closed", 3);
    expect(asked).toEqual([]);
  });

  it("reads one message for a quote, which is no place to land", async () => {
    const { history, asked, give, open } = world();
    const quoted = history.quoted("r", 300);
    await give();
    await quoted;
    expect(asked).toEqual(["r 301 1"]);
    expect(ranges(open())[0]).toEqual({ from: 300, to: 300 });
    await history.quoted("r", 300);
    expect(asked).toHaveLength(1);
    void history.around("r", 300);
    expect(asked).toHaveLength(2);
  });

  it("asks for a quote again where its room is looked at, and at once when it may", async () => {
    vi.useFakeTimers();
    const { history, asked, give, fails, store } = world();
    store.update((state) => activate(state, "r"));
    for (let failure = 0; failure < 2; failure += 1) fails.push(new Error("away"));
    void history.quoted("r", 300);
    await give();
    expect(asked).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(2_000);
    expect(asked).toEqual(["r 301 1", "r 301 1"]);
    await give();
    history.wake();
    expect(asked).toHaveLength(3);
    await give();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(asked).toHaveLength(3);
    vi.useRealTimers();
  });

  it("asks no more for a quote of a room that was left, or that is refused", async () => {
    vi.useFakeTimers();
    const { history, asked, give, fails, store } = world();
    store.update((state) => activate(state, "r"));
    fails.push(new Error("away"), new ApiError("not_found", "gone"), new Error("away"));
    void history.quoted("r", 300);
    await give();
    store.update((state) => activate(state, null));
    await vi.advanceTimersByTimeAsync(60_000);
    expect(asked).toHaveLength(1);
    store.update((state) => activate(state, "r"));
    void history.quoted("r", 301);
    await give();
    void history.quoted("r", 302);
    await give();
    history.stop();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(asked).toHaveLength(3);
    vi.useRealTimers();
  });

  it("completes what the wire leaves out", async () => {
    const { history, give, open } = world();
    const page = history.older("r", 951);
    await give();
    await page;
    expect(open()?.view.messages[0]).toEqual(message(751));
  });

  it("reads members page by page until one is not full", async () => {
    const { history, asked, give, open, pages } = world();
    const some = (from: number, count: number) =>
      Array.from({ length: count }, (_, index) => ({
        user: `u_${from + index}`,
        name: null,
        role: "member" as const,
      }));
    pages.push(some(10_000, 1_000), some(20_000, 999));
    const reading = history.members("r");
    await give();
    await give();
    await reading;
    expect(asked).toEqual(["r '' 1000", "r 'u_10999' 1000"]);
    expect(open()?.view.members.size).toBe(1_999);
    pages.push(some(10_000, 1_000), []);
    const again = history.members("r");
    await give();
    await give();
    await again;
    expect(open()?.view.members.size).toBe(1_000);
  });

  it("puts on top who came and went while members were read, and nobody of before", async () => {
    const { history, give, open, pages, store } = world();
    history.witness("r", [left(1_001, "u_a", "left")]);
    pages.push([{ user: "u_a", name: "Ann", role: "owner" }]);
    const reading = history.members("r");
    history.witness("r", [joined(1_002, "u_b")]);
    history.witness("s", [joined(9, "u_c")]);
    await give();
    await reading;
    store.flush();
    expect([...(open()?.view.members.keys() ?? [])]).toEqual(["u_a", "u_b"]);
    pages.push([{ user: "u_a", name: "Ann", role: "owner" }]);
    const again = history.members("r");
    await give();
    await again;
    expect([...(open()?.view.members.keys() ?? [])]).toEqual(["u_a"]);
  });
});

describe("what happened around the messages", () => {
  it("is read with a snapshot that has anything else than messages in its versions", async () => {
    const { history, asked, give, open, store, log, snapshot } = world();
    await history.notices("r", snapshot);
    expect(asked).toEqual([]);
    const kept = [...messages(981, 994), ...messages(998, 1_000)];
    store.update((state) => loadSnapshot(state, "r", { ...snapshot, messages: kept }));
    log.push(joined(995, "u_new"), left(996, "u_new", "left"), left(997, "u_unknown", "left"));
    const read = history.notices("r", { ...snapshot, messages: kept });
    // Somebody comes meanwhile.
    store.update((state) => applyEvents(state, "r", [joined(1_001, "u_later")]));
    await give();
    await read;
    expect(asked).toEqual(["r events 980 20"]);
    expect(open()?.view.notices.map(({ version, type }) => `${version} ${type}`)).toEqual([
      "995 joined",
      "996 left",
      "1001 joined",
    ]);
    expect(store.get().people.get("u_new")).toBe("new");
  });

  it("is read for the newest versions of a long stretch, and not twice", async () => {
    const { history, asked, give, store, log, open, snapshot } = world();
    const few = { ...snapshot, messages: [message(1), message(999)] };
    store.update((state) => loadSnapshot(state, "r", few));
    log.push(joined(1_000, "u_new"));
    for (let turn = 0; turn < 2; turn += 1) {
      const read = history.notices("r", few);
      await give();
      await read;
    }
    expect(asked[0]).toBe("r events 800 200");
    expect(open()?.view.notices).toHaveLength(1);
  });
});
