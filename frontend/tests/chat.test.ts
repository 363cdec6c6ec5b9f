// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Chat } from "../src/client/chat";
import { rangeAt } from "../src/fold/history";
import { pendingPosts } from "../src/store/pending";
import { edited, posted } from "./support/events";
import { FakeServer } from "./support/server";

/** The words that the timeline shows, those on their way included. */
function shown(chat: Chat): (string | null)[] {
  const { rooms, outbox, me } = chat.store.get();
  const messages = rooms.get("r")?.open?.view.messages ?? [];
  const pending = pendingPosts(outbox, "r", messages, me.id);
  return [...messages.map(({ text }) => text), ...pending.map(({ text }) => text)];
}

const frame = () => vi.advanceTimersByTimeAsync(20);

async function opened(server: FakeServer): Promise<Chat> {
  const chat = server.tab();
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
});
