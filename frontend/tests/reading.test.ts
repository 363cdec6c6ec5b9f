// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { rangeAt } from "../src/fold/history";
import { edited, joined, posted } from "./support/events";
import { FakeServer } from "./support/server";
import { asked, frame, opened, room, shown } from "./support/tab";

describe("Chat: what a person has read, and that they type", () => {
  let server: FakeServer;

  beforeEach(() => {
    vi.useFakeTimers();
    server = new FakeServer(3);
  });
  afterEach(() => {
    vi.useRealTimers();
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

  it("tells at once that the person types on after a message, which ended the sign", async () => {
    const chat = await opened(server);
    const signs = () => server.socket.sent.filter(({ action }) => action === "typing").length;
    chat.type("r");
    chat.commands.post("r", "hi", "text", null);
    await frame();
    // A sign now could come before the message, and would be over with it.
    chat.type("r");
    expect(signs()).toBe(1);
    const [sent] = server.posts();
    if (!sent) throw new Error("nothing was sent");
    server.ack(sent, server.take(sent));
    await frame();
    chat.type("r");
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

  it("asks for nothing after a read mark: its answer is no version of the room", async () => {
    const chat = await opened(server);
    chat.attend("r", true);
    server.push(posted(4, "u_a", "x", 4));
    await frame();
    const mark = server.socket.sent.find(({ action }) => action === "read");
    const before = asked(server).length;
    server.socket.receive({ type: "ack", id: mark?.id ?? "", room: "r", version: 400 });
    await vi.advanceTimersByTimeAsync(5_000);
    expect(asked(server)).toHaveLength(before);
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
});
