// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { posted } from "./support/events";
import { FakeServer } from "./support/server";
import { asked, frame, opened, shown } from "./support/tab";

describe("Chat: what a person sends", () => {
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

  it("asks for an acknowledged event whose push does not come", async () => {
    const chat = await opened(server);
    chat.commands.post("r", "hi", "text", null);
    const [command] = server.posts();
    if (!command) throw new Error("nothing was sent");
    const before = asked(server).length;
    server.ack(command, server.take(command));
    await vi.advanceTimersByTimeAsync(1_500);
    expect(asked(server)).toHaveLength(before + 1);
    server.answerSync();
    await frame();
    expect(shown(chat).filter((words) => words === "hi")).toHaveLength(1);
    expect(chat.store.get().outbox).toEqual([]);
  });
});
