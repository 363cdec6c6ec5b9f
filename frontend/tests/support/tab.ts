/** A tab with the room `r` open, and what its timeline shows. */
import { vi } from "vitest";
import type { Chat } from "../../src/client/chat";
import { pendingPosts } from "../../src/store/pending";
import { FakeServer } from "./server";

/** The words that the timeline shows, those on their way included. */
export function shown(chat: Chat): (string | null)[] {
  const { rooms, outbox, me } = chat.store.get();
  const messages = rooms.get("r")?.open?.view.messages ?? [];
  const pending = pendingPosts(outbox, "r", messages, me.id);
  return [...messages.map(({ text }) => text), ...pending.map(({ text }) => text)];
}

export const frame = () => vi.advanceTimersByTimeAsync(20);

export async function opened(server: FakeServer, quietPosts = false): Promise<Chat> {
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

/** The `sync` frames that were sent. */
export const asked = (server: FakeServer) =>
  server.socket.sent.filter((sent) => sent.action === "sync");

export const room = (chat: Chat) => chat.store.get().rooms.get("r");
