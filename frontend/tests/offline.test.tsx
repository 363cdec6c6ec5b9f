// @vitest-environment happy-dom
import { act } from "react";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Chat } from "../src/client/chat";
import { RoomScreen } from "../src/ui/room/RoomScreen";
import { PostState } from "../src/ui/message/PostState";
import { Screen } from "./support/screen";
import { FakeServer } from "./support/server";

let server: FakeServer;
let chat: Chat;
let screen: Screen;

beforeEach(() => {
  vi.useFakeTimers();
  location.hash = "";
  server = new FakeServer(3);
  chat = server.tab();
  screen = new Screen();
});
afterEach(() => {
  chat.stop();
  screen.close();
  vi.useRealTimers();
});

async function show(room: string) {
  chat.start();
  await vi.advanceTimersByTimeAsync(0);
  server.socket.open();
  await vi.advanceTimersByTimeAsync(20);
  chat.openRoom(room);
  server.answerSync();
  await vi.advanceTimersByTimeAsync(20);
  screen.show(<RoomScreen room={room} />, chat);
  await screen.pass(20);
}

const lose = () =>
  screen.hear(() => {
    dispatchEvent(new Event("offline"));
  });

describe("a room without a connection", () => {
  it("says so after a moment, and tells nobody to be online", async () => {
    await show("r");
    await screen.hear(() => {
      server.socket.receive({ type: "presence", room: "r", user: "u_b", state: "online" });
    });
    expect(screen.text).toMatch(/1 online/);
    await lose();
    expect(screen.text).not.toMatch(/online/);
    expect(screen.all("offline-bar")).toEqual([]);
    await screen.pass(2_000);
    expect(screen.find("offline-bar").textContent).toContain("What you write is kept here");
    // Attempts in between do not make it come and go.
    await screen.pass(30_000);
    expect(screen.all("offline-bar")).toHaveLength(1);
    await screen.hear(() => {
      server.socket.open();
    });
    expect(screen.all("offline-bar")).toEqual([]);
  });

  it("says that it cannot be read where it was not loaded before", async () => {
    chat.start();
    await vi.advanceTimersByTimeAsync(20);
    act(() => {
      chat.openRoom("r");
    });
    screen.show(<RoomScreen room="r" />, chat);
    await screen.pass(20);
    expect(document.querySelector('[aria-label="Loading messages"]')).not.toBeNull();
    await lose();
    await screen.pass(2_500);
    expect(screen.text).toContain("This room cannot be read right now");
    expect(document.querySelector('[aria-label="Loading messages"]')).toBeNull();
    await screen.hear(() => {
      server.socket.open();
    });
    expect(screen.all("room-unreadable")).toEqual([]);
  });
});

it("lets a message that waits be cancelled, and never sends it", async () => {
  await show("r");
  await lose();
  await screen.hear(() => {
    chat.commands.post("r", "not yet", "text", null);
    chat.commands.post("r", "keep this", "text", null);
  });
  const posts = () => chat.store.get().outbox.filter(({ command }) => command.action === "post");
  const [first] = posts();
  if (first?.command.action !== "post") throw new Error("nothing waits");
  const { id, text } = first.command;
  const post = {
    ...{ id, text, by: "u_me", at: first.at, kind: "text" as const, reply_to: null },
    ...{ state: first.state, ackedAs: null, problem: null },
  };
  screen.show(
    <PostState
      post={post}
      retry={() => undefined}
      discard={(one) => {
        chat.commands.discard(one);
      }}
    />,
    chat,
  );
  expect(screen.all("message-cancel")).toEqual([]);
  await screen.pass(2_000);
  expect(screen.text).toContain("Waits for the connection");
  screen.click("message-cancel");
  await screen.pass(20);
  expect(posts().map(({ command }) => command)).toMatchObject([{ text: "keep this" }]);
  await screen.pass(30_000);
  await screen.hear(() => {
    server.socket.open();
  });
  server.answerSync();
  await screen.pass(1_000);
  expect(server.posts().map((sent) => sent.text)).toEqual(["keep this"]);
});
