// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ApiError } from "../src/client/api";
import { backoff } from "../src/client/backoff";
import { Connection } from "../src/client/connection";
import { FakeSocket } from "./support/server";

function world() {
  const sockets: FakeSocket[] = [];
  const log: string[] = [];
  const tickets: (() => Promise<string>)[] = [];
  const connection = new Connection({
    ticket: () => (tickets.shift() ?? (() => Promise.resolve("ws://test")))(),
    connect: () => {
      const socket = new FakeSocket();
      sockets.push(socket);
      return socket;
    },
    opened: () => log.push("opened"),
    closed: () => log.push("closed"),
    received: ({ type }) => log.push(type),
    pings: () => [{ action: "ping" }],
    pingEvery: () => 5 * 60_000,
    changed: (state) => log.push(state),
    over: () => log.push("over"),
    random: () => 1,
  });
  return { connection, sockets, log, tickets };
}

const tick = (ms = 0) => vi.advanceTimersByTimeAsync(ms);

describe("Connection", () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it("takes a new ticket for each attempt and waits longer between them", async () => {
    const { connection, sockets } = world();
    connection.start();
    await tick();
    for (const [index, wait] of [250, 500, 1_000, 2_000].entries()) {
      sockets.at(-1)?.lose();
      await tick(wait - 1);
      expect(sockets).toHaveLength(index + 1);
      await tick(1);
      expect(sockets).toHaveLength(index + 2);
    }
  });

  it("starts from the short wait again once the server spoke", async () => {
    const { connection, sockets, log } = world();
    connection.start();
    await tick();
    sockets[0]?.lose();
    await tick(250);
    sockets[1]?.open();
    sockets[1]?.receive({ type: "pong" });
    sockets[1]?.lose(1013);
    await tick(250);
    expect(sockets).toHaveLength(3);
    expect(log).toEqual([
      "connecting",
      "offline",
      "connecting",
      "online",
      "opened",
      "pong",
      "closed",
      "offline",
      "connecting",
    ]);
  });

  it("does not wait when the network is back", async () => {
    const { connection, sockets } = world();
    connection.start();
    await tick();
    sockets[0]?.lose();
    connection.retryNow();
    await tick();
    expect(sockets).toHaveLength(2);
  });

  it("ends when the session is over", async () => {
    const { connection, sockets, log } = world();
    connection.start();
    await tick();
    sockets[0]?.open();
    sockets[0]?.lose(4401);
    await tick(60_000);
    expect(sockets).toHaveLength(1);
    expect(log.at(-1)).toBe("over");
  });

  it("ends when a socket that closed without a word gets no further ticket", async () => {
    // API Gateway closes a connection with a code of its own, never with 4401.
    const { connection, sockets, log, tickets } = world();
    tickets.push(() => Promise.resolve("ws://test"));
    tickets.push(() => Promise.reject(new ApiError("unauthenticated", "The session is over.")));
    connection.start();
    await tick();
    sockets[0]?.open();
    sockets[0]?.lose(1000);
    await tick(60_000);
    expect(sockets).toHaveLength(1);
    expect(log.slice(-4)).toEqual(["closed", "offline", "connecting", "over"]);
  });

  it("ends when no ticket is given to this token", async () => {
    const { connection, log, tickets } = world();
    tickets.push(() => Promise.reject(new ApiError("unauthenticated", "stale")));
    connection.start();
    await tick(60_000);
    expect(log).toEqual(["connecting", "over"]);
  });

  it("pings however much is sent, so that a lost push is found", async () => {
    const { connection, sockets } = world();
    connection.start();
    await tick();
    sockets[0]?.open();
    for (let minute = 0; minute < 10; minute += 1) {
      connection.send({ action: "typing", room: "r" });
      await tick(60_000);
      sockets[0]?.receive({ type: "presence", room: "r", user: "u_a", state: "online" });
    }
    expect(sockets[0]?.sent.filter(({ action }) => action === "ping")).toHaveLength(2);
  });

  it("takes any frame for a sign that the server is there", async () => {
    const { connection, sockets, log } = world();
    connection.start();
    await tick();
    sockets[0]?.open();
    connection.check();
    sockets[0]?.receive({ type: "error", code: "rate_limited", message: "too many" });
    await tick(60_000);
    expect(log.at(-1)).toBe("error");
    expect(sockets[0]?.closed).toBe(false);
  });

  it("pings after five minutes and gives up a server that does not answer", async () => {
    const { connection, sockets, log } = world();
    connection.start();
    await tick();
    sockets[0]?.open();
    await tick(5 * 60_000);
    expect(sockets[0]?.sent).toEqual([{ action: "ping" }]);
    sockets[0]?.receive({ type: "pong" });
    await tick(5 * 60_000 - 1);
    expect(sockets).toHaveLength(1);
    await tick(1);
    await tick(10_000);
    expect(sockets[0]?.closed).toBe(true);
    expect(log.at(-1)).toBe("offline");
  });

  it("sends nothing while closed", async () => {
    const { connection, sockets } = world();
    connection.start();
    await tick();
    expect(connection.send({ action: "ping" })).toBe(false);
    sockets[0]?.open();
    expect(connection.send({ action: "ping" })).toBe(true);
  });
});

describe("backoff", () => {
  it("spreads attempts over up to 10 s", () => {
    expect([0, 1, 2, 6, 50].map((attempt) => backoff(attempt, () => 1))).toEqual([
      250, 500, 1_000, 10_000, 10_000,
    ]);
    expect(backoff(6, () => 0)).toBe(0);
  });
});
