// @vitest-environment happy-dom
import { act } from "react";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { Chat } from "../src/client/chat";
import "../src/features";
import { loadNotices } from "../src/store/notices";
import { applyEvents, loadSnapshot } from "../src/store/rooms";
import { withPeople, type RoomState, type State } from "../src/store/state";
import { useChatState } from "../src/ui/chat";
import { describeNotices } from "../src/ui/room/describe";
import { RoomHeader } from "../src/ui/room/RoomHeader";
import type { RoomEvent } from "../src/wire/room-event";
import { AT, of, snapshot } from "./support/rooms";
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
});

const nothing = () => undefined;

function topicSet(version: number, topic: string | null, by = "u_a"): RoomEvent {
  return { version, at: AT, by, type: "TopicSet", data: { topic } };
}

function update(change: (state: State) => State) {
  act(() => {
    chat.store.update(change);
  });
}

function Header() {
  const room = useChatState((state) => state.rooms.get("r"));
  return room && <RoomHeader room={room} panel={false} togglePanel={nothing} jump={nothing} />;
}

function show(room: Partial<RoomState>, text: string | null = "Gardens") {
  const facts = text === null ? {} : { topic: { text, by: "u_a" } };
  update((state) => ({
    ...state,
    rooms: new Map([["r", { ...openRoom({ facts }), ...room }]]),
  }));
  screen.show(<Header />, chat);
}

it.each([
  ["public", "member", false],
  ["broadcast", "member", false],
  ["private", "member", true],
  ["public", "moderator", true],
  ["broadcast", "owner", true],
  ["public", null, false],
] as const)("in a %s room a %s may set the topic: %s", (kind, role, may) => {
  show({ kind, role });
  screen.click("topic");
  expect(screen.all("topic-input").length).toBe(may ? 1 : 0);
  expect(screen.all("topic-text").map((one) => one.textContent)).toEqual(may ? [] : ["Gardens"]);
  expect(screen.text).toContain("Set by Ann");
});

it("has no line for a reader where there is no topic, and offers one to who may set it", () => {
  show({ role: "member" }, null);
  expect(screen.all("topic")).toEqual([]);
  show({ role: "owner" }, null);
  expect(screen.find("topic").textContent).toBe("Add a topic");
});

it("asks for the new topic in one line, and says what was refused", async () => {
  const ask = vi.spyOn(chat.commands, "ask").mockResolvedValueOnce("not today");
  ask.mockResolvedValue(null);
  show({ role: "owner" });
  screen.click("topic");
  screen.type("topic-input", " Trees\nand bees ");
  screen.click("topic-save");
  await act(() => Promise.resolve());
  expect(ask).toHaveBeenLastCalledWith({ action: "set_topic", room: "r", topic: "Trees and bees" });
  expect(screen.text).toContain("not today");
  screen.type("topic-input", "");
  expect(screen.find("topic-save").textContent).toBe("Remove topic");
  expect(screen.key(screen.find("topic-input"), "Enter")).toBe(true);
  await act(() => Promise.resolve());
  expect(ask).toHaveBeenLastCalledWith({ action: "set_topic", room: "r", topic: "" });
  expect(screen.all("topic-input")).toEqual([]);
});

it("counts code points, and sends no topic that is too long", () => {
  show({ role: "owner" });
  screen.click("topic");
  screen.type("topic-input", "🌱".repeat(250));
  expect(screen.text).toContain("0 characters left");
  expect(screen.find("topic-save").hasAttribute("disabled")).toBe(false);
  screen.type("topic-input", "🌱".repeat(252));
  expect(screen.text).toContain("2 too many characters");
  expect(screen.find("topic-save").hasAttribute("disabled")).toBe(true);
});

it("follows the snapshot and the events, and loses an erased person's words", () => {
  const line = () => screen.all("topic").map((one) => one.textContent);
  const facts = { topic: { text: "Gardens", by: "u_a" } };
  chat.store.update((state) => loadSnapshot(state, "r", snapshot({ facts })));
  screen.show(<Header />, chat);
  expect(line()).toEqual(["Gardens"]);
  update((state) => applyEvents(state, "r", [topicSet(11, "Trees", "u_b"), topicSet(12, "Bees")]));
  expect(line()).toEqual(["Bees"]);
  update((state) => withPeople(state, { u_b: "Bob" }));
  update((state) => withPeople(state, { u_b: null }));
  expect(line()).toEqual(["Bees"]);
  update((state) => withPeople(state, { u_a: null }));
  expect(line()).toEqual([]);
  expect(JSON.stringify(of(chat.store.get()))).not.toContain("Bees");
});

it("says in the timeline who set the topic, once in a row, also after a reload", () => {
  const people = new Map([["u_a", "Ann"]]);
  const said = (state: State) =>
    describeNotices(of(state).open?.view.notices ?? [], (id) => people.get(id) ?? "?");
  const begun = loadSnapshot(chat.store.get(), "r", snapshot());
  const events = [topicSet(11, "Trees"), topicSet(12, "Bees"), topicSet(13, null)];
  expect(said(applyEvents(begun, "r", events))).toBe("Ann set the topic · Ann changed the topic");
  const before = [topicSet(3, "Trees"), topicSet(4, "Bees", "u_gone")];
  expect(said(loadNotices(begun, "r", before))).toBe("Ann set the topic");
});
