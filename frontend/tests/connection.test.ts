// @vitest-environment happy-dom
// Over 300 lines: one connection in each of its states, on the clock and sockets of one small
// world.
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

  describe("with tickets that take their time", () => {
    /** Each attempt waits for a ticket that the test gives out. */
    function slow() {
      const all = world();
      const give: ((url: string) => void)[] = [];
      const ask = () => new Promise<string>((resolve) => give.push(resolve));
      all.tickets.push(ask, ask, ask, ask);
      return { ...all, give };
    }

    it("opens one socket where an earlier attempt's ticket comes late", async () => {
      const { connection, sockets, give } = slow();
      connection.start();
      connection.retryNow();
      give[1]?.("ws://second");
      await tick();
      sockets[0]?.open();
      give[0]?.("ws://first");
      await tick();
      expect(sockets).toHaveLength(1);
      expect(sockets[0]?.closed).toBe(false);
      expect(connection.send({ action: "ping" })).toBe(true);
    });

    it("opens none where the attempt was given up meanwhile", async () => {
      const { connection, sockets, give, log } = slow();
      connection.start();
      await tick(15_000);
      expect(log).toEqual(["connecting", "offline"]);
      give[0]?.("ws://late");
      await tick(249);
      expect(sockets).toHaveLength(0);
      await tick(1);
      give[1]?.("ws://next");
      await tick();
      expect(sockets).toHaveLength(1);
    });

    it("opens none after it was stopped", async () => {
      const { connection, sockets, give, log } = slow();
      connection.start();
      connection.stop();
      give[0]?.("ws://late");
      await tick(60_000);
      expect(sockets).toHaveLength(0);
      expect(log).toEqual(["connecting"]);
    });

    it("does not take a late refusal for its own", async () => {
      const { connection, log, tickets, sockets } = world();
      let refuse: (error: Error) => void = () => undefined;
      tickets.push(() => new Promise((_resolve, reject) => (refuse = reject)));
      connection.start();
      connection.retryNow();
      await tick();
      sockets[0]?.open();
      refuse(new ApiError("unauthenticated", "stale"));
      await tick();
      expect(log.at(-1)).toBe("opened");
      expect(connection.send({ action: "ping" })).toBe(true);
    });
  });

  it("tries again where no ticket came for another reason than a session that is over", async () => {
    const { connection, log, tickets, sockets } = world();
    tickets.push(() => Promise.reject(new ApiError("network", "unreachable")));
    tickets.push(() => Promise.reject(new Error("anything")));
    connection.start();
    await tick(250);
    await tick(500);
    expect(sockets).toHaveLength(1);
    expect(log).not.toContain("over");
  });

  it("gives up an attempt that neither opens nor fails, and not one that opened", async () => {
    const { connection, sockets, log } = world();
    connection.start();
    await tick(14_999);
    expect(log).toEqual(["connecting"]);
    await tick(1);
    expect(log.at(-1)).toBe("offline");
    expect(sockets[0]?.closed).toBe(true);
    await tick(250);
    sockets[1]?.open();
    await tick(60_000);
    expect(log.at(-1)).toBe("opened");
    expect(sockets).toHaveLength(2);
  });

  describe("stopped", () => {
    async function stopped() {
      const all = world();
      all.connection.start();
      await tick();
      all.sockets[0]?.open();
      all.connection.stop();
      return all;
    }

    it("closes the socket, tells so once, and stays closed", async () => {
      const { connection, sockets, log } = await stopped();
      expect(sockets[0]?.closed).toBe(true);
      expect(log).toEqual(["connecting", "online", "opened", "closed"]);
      expect(connection.send({ action: "ping" })).toBe(false);
      await tick(11 * 60_000);
      expect(sockets).toHaveLength(1);
      expect(log).toHaveLength(4);
    });

    it.each(["networkLost", "retryNow", "check"] as const)(
      "does not come back by %s",
      async (what) => {
        const { connection, sockets, log } = await stopped();
        connection[what]();
        await tick(11 * 60_000);
        expect(sockets).toHaveLength(1);
        expect(log.at(-1)).toBe("closed");
      },
    );

    it("hears nothing more from the old socket", async () => {
      const { sockets, log } = await stopped();
      sockets[0]?.receive({ type: "pong" });
      sockets[0]?.lose();
      await tick(60_000);
      expect(log.at(-1)).toBe("closed");
    });

    it("waits for no retry that was due", async () => {
      const { connection, sockets } = world();
      connection.start();
      await tick();
      sockets[0]?.lose();
      connection.stop();
      await tick(60_000);
      expect(sockets).toHaveLength(1);
    });

    it("may be started again", async () => {
      const { connection, sockets } = await stopped();
      connection.start();
      await tick();
      sockets[1]?.open();
      expect(connection.send({ action: "ping" })).toBe(true);
      connection.networkLost();
      await tick(250);
      expect(sockets).toHaveLength(3);
    });
  });

  it("is offline as soon as the network is lost, and tries again by itself", async () => {
    const { connection, sockets, log } = world();
    connection.start();
    await tick();
    sockets[0]?.open();
    connection.networkLost();
    expect(log.slice(-2)).toEqual(["closed", "offline"]);
    expect(sockets[0]?.closed).toBe(true);
    await tick(250);
    expect(sockets).toHaveLength(2);
  });

  it("leaves an open connection alone when the network is said to be back", async () => {
    const { connection, sockets, log } = world();
    connection.start();
    await tick();
    sockets[0]?.open();
    connection.retryNow();
    await tick(60_000);
    expect(sockets).toHaveLength(1);
    expect(log.at(-1)).toBe("opened");
  });

  it("begins with the short wait again once the network is back", async () => {
    const { connection, sockets } = world();
    connection.start();
    await tick();
    for (const wait of [250, 500, 1_000]) {
      sockets.at(-1)?.lose();
      await tick(wait);
    }
    sockets.at(-1)?.lose();
    connection.retryNow();
    await tick();
    expect(sockets).toHaveLength(5);
    sockets.at(-1)?.lose();
    await tick(249);
    expect(sockets).toHaveLength(5);
    await tick(1);
    expect(sockets).toHaveLength(6);
    // The retry that was due before the network came back is not made as well.
    await tick(10_000);
    expect(sockets).toHaveLength(6);
  });

  it("waits longer after sockets that open and close without a frame", async () => {
    const { connection, sockets } = world();
    connection.start();
    await tick();
    for (const [index, wait] of [250, 500, 1_000].entries()) {
      sockets.at(-1)?.open();
      sockets.at(-1)?.lose();
      await tick(wait - 1);
      expect(sockets).toHaveLength(index + 1);
      await tick(1);
    }
  });

  it("gives up an attempt under way, and the retry that was due, when the network is back", async () => {
    const { connection, sockets, log } = world();
    connection.start();
    await tick();
    // The first socket neither opened nor failed yet.
    connection.retryNow();
    await tick();
    expect(sockets.map(({ closed }) => closed)).toEqual([true, false]);
    sockets[0]?.open();
    expect(log).not.toContain("opened");
    sockets[1]?.lose();
    connection.retryNow();
    await tick(10_000);
    expect(sockets).toHaveLength(3);
  });

  it("asks a server that may be gone, and keeps it where it answers in time", async () => {
    const { connection, sockets, log } = world();
    connection.start();
    await tick();
    sockets[0]?.open();
    connection.check();
    await tick(6_000);
    // Asked again, the answer may come within ten seconds of that.
    connection.check();
    await tick(9_999);
    expect(log.at(-1)).toBe("opened");
    sockets[0]?.receive({ type: "pong" });
    await tick(60_000);
    expect(sockets[0]?.sent).toEqual([{ action: "ping" }, { action: "ping" }]);
    expect(sockets[0]?.closed).toBe(false);
    connection.check();
    await tick(10_000);
    expect(log.slice(-2)).toEqual(["closed", "offline"]);
  });

  it("pings however much it sends meanwhile, and counts from the last ping", async () => {
    const { connection, sockets } = world();
    connection.start();
    await tick();
    sockets[0]?.open();
    const pings = () => sockets[0]?.sent.filter(({ action }) => action === "ping").length;
    await tick(4 * 60_000);
    connection.send({ action: "typing", room: "r" });
    await tick(60_000);
    expect(pings()).toBe(1);
    sockets[0]?.receive({ type: "pong" });
    await tick(4 * 60_000);
    connection.check();
    sockets[0]?.receive({ type: "pong" });
    await tick(4 * 60_000);
    expect(pings()).toBe(2);
    await tick(60_000);
    expect(pings()).toBe(3);
  });

  it("passes over what is no text, and hands on each frame", async () => {
    const { connection, sockets, log } = world();
    connection.start();
    await tick();
    sockets[0]?.open();
    sockets[0]?.onmessage?.(new MessageEvent("message", { data: new ArrayBuffer(2) }));
    sockets[0]?.receive({ type: "ack", id: "c1", room: "r", version: 1 });
    expect(log.slice(2)).toEqual(["opened", "ack"]);
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
