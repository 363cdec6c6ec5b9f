// @vitest-environment happy-dom
import { act } from "react";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { Chat } from "../src/client/chat";
import "../src/features";
import { partsOf, type OfMessage } from "../src/features/feature";
import type { FoldedMessage } from "../src/fold/messages";
import { closedRoom } from "../src/store/rooms";
import { withPeople } from "../src/store/state";
import { message } from "./support/events";
import { Screen } from "./support/screen";
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
  expect(screen.text).toContain("did not load");
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
