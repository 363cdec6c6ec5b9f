import { describe, expect, it, vi } from "vitest";
import { ApiError } from "../src/client/api";
import { activate } from "../src/store/rooms";
import { joined, left, message } from "./support/events";
import { ranges, world } from "./support/history";

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
