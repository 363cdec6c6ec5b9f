// @vitest-environment happy-dom
import { act } from "react";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { Chat } from "../src/client/chat";
import "../src/features";
import { partsOf, type OfMessage } from "../src/features/feature";
import type { FoldedMessage } from "../src/fold/messages";
import { applyEvents, closedRoom, loadPage, loadSnapshot } from "../src/store/rooms";
import { withPeople } from "../src/store/state";
import { useChatState } from "../src/ui/chat";
import type { Messages } from "../src/wire/http";
import type { RoomEvent } from "../src/wire/room-event";
import { message, posted } from "./support/events";
import { snapshot } from "./support/rooms";
import { openRoom, Screen } from "./support/screen";
import { FakeServer } from "./support/server";

let screen: Screen;
let chat: Chat;

beforeEach(() => {
  screen = new Screen();
  chat = new FakeServer(1).tab();
  chat.store.update((state) => withPeople(state, { u_a: "Ann" }));
});
afterEach(() => {
  screen.close();
  vi.restoreAllMocks();
  vi.useRealTimers();
});

function showAction(of: Partial<OfMessage>) {
  const all = { room: "lobby", kind: "public", role: "owner", message: message(4), ...of } as const;
  screen.show(
    partsOf("MessageAction").map((Action, index) => <Action key={index} {...all} />),
    chat,
  );
}

it.each([
  ["public", "member", false],
  ["broadcast", "member", false],
  ["private", "member", true],
  ["public", "moderator", true],
  ["broadcast", "owner", true],
] as const)("in a %s room a %s may pin: %s", (kind, role, may) => {
  showAction({ kind, role });
  expect(screen.all("message-pin").length).toBe(may ? 1 : 0);
});

it.each([
  [message(4), "pin"],
  [{ ...message(4), pinned_by: "u_a" }, "unpin"],
] as const)(
  "asks to pin or unpin, and says what was refused",
  async (of: FoldedMessage, action) => {
    const ask = vi.spyOn(chat.commands, "ask").mockResolvedValue("not today");
    const shown = vi.spyOn(chat.toasts, "show");
    showAction({ message: of });
    screen.click("message-pin");
    await act(() => Promise.resolve());
    expect(ask).toHaveBeenCalledWith({ action, room: "lobby", version: 4 });
    expect(shown).toHaveBeenCalledWith("not today");
  },
);

it("says under a message who pinned it", () => {
  const marks = (of: FoldedMessage) =>
    partsOf("MessageMark").map((Mark, index) => <Mark key={index} message={of} />);
  screen.show(marks(message(4)), chat);
  expect(screen.all("message-pinned")).toEqual([]);
  screen.show(marks({ ...message(4), pinned_by: "u_a" }), chat);
  expect(screen.find("message-pinned").textContent).toBe("Pinned by Ann");
});

it("lists the pinned messages, goes to one and takes a pin back", async () => {
  const page = { messages: [{ ...message(4), pinned_by: "u_a" }], people: { u_a: "Ann" } };
  const read = vi.spyOn(chat.api, "read").mockRejectedValueOnce(new Error("lost"));
  read.mockResolvedValue(page);
  const ask = vi.spyOn(chat.commands, "ask").mockResolvedValue(null);
  const jump = vi.fn();
  const room = { ...closedRoom("lobby"), role: "owner" as const };
  screen.show(
    partsOf("HeaderAction").map((Action, index) => <Action key={index} room={room} jump={jump} />),
    chat,
  );
  const settle = () => act(() => Promise.resolve());
  screen.click("pins-toggle");
  await settle();
  expect(screen.text).toContain("could not be loaded");
  act(() => {
    [...document.querySelectorAll("button")]
      .find((one) => one.textContent === "Try again")
      ?.click();
  });
  await settle();
  expect(read).toHaveBeenLastCalledWith("/api/rooms/lobby/pins");
  expect(screen.find("pins").textContent).toContain("Ann");
  screen.click("pin-remove");
  await settle();
  expect(ask).toHaveBeenCalledWith({ action: "unpin", room: "lobby", version: 4 });
  expect(read).toHaveBeenCalledTimes(3);
  screen.click("pin-show");
  expect(jump).toHaveBeenCalledWith(4);
  expect(screen.all("pins")).toEqual([]);
});

const AT = "2026-11-20T12:00:00.000000Z";

function deleted(version: number, of: number): RoomEvent {
  return { version, at: AT, by: "u_a", type: "MessageDeleted", data: { message: of } };
}

function unpinned(version: number, of: number): RoomEvent {
  return { version, at: AT, by: "u_a", type: "MessageUnpinned", data: { message: of } };
}

/** A page of pins of the room that `openRoom` makes. */
function pins(...versions: number[]): Messages {
  const messages = versions.map((version) => ({ ...message(version), pinned_by: "u_a" }));
  return { messages, people: { u_a: "Ann" } };
}

/** The room's header as it stands in the app: over what the store holds. */
function Header() {
  const room = useChatState((state) => state.rooms.get("r"));
  return (
    room && partsOf("HeaderAction").map((Action, i) => <Action key={i} room={room} jump={noJump} />)
  );
}

