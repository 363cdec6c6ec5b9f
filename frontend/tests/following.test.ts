// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ApiError } from "../src/client/api";
import { left, posted } from "./support/events";
import { FakeServer } from "./support/server";
import { asked, frame, opened, room, shown } from "./support/tab";

describe("Chat: the rooms that a person is in", () => {
  let server: FakeServer;

  beforeEach(() => {
    vi.useFakeTimers();
    server = new FakeServer(3);
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it("asks what a room says where one's own log tells of an event whose push was lost", async () => {
    const chat = await opened(server);
    const lost = { room: "r", room_version: 4 };
    const event = { version: 9, at: "", by: "u_me", type: "RoomLost" as const, data: lost };
    server.socket.receive({ type: "user", version: 9, events: [event] });
    await vi.advanceTimersByTimeAsync(1_500);
    expect(server.socket.sent.at(-1)).toMatchObject({ action: "sync", rooms: { r: 3 } });
    chat.stop();
  });

  it("follows the rooms that the person is in, from where the list saw them", async () => {
    vi.spyOn(server, "summaries").mockReturnValue([
      server.summary(),
      { ...server.summary(), room: "s", head: 12 },
    ]);
    const chat = server.tab();
    chat.start();
    await vi.advanceTimersByTimeAsync(0);
    server.socket.open();
    await frame();
    expect(asked(server).map(({ rooms }) => rooms)).toEqual([{ r: 3, s: 12 }]);
    expect(chat.store.get()).toMatchObject({ listed: true, connection: "online" });
  });

  it("reads the list beside the ticket, before there is a socket", async () => {
    const chat = server.tab();
    chat.start();
    await frame();
    expect(server.lists).toBe(1);
    expect(chat.store.get()).toMatchObject({ listed: true, connection: "connecting" });
  });

  it("reads the list once more for who asks while it is read", async () => {
    const chat = await opened(server);
    const { lists } = server;
    const first = chat.refreshRooms();
    await Promise.resolve();
    await Promise.all([first, chat.refreshRooms()]);
    expect(server.lists).toBe(lists + 2);
  });

  it("reads the list again with each connection, and once for all who ask at once", async () => {
    const chat = await opened(server);
    expect(server.lists).toBe(2);
    await Promise.all([chat.refreshRooms(), chat.refreshRooms()]);
    expect(server.lists).toBe(3);
    server.socket.lose();
    await vi.advanceTimersByTimeAsync(300);
    server.socket.open();
    await frame();
    expect(server.lists).toBe(4);
  });

  it("is over when the list is refused to its token, and goes on when it is not there", async () => {
    const chat = await opened(server);
    vi.spyOn(server, "summaries").mockImplementationOnce(() => {
      throw new ApiError("network", "away");
    });
    await chat.refreshRooms();
    expect(server.overs).toBe(0);
    vi.spyOn(server, "summaries").mockImplementationOnce(() => {
      throw new ApiError("unauthenticated", "over");
    });
    await chat.refreshRooms();
    expect(server.overs).toBe(1);
  });

  it("does not let an old list overwrite pushes that came while it was read", async () => {
    const chat = await opened(server);
    const before = server.summary();
    vi.spyOn(server, "summary").mockReturnValue(before);
    server.push(posted(4, "u_a", "newer", 4));
    await frame();
    await chat.refreshRooms();
    await frame();
    expect(room(chat)).toMatchObject({ version: 4, unread: 1, last: { text: "newer" } });
  });

  describe("when the person is taken out of a room", () => {
    async function removed(kind: "public" | "private", looking = true) {
      const summary = { ...server.summary(), kind };
      vi.spyOn(server, "summary").mockReturnValue(summary);
      const chat = await opened(server);
      await chat.refreshRooms();
      if (!looking) chat.openRoom(null);
      vi.spyOn(server, "summaries").mockReturnValue([]);
      const lists = server.lists;
      server.push(left(4, "u_me", "removed"));
      server.events.push(left(4, "u_me", "removed"));
      await frame();
      return { chat, lists };
    }

    it("follows a private one no more", async () => {
      const { chat, lists } = await removed("private");
      expect(server.lists).toBe(lists + 1);
      expect(room(chat)).toMatchObject({ role: null });
      server.push(posted(5, "u_a", "secret", 4));
      await frame();
      expect(shown(chat)).not.toContain("secret");
      server.socket.lose();
      await vi.advanceTimersByTimeAsync(300);
      server.socket.open();
      await frame();
      expect(asked(server).flatMap(({ rooms }) => Object.keys(rooms))).toEqual([]);
    });

    it("asks nothing about a private one after, whatever it waited for", async () => {
      const summary = { ...server.summary(), kind: "private" as const };
      vi.spyOn(server, "summary").mockReturnValue(summary);
      const chat = await opened(server);
      await chat.refreshRooms();
      vi.spyOn(server, "summaries").mockReturnValue([]);
      const before = asked(server).length;
      server.push(left(4, "u_me", "removed"), posted(9, "u_a", "ahead", 9));
      await vi.advanceTimersByTimeAsync(60_000);
      expect(asked(server)).toHaveLength(before);
    });

    it("goes on with a public one on the screen as a guest", async () => {
      const before = 1;
      const { chat } = await removed("public");
      expect(asked(server)).toHaveLength(before + 2);
      expect(asked(server).at(-1)?.rooms).toEqual({ r: 4 });
      server.answerSync();
      server.push(posted(5, "u_a", "open words", 4));
      await frame();
      expect(shown(chat)).toContain("open words");
      expect(room(chat)).toMatchObject({ role: null, unread: 0 });
    });

    it("closes a public one that is not on the screen", async () => {
      const { chat } = await removed("public", false);
      expect(room(chat)).toMatchObject({ role: null, open: null });
      server.push(posted(5, "u_a", "open words", 4));
      await vi.advanceTimersByTimeAsync(60_000);
      expect(room(chat)?.version).toBe(4);
      // Opened again, it begins anew.
      chat.openRoom("r");
      expect(asked(server).at(-1)?.rooms).toEqual({ r: null });
    });

    it("does not mind others who leave", async () => {
      const chat = await opened(server);
      const before = asked(server).length;
      server.push(left(4, "u_b", "left"), posted(5, "u_a", "on", 4));
      await frame();
      expect(shown(chat)).toContain("on");
      expect(asked(server)).toHaveLength(before);
      expect(room(chat)).toMatchObject({ role: "member", memberCount: 1 });
    });
  });

  describe("of the person's own log", () => {
    const AT = "2026-11-20T12:00:00.000000Z";
    const own = { at: AT, by: "u_me" };
    const marked = (version: number, upTo: number) =>
      ({ ...own, version, type: "ReadMarked", data: { room: "r", version: upTo } }) as const;
    const gained = (version: number, type: "RoomGained" | "RoomLost") => {
      const data = { room: "s", room_version: 2 };
      return type === "RoomGained"
        ? { ...own, version, type, data: { ...data, role: "member" as const } }
        : { ...own, version, type, data };
    };

    it("takes the marks of other tabs, and no old ones again", async () => {
      const chat = await opened(server);
      server.push(posted(4, "u_a", "x", 4), posted(5, "u_a", "y", 5));
      await frame();
      expect(room(chat)?.unread).toBe(2);
      server.socket.receive({ type: "user", version: 7, events: [marked(7, 4)] });
      await frame();
      expect(room(chat)?.unread).toBe(1);
      server.socket.receive({ type: "user", version: 7, events: [marked(7, 5)] });
      await frame();
      expect(room(chat)?.unread).toBe(1);
      server.socket.receive({ type: "user", version: 8, events: [marked(8, 5)] });
      await frame();
      expect(room(chat)?.unread).toBe(0);
    });

    it.each(["RoomGained", "RoomLost"] as const)("reads the list again at %s", async (type) => {
      await opened(server);
      const lists = server.lists;
      server.socket.receive({ type: "user", version: 7, events: [gained(7, type)] });
      await frame();
      expect(server.lists).toBe(lists + 1);
      server.socket.receive({ type: "user", version: 8, events: [marked(8, 2)] });
      await frame();
      expect(server.lists).toBe(lists + 1);
    });

    it("tells the version on the next connection", async () => {
      await opened(server);
      server.socket.receive({ type: "user", version: 7, events: [] });
      server.socket.lose();
      await vi.advanceTimersByTimeAsync(300);
      server.socket.open();
      expect(asked(server)[0]).toMatchObject({ user: 7 });
    });
  });

  it("opens a room that it did not know, and says why where it may not", async () => {
    const chat = await opened(server);
    chat.openRoom("secret");
    const state = () => chat.store.get().rooms.get("secret");
    expect(state()).toMatchObject({ open: null, refused: null });
    const question = asked(server).at(-1);
    expect(question?.rooms).toEqual({ secret: null });
    server.socket.receive({
      type: "synced",
      id: question?.id ?? "",
      rooms: { secret: { error: "not_found" } },
    });
    await frame();
    expect(state()).toMatchObject({ refused: "not_found" });
    chat.openRoom("r");
    chat.openRoom("secret");
    expect(state()).toMatchObject({ refused: null });
    expect(asked(server).at(-1)?.rooms).toEqual({ secret: null });
  });

  it("reads an open room once, however often it is looked at", async () => {
    const chat = await opened(server);
    const before = asked(server).length;
    chat.openRoom(null);
    chat.openRoom("r");
    expect(asked(server)).toHaveLength(before);
    chat.reloadRoom("r");
    expect(asked(server)).toHaveLength(before + 1);
  });

  it("reads the list again after a room was made or joined", async () => {
    const chat = await opened(server);
    for (const command of [
      () => chat.commands.createRoom("new", "New", "public"),
      () => chat.commands.join("r"),
    ]) {
      const lists = server.lists;
      const answer = command();
      const sent = server.socket.sent.at(-1);
      if (!sent?.id) throw new Error("nothing was sent");
      server.socket.receive({ type: "ack", id: sent.id, room: "r", version: 2 });
      expect(await answer).toBeNull();
      await frame();
      expect(server.lists).toBe(lists + 1);
    }
  });
});
