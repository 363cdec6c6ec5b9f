// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ApiError } from "../src/client/api";
import type { Chat } from "../src/client/chat";
import { rangeAt } from "../src/fold/history";
import { pendingPosts } from "../src/store/pending";
import { edited, joined, left, posted } from "./support/events";
import { FakeServer } from "./support/server";

/** The words that the timeline shows, those on their way included. */
function shown(chat: Chat): (string | null)[] {
  const { rooms, outbox, me } = chat.store.get();
  const messages = rooms.get("r")?.open?.view.messages ?? [];
  const pending = pendingPosts(outbox, "r", messages, me.id);
  return [...messages.map(({ text }) => text), ...pending.map(({ text }) => text)];
}

const frame = () => vi.advanceTimersByTimeAsync(20);

async function opened(server: FakeServer, quietPosts = false): Promise<Chat> {
  const chat = server.tab(quietPosts);
  chat.start();
  await vi.advanceTimersByTimeAsync(0);
  server.socket.open();
  await frame();
  chat.openRoom("r");
  server.answerSync();
  await frame();
  return chat;
}

describe("Chat", () => {
  let server: FakeServer;

  beforeEach(() => {
    vi.useFakeTimers();
    server = new FakeServer(3);
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it("shows a message at once, and once whichever of ack and push comes first", async () => {
    const chat = await opened(server);
    for (const [text, ackFirst] of [
      ["one", true],
      ["two", false],
    ] as const) {
      chat.commands.post("r", text, "text", null);
      expect(shown(chat).filter((words) => words === text)).toHaveLength(1);
      const command = server.posts().at(-1);
      if (!command) throw new Error("nothing was sent");
      const event = server.take(command);
      const steps = [
        () => {
          server.ack(command, event);
        },
        () => {
          server.push(event);
        },
      ];
      for (const step of ackFirst ? steps : steps.reverse()) {
        step();
        expect(shown(chat).filter((words) => words === text)).toHaveLength(1);
        await frame();
        expect(shown(chat).filter((words) => words === text)).toHaveLength(1);
      }
      expect(chat.store.get().outbox).toEqual([]);
    }
  });

  it("posts quietly where the deployment asks for it, and shows the message once", async () => {
    const chat = await opened(server, true);
    chat.commands.post("r", "hi", "text", null);
    const [sent] = server.posts();
    if (!sent) throw new Error("nothing was sent");
    expect(sent.quiet).toBe(true);
    server.push(server.take(sent));
    await frame();
    expect(shown(chat).filter((words) => words === "hi")).toHaveLength(1);
    expect(chat.store.get().outbox).toEqual([]);
    await vi.advanceTimersByTimeAsync(30_000);
    expect(server.posts()).toHaveLength(1);
  });

  it("finds a quiet post whose push was lost: its ack shows the gap", async () => {
    const chat = await opened(server, true);
    chat.commands.post("r", "hi", "text", null);
    const [sent] = server.posts();
    if (!sent) throw new Error("nothing was sent");
    const event = server.take(sent);
    await vi.advanceTimersByTimeAsync(5_000);
    const { quiet, ...command } = sent;
    expect(quiet).toBe(true);
    expect(server.posts()).toEqual([sent, command]);
    server.ack(command, event);
    await vi.advanceTimersByTimeAsync(1_500);
    server.answerSync();
    await frame();
    expect(shown(chat).filter((words) => words === "hi")).toHaveLength(1);
    expect(chat.store.get().outbox).toEqual([]);
    expect(server.events).toHaveLength(4);
  });

  it("asks for acks while the room is not held to its head, and on the local engine", async () => {
    const local = await opened(server);
    local.commands.post("r", "here", "text", null);
    expect(server.posts().at(-1)?.quiet).toBeUndefined();
    local.stop();

    const busy = new FakeServer(3);
    const waiting = await opened(busy, true);
    // Ahead of what is held: a push was lost.
    busy.push(posted(5, "u_a", "later", 5));
    await frame();
    waiting.commands.post("r", "hi", "text", null);
    expect(busy.posts()).toHaveLength(1);
    expect(busy.posts()[0]?.quiet).toBeUndefined();
  });

  it("retries with the same id after a reconnect, and shows the message once", async () => {
    const chat = await opened(server);
    chat.commands.post("r", "hi", "text", null);
    const [first] = server.posts();
    if (!first) throw new Error("nothing was sent");
    server.take(first);
    server.socket.lose();
    await vi.advanceTimersByTimeAsync(11_000);
    server.socket.open();
    await frame();
    expect(server.posts()).toEqual([first]);
    server.ack(first, server.take(first));
    await frame();
    server.answerSync();
    await frame();
    expect(shown(chat).filter((words) => words === "hi")).toHaveLength(1);
    expect(server.events).toHaveLength(4);
  });

  it("does not lose or repeat a message over a reload", async () => {
    const before = await opened(server);
    before.commands.post("r", "hi", "text", null);
    const [sent] = server.posts();
    if (!sent) throw new Error("nothing was sent");
    server.take(sent);
    before.stop();

    const after = await opened(server);
    // The snapshot has it, the ack of the retry is not there yet.
    expect(shown(after).filter((words) => words === "hi")).toHaveLength(1);
    expect(server.posts()).toEqual([sent]);
    server.ack(sent, server.take(sent));
    await frame();
    expect(shown(after).filter((words) => words === "hi")).toHaveLength(1);
    expect(after.store.get().outbox).toEqual([]);
  });

  it("shows a message once where the snapshot holds it before its retry is acknowledged", async () => {
    const before = await opened(server);
    before.commands.post("r", "hi", "text", null);
    const [sent] = server.posts();
    if (!sent) throw new Error("nothing was sent");
    server.take(sent);
    // Others write after it, so the snapshot is ahead of what the ack will tell.
    server.events.push(posted(5, "u_a", "later", 5));
    before.stop();

    const after = await opened(server);
    server.ack(sent, server.take(sent));
    await frame();
    expect(after.store.get().outbox).toEqual([]);
    expect(shown(after)).toEqual(["text 1", "text 2", "text 3", "hi", "later"]);
  });

  it("marks a refused message, and sends it again when asked", async () => {
    const chat = await opened(server);
    chat.commands.post("r", "hi", "text", null);
    const [command] = server.posts();
    if (!command) throw new Error("nothing was sent");
    server.socket.receive({ type: "error", id: command.id, code: "room_busy", message: "busy" });
    await frame();
    expect(chat.store.get().outbox).toMatchObject([{ state: "failed" }]);
    chat.commands.retry(command.id);
    expect(server.posts()).toEqual([command, command]);
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

  it("asks what a room says where one's own log tells of an event whose push was lost", async () => {
    const chat = await opened(server);
    const lost = { room: "r", room_version: 4 };
    const event = { version: 9, at: "", by: "u_me", type: "RoomLost" as const, data: lost };
    server.socket.receive({ type: "user", version: 9, events: [event] });
    await vi.advanceTimersByTimeAsync(1_500);
    expect(server.socket.sent.at(-1)).toMatchObject({ action: "sync", rooms: { r: 3 } });
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

  it("reads older messages, changed by what was pushed meanwhile", async () => {
    server = new FakeServer(400);
    const chat = await opened(server);
    const page = chat.history.older("r", 351);
    server.push(edited(401, 300, "new words"));
    await page;
    await frame();
    const open = chat.store.get().rooms.get("r")?.open;
    expect(open?.ranges).toEqual([{ from: 151, to: Infinity }]);
    expect(open?.view.messages.find(({ version }) => version === 300)?.text).toBe("new words");
  });

  it("opens a window around a message, which then grows to the live end", async () => {
    server = new FakeServer(900);
    const chat = await opened(server);
    const ranges = () => chat.store.get().rooms.get("r")?.open?.ranges ?? [];
    await chat.history.around("r", 300);
    await frame();
    expect(rangeAt(ranges(), 300)).toEqual({ from: 200, to: 399 });
    for (let step = 0; step < 3; step += 1) {
      await chat.history.newer("r", rangeAt(ranges(), 300)?.to ?? 0);
      await frame();
    }
    expect(ranges()).toEqual([{ from: 200, to: Infinity }]);
    expect(shown(chat)).toHaveLength(701);
  });

  it("marks as read at most every 5 s, and counts what is not seen", async () => {
    const chat = await opened(server);
    const reads = () => server.socket.sent.filter(({ action }) => action === "read");
    chat.attend("r", true);
    for (const version of [4, 5, 6]) {
      server.push(posted(version, "u_a", "x", version));
      await frame();
    }
    expect(reads()).toMatchObject([{ version: 4 }]);
    server.socket.receive({ type: "ack", id: reads()[0]?.id ?? "", room: "r", version: 1 });
    await vi.advanceTimersByTimeAsync(5_000);
    expect(reads()).toMatchObject([{ version: 4 }, { version: 6 }]);
    chat.attend("r", false);
    server.push(posted(7, "u_a", "x", 7));
    await frame();
    expect(chat.store.get().rooms.get("r")).toMatchObject({ unread: 1, firstUnread: 7 });
  });

  it("marks as read at once what waits when the room is left", async () => {
    const chat = await opened(server);
    const reads = () => server.socket.sent.filter(({ action }) => action === "read");
    chat.attend("r", true);
    for (const version of [4, 5]) {
      server.push(posted(version, "u_a", "x", version));
      await frame();
    }
    server.socket.receive({ type: "ack", id: reads()[0]?.id ?? "", room: "r", version: 1 });
    expect(reads()).toMatchObject([{ version: 4 }]);
    chat.openRoom(null);
    expect(reads()).toMatchObject([{ version: 4 }, { version: 5 }]);
    await vi.advanceTimersByTimeAsync(6_000);
    expect(reads()).toHaveLength(2);
  });

  it("does not count what was read and the server has not heard of", async () => {
    const chat = await opened(server);
    chat.attend("r", true);
    server.push(posted(4, "u_a", "x", 4));
    await frame();
    chat.openRoom(null);
    const unread = () => chat.store.get().rooms.get("r")?.unread;
    const last = { version: 4, at: "", by: "u_a", name: "a", text: "x", kind: "text" as const };
    vi.spyOn(server, "summary").mockReturnValue({ ...server.summary(), head: 4, unread: 1, last });
    await chat.refreshRooms();
    expect(unread()).toBe(0);
    // What came after it does count.
    const later = { ...last, version: 5 };
    vi.spyOn(server, "summary").mockReturnValue({
      ...server.summary(),
      head: 5,
      unread: 1,
      last: later,
    });
    await chat.refreshRooms();
    expect(unread()).toBe(1);
  });

  it("tells that the person types as they begin, and nothing after the last key", async () => {
    const chat = await opened(server);
    const signs = () => server.socket.sent.filter(({ action }) => action === "typing").length;
    for (let key = 0; key < 20; key += 1) {
      chat.type("r");
      await vi.advanceTimersByTimeAsync(100);
    }
    expect(signs()).toBe(1);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(signs()).toBe(1);
    chat.type("r");
    expect(signs()).toBe(2);
  });

  it("lets a typing sign lapse, and ends it with the message", async () => {
    const chat = await opened(server);
    const typing = () => [...(chat.store.get().rooms.get("r")?.typing.keys() ?? [])];
    server.socket.receive({ type: "typing", room: "r", user: "u_a" });
    server.socket.receive({ type: "typing", room: "r", user: "u_b" });
    await frame();
    expect(typing()).toEqual(["u_a", "u_b"]);
    server.push(posted(4, "u_a", "x", 4));
    await frame();
    expect(typing()).toEqual(["u_b"]);
    await vi.advanceTimersByTimeAsync(5_100);
    expect(typing()).toEqual([]);
  });

  const asked = () => server.socket.sent.filter((sent) => sent.action === "sync");
  const room = (chat: Chat) => chat.store.get().rooms.get("r");

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
    expect(asked().map(({ rooms }) => rooms)).toEqual([{ r: 3, s: 12 }]);
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
      expect(asked().flatMap(({ rooms }) => Object.keys(rooms))).toEqual([]);
    });

    it("asks nothing about a private one after, whatever it waited for", async () => {
      const summary = { ...server.summary(), kind: "private" as const };
      vi.spyOn(server, "summary").mockReturnValue(summary);
      const chat = await opened(server);
      await chat.refreshRooms();
      vi.spyOn(server, "summaries").mockReturnValue([]);
      const before = asked().length;
      server.push(left(4, "u_me", "removed"), posted(9, "u_a", "ahead", 9));
      await vi.advanceTimersByTimeAsync(60_000);
      expect(asked()).toHaveLength(before);
    });

    it("goes on with a public one on the screen as a guest", async () => {
      const before = 1;
      const { chat } = await removed("public");
      expect(asked()).toHaveLength(before + 2);
      expect(asked().at(-1)?.rooms).toEqual({ r: 4 });
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
      expect(asked().at(-1)?.rooms).toEqual({ r: null });
    });

    it("does not mind others who leave", async () => {
      const chat = await opened(server);
      const before = asked().length;
      server.push(left(4, "u_b", "left"), posted(5, "u_a", "on", 4));
      await frame();
      expect(shown(chat)).toContain("on");
      expect(asked()).toHaveLength(before);
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
      expect(asked()[0]).toMatchObject({ user: 7 });
    });
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

  it("opens a room that it did not know, and says why where it may not", async () => {
    const chat = await opened(server);
    chat.openRoom("secret");
    const state = () => chat.store.get().rooms.get("secret");
    expect(state()).toMatchObject({ open: null, refused: null });
    const question = asked().at(-1);
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
    expect(asked().at(-1)?.rooms).toEqual({ secret: null });
  });

  it("reads an open room once, however often it is looked at", async () => {
    const chat = await opened(server);
    const before = asked().length;
    chat.openRoom(null);
    chat.openRoom("r");
    expect(asked()).toHaveLength(before);
    chat.reloadRoom("r");
    expect(asked()).toHaveLength(before + 1);
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

  it("asks for an acknowledged event whose push does not come", async () => {
    const chat = await opened(server);
    chat.commands.post("r", "hi", "text", null);
    const [command] = server.posts();
    if (!command) throw new Error("nothing was sent");
    const before = asked().length;
    server.ack(command, server.take(command));
    await vi.advanceTimersByTimeAsync(1_500);
    expect(asked()).toHaveLength(before + 1);
    server.answerSync();
    await frame();
    expect(shown(chat).filter((words) => words === "hi")).toHaveLength(1);
    expect(chat.store.get().outbox).toEqual([]);
  });

  it("asks for nothing after a read mark: its answer is no version of the room", async () => {
    const chat = await opened(server);
    chat.attend("r", true);
    server.push(posted(4, "u_a", "x", 4));
    await frame();
    const mark = server.socket.sent.find(({ action }) => action === "read");
    const before = asked().length;
    server.socket.receive({ type: "ack", id: mark?.id ?? "", room: "r", version: 400 });
    await vi.advanceTimersByTimeAsync(5_000);
    expect(asked()).toHaveLength(before);
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

  it("marks nothing as read that the person does not see, or in a room of others", async () => {
    const reads = () => server.socket.sent.filter(({ action }) => action === "read");
    const chat = await opened(server);
    server.push(posted(4, "u_a", "x", 4));
    await vi.advanceTimersByTimeAsync(10_000);
    expect(reads()).toEqual([]);
    const guest = { ...server.summary(), head: 9, role: null };
    vi.spyOn(server, "summaries").mockReturnValue([guest]);
    await chat.refreshRooms();
    chat.attend("r", true);
    server.push(posted(5, "u_a", "x", 5));
    await vi.advanceTimersByTimeAsync(10_000);
    expect(reads()).toEqual([]);
  });

  it("attends one room at a time", async () => {
    const chat = await opened(server);
    chat.attend("r", true);
    chat.attend("s", false);
    expect(chat.store.get().attending).toBe("r");
    chat.attend("r", false);
    expect(chat.store.get().attending).toBeNull();
  });

  it("tells of typing in each room, again after three seconds", async () => {
    const chat = await opened(server);
    const signs = () =>
      server.socket.sent.flatMap((sent) => (sent.action === "typing" ? [sent.room] : []));
    chat.type("r");
    chat.type("s");
    chat.type("s");
    await vi.advanceTimersByTimeAsync(2_999);
    chat.type("s");
    expect(signs()).toEqual(["r", "s"]);
    await vi.advanceTimersByTimeAsync(1);
    chat.type("s");
    expect(signs()).toEqual(["r", "s", "s"]);
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

  it("reads members, with those who came meanwhile", async () => {
    const chat = await opened(server);
    const reading = chat.history.members("r");
    server.push(joined(4, "u_new"));
    await reading;
    await frame();
    expect([...(room(chat)?.open?.view.members ?? [])]).toEqual([
      ["u_me", "owner"],
      ["u_new", "member"],
    ]);
    expect(room(chat)).toMatchObject({ memberCount: 2 });
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