const noJump = () => undefined;

/** The open sheet; what the server is asked, each request answered by the test. */
async function openSheet(first: Messages) {
  vi.useFakeTimers();
  chat.store.update((state) => ({
    ...state,
    rooms: new Map([["r", openRoom({ role: "owner", messages: [message(4)] })]]),
  }));
  const read = vi.spyOn(chat.api, "read").mockResolvedValueOnce(first);
  screen.show(<Header />, chat);
  screen.click("pins-toggle");
  await screen.pass();
  const hear = (...events: RoomEvent[]) => {
    act(() => {
      chat.store.update((state) => applyEvents(state, "r", events));
    });
  };
  return { read, hear };
}

it("shows no deleted message in an open list, and reads the list again", async () => {
  const { read, hear } = await openSheet(pins(4, 2, 3));
  // An answer that is long in coming: what was heard of is gone before, loaded (4) or not (2).
  read.mockReturnValue(new Promise(() => undefined));
  expect(screen.find("pins").textContent).toContain("text 2");
  hear(deleted(5, 4), deleted(6, 2));
  expect(screen.find("pins").textContent).not.toMatch(/text [24]/);
  expect(screen.find("pins").textContent).toContain("text 3");
  await screen.pass(1_000);
  expect(read).toHaveBeenCalledTimes(2);
});

it("reads an open list again for pins and unpins, once a second at most", async () => {
  const { read, hear } = await openSheet(pins(4, 3));
  read.mockResolvedValue(pins(3));
  await screen.pass(5_000);
  hear(posted(5, "u_b", "other things", 5));
  await screen.pass(5_000);
  expect(read).toHaveBeenCalledTimes(1);
  for (let version = 6; version < 46; version += 1) {
    hear(unpinned(version, 4));
    await screen.pass(100);
  }
  await screen.pass(10_000);
  // The first list; then four seconds of news: one at once, one after each second.
  expect(read).toHaveBeenCalledTimes(6);
  expect(screen.find("pins").textContent).not.toContain("text 4");
  screen.press("Close");
  hear(unpinned(46, 3));
  await screen.pass(5_000);
  expect(read).toHaveBeenCalledTimes(6);
});

it("reads an open list again when the room began anew", async () => {
  const { read } = await openSheet(pins(4, 3));
  read.mockResolvedValue(pins(3));
  act(() => {
    chat.store.update((state) => ({
      ...state,
      rooms: new Map([["r", openRoom({ role: "owner", messages: [message(9)] })]]),
    }));
  });
  await screen.pass(1_000);
  expect(read).toHaveBeenCalledTimes(2);
  expect(screen.find("pins").textContent).not.toContain("text 4");
});

it("takes away the name and the words of an erased person in an open list", async () => {
  const { read } = await openSheet(pins(4));
  read.mockResolvedValue(pins(4));
  act(() => {
    chat.store.update((state) => withPeople(state, { u_a: null }));
  });
  expect(screen.find("pins").textContent).toContain("Erased person");
  expect(screen.find("pins").textContent).not.toMatch(/Ann|text 4/);
  // Once, though the answer names the person still.
  await screen.pass(10_000);
  expect(read).toHaveBeenCalledTimes(2);
});

it("takes no earlier answer for a later one", async () => {
  const { read, hear } = await openSheet(pins(4, 3));
  let late: (page: Messages) => void = () => undefined;
  read.mockReturnValueOnce(
    new Promise((resolve) => {
      late = resolve;
    }),
  );
  hear(unpinned(5, 4));
  await screen.pass(1_000);
  read.mockResolvedValueOnce({ messages: [], people: {} });
  hear(unpinned(6, 3));
  await screen.pass(1_000);
  late(pins(3));
  await screen.pass();
  expect(screen.text).toContain("Nothing is pinned yet");
});

it("knows of a pin in a page of messages that was read before it and comes after", () => {
  const start = {
    ...chat.store.get(),
    rooms: new Map([["r", openRoom({ messages: [message(9)] })]]),
  };
  const data = { message: 4 };
  const pinned = applyEvents(start, "r", [
    { version: 10, at: AT, by: "u_b", type: "MessagePinned", data },
  ]);
  const state = loadPage(pinned, "r", { messages: [message(4)], from: 4, to: 9 });
  expect(state.rooms.get("r")?.open?.view.messages[0]?.pinned_by).toBe("u_b");
});

it("counts the pins of a snapshot and of what follows", () => {
  const taken = loadSnapshot(chat.store.get(), "r", snapshot({ facts: { pins: [7, 8] } }));
  const state = applyEvents(taken, "r", [unpinned(11, 7), deleted(12, 8)]);
  const show = (of: typeof state) => {
    act(() => {
      chat.store.update(() => of);
    });
    return screen.find("pins-toggle").getAttribute("aria-label");
  };
  chat.store.update(() => taken);
  screen.show(<Header />, chat);
  expect(show(taken)).toBe("Pinned messages (2)");
  expect(show(state)).toBe("Pinned messages");
  expect(state.rooms.get("r")?.open?.view.facts).toEqual({ pins: [] });
});
