// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { posted } from "./support/events";
import { FakeServer } from "./support/server";
import { frame, opened, room, shown } from "./support/tab";

describe("Chat", () => {
  let server: FakeServer;

  beforeEach(() => {
    vi.useFakeTimers();
    server = new FakeServer(3);
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it("finds a lost push by the next ping, two minutes later where somebody looks", async () => {
    const chat = await opened(server);
    server.events.push(posted(4, "u_a", "lost", 4));
    await vi.advanceTimersByTimeAsync(2 * 60_000);
    expect(server.socket.sent.at(-1)).toMatchObject({ action: "ping", rooms: { r: 3 } });
    server.socket.receive({ type: "pong", heads: { r: 4 } });
    await vi.advanceTimersByTimeAsync(1_500);
    server.answerSync();
    await frame();
    expect(shown(chat).at(-1)).toBe("lost");
    chat.stop();
  });

  it("folds a burst of pushes in one frame", async () => {
    const chat = await opened(server);
    let renders = 0;
    chat.store.subscribe(() => {
      renders += 1;
    });
    for (let version = 4; version <= 2_503; version += 1) {
      server.push(posted(version, "u_a", `burst ${version}`, version));
    }
    await frame();
    expect(renders).toBe(1);
    expect(shown(chat)).toHaveLength(2_503);
  });

  it("shows who is there", async () => {
    const chat = await opened(server);
    const online = () => [...(room(chat)?.online ?? [])];
    server.socket.receive({ type: "presence", room: "r", user: "u_b", state: "online" });
    await frame();
    expect(online()).toEqual(["u_b"]);
    server.socket.receive({ type: "presence", room: "r", user: "u_b", state: "offline" });
    await frame();
    expect(online()).toEqual([]);
  });

  it("shows names as they come with events", async () => {
    const chat = await opened(server);
    const events = [posted(4, "u_b", "x", 4)];
    server.socket.receive({ type: "events", room: "r", events, people: { u_b: "Bo" } });
    await frame();
    expect(chat.store.get().people.get("u_b")).toBe("Bo");
    expect(room(chat)?.last).toMatchObject({ name: "Bo" });
  });

  it("folds pushes that came before a snapshot and after it in their order", async () => {
    const chat = await opened(server);
    server.push(posted(4, "u_a", "before", 4));
    server.events.push(posted(4, "u_a", "before", 4));
    chat.reloadRoom("r");
    server.push(posted(5, "u_a", "after", 5));
    server.answerSync();
    server.push(posted(6, "u_a", "last", 6));
    await frame();
    expect(shown(chat)).toEqual(["text 1", "text 2", "text 3", "before", "after", "last"]);
  });

  describe("with the browser", () => {
    it("is offline with the network, and back with it", async () => {
      const chat = await opened(server);
      dispatchEvent(new Event("offline"));
      expect(chat.store.get().connection).toBe("offline");
      expect(server.socket.closed).toBe(true);
      dispatchEvent(new Event("online"));
      await vi.advanceTimersByTimeAsync(0);
      expect(server.sockets).toHaveLength(2);
      expect(chat.store.get().connection).toBe("connecting");
      server.socket.open();
      expect(chat.store.get().connection).toBe("online");
      chat.stop();
    });

    it("hears nothing of it once it is stopped", async () => {
      const chat = await opened(server);
      chat.stop();
      expect(server.socket.closed).toBe(true);
      dispatchEvent(new Event("offline"));
      dispatchEvent(new Event("online"));
      document.dispatchEvent(new Event("visibilitychange"));
      await vi.advanceTimersByTimeAsync(60_000);
      expect(server.sockets).toHaveLength(1);
    });

    it("asks whether the server is there when the tab is looked at again", async () => {
      const chat = await opened(server);
      const pings = () => server.socket.sent.filter(({ action }) => action === "ping").length;
      document.dispatchEvent(new Event("visibilitychange"));
      expect(pings()).toBe(1);
      server.socket.receive({ type: "pong" });
      await vi.advanceTimersByTimeAsync(60_000);
      expect(server.sockets).toHaveLength(1);
      chat.stop();
    });

    it("tells what was read as the tab is hidden, which may be its end", async () => {
      const chat = await opened(server);
      const reads = () => server.socket.sent.filter(({ action }) => action === "read");
      chat.attend("r", true);
      server.push(posted(4, "u_a", "x", 4));
      await frame();
      server.socket.receive({ type: "ack", id: reads()[0]?.id ?? "", room: "r", version: 1 });
      server.push(posted(5, "u_a", "y", 5));
      await frame();
      vi.spyOn(document, "hidden", "get").mockReturnValue(true);
      document.dispatchEvent(new Event("visibilitychange"));
      expect(reads()).toMatchObject([{ version: 4 }, { version: 5 }]);
      expect(server.socket.sent.filter(({ action }) => action === "ping")).toEqual([]);
      chat.stop();
    });

    it("tries at once when the person asks for it", async () => {
      const chat = await opened(server);
      server.socket.lose();
      chat.reconnect();
      await vi.advanceTimersByTimeAsync(0);
      expect(server.sockets).toHaveLength(2);
      chat.stop();
    });
  });

  it("lists invitations as they come, and answers with their version as since", async () => {
    const chat = await opened(server);
    expect(chat.store.get().invitations).toEqual([]);
    server.invitations.push({
      room: "den-222222222222",
      name: "Den",
      kind: "private",
      by: "u_a",
      by_name: "Ann",
      role: "member",
      at: "2026-01-02T03:04:05.000000+00:00",
      version: 7,
    });
    server.socket.receive({
      type: "user",
      version: 2,
      events: [
        {
          version: 2,
          type: "RoomOffered",
          at: "2026-01-02T03:04:05.000000+00:00",
          by: "u_a",
          data: { room: "den-222222222222", role: "member", room_version: 7 },
        },
      ],
    });
    await frame();
    expect(chat.store.get().invitations.map(({ room }) => room)).toEqual(["den-222222222222"]);
    const answered = chat.commands.answer("den-222222222222", 7, false);
    const sent = server.socket.sent.at(-1);
    expect(sent).toMatchObject({ action: "decline", room: "den-222222222222", since: 7 });
    server.socket.receive({
      type: "ack",
      id: sent?.id ?? "",
      room: "den-222222222222",
      version: 8,
    });
    expect(await answered).toBeNull();
    expect(chat.store.get().invitations).toEqual([]);
  });
});
