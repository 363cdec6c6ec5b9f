// @vitest-environment happy-dom
// Over 300 lines: one tab through each loss and return of its connection, against one server.
/** What a tab keeps, drops and asks again as its connection comes and goes. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ApiError } from "../src/client/api";
import type { Chat } from "../src/client/chat";
import { pendingPosts } from "../src/store/pending";
import type { ServerFrame, User } from "../src/wire/server";
import { joined, posted } from "./support/events";
import { FakeServer } from "./support/server";

const AT = "2026-11-20T12:00:00.000000Z";
const frame = () => vi.advanceTimersByTimeAsync(20);

let server: FakeServer;
let chat: Chat;

beforeEach(() => {
  vi.useFakeTimers();
  // Waits are half of their longest.
  vi.spyOn(Math, "random").mockReturnValue(0.5);
  server = new FakeServer(3);
  chat = server.tab();
});
afterEach(() => {
  chat.stop();
  vi.useRealTimers();
});

async function connect() {
  chat.start();
  await vi.advanceTimersByTimeAsync(0);
  server.socket.open();
  await frame();
}

async function opened() {
  await connect();
  chat.openRoom("r");
  server.answerSync();
  await frame();
}

/** The connection is lost, and there is another after the short wait. */
async function reconnect() {
  server.socket.lose();
  await vi.advanceTimersByTimeAsync(300);
  server.socket.open();
  await frame();
}

const room = () => chat.store.get().rooms.get("r");
const asked = () => server.socket.sent.filter((sent) => sent.action === "sync");
const reads = () => server.socket.sent.filter(({ action }) => action === "read");
const toasts = () => chat.store.get().toasts.map(({ text }) => text);
const shown = () => {
  const messages = room()?.open?.view.messages ?? [];
  const pending = pendingPosts(chat.store.get().outbox, "r", messages, "u_me");
  return [...messages, ...pending].map(({ text }) => text);
};

function post(text = "hi") {
  chat.commands.post("r", text, "text", null);
  const sent = server.posts().at(-1);
  if (!sent) throw new Error("nothing was sent");
  return sent;
}

function own(version: number, ...events: User["events"]): ServerFrame {
  return { type: "user", version, events };
}

describe("after a lost connection", () => {
  it("sends again at once what was not answered", async () => {
    await opened();
    const sent = post();
    await reconnect();
    expect(server.posts()).toEqual([sent]);
  });

  it("forgets pushes that waited for others, which the server may have taken back", async () => {
    await opened();
    server.push(posted(5, "u_a", "from before", 5));
    server.events.push(posted(4, "u_a", "four", 4));
    await reconnect();
    server.answerSync();
    server.push(posted(5, "u_a", "from after", 5));
    await frame();
    expect(shown().slice(3)).toEqual(["four", "from after"]);
  });

  it("asks the server for no list until it is back", async () => {
    let [lists, found, invited] = [0, 0, 0];
    const refuse = () => Promise.reject(new ApiError("rate_limited", "too many"));
    server.ownRooms = () => ((lists += 1), refuse());
    server.directory = () => ((found += 1), refuse());
    server.invited = () => ((invited += 1), refuse());
    await connect();
    server.socket.lose();
    [lists, found, invited] = [0, 0, 0];
    await vi.advanceTimersByTimeAsync(60_000);
    expect([lists, found, invited]).toEqual([0, 0, 0]);
    server.socket.open();
    await frame();
    expect([lists, found, invited]).toEqual([1, 1, 1]);
  });

  it("does not complain of a list that was lost with it", async () => {
    let refuse: (error: Error) => void = () => undefined;
    server.ownRooms = () =>
      new Promise((_, reject) => {
        refuse = reject;
      });
    await connect();
    server.socket.lose();
    refuse(new ApiError("network", "away"));
    await vi.advanceTimersByTimeAsync(60_000);
    expect(toasts()).toEqual([]);
  });

  it("does not look for new rooms when the window gets the focus", async () => {
    await connect();
    let found = 0;
    server.directory = () => {
      found += 1;
      return Promise.resolve({ rooms: [], cursor: null });
    };
    await vi.advanceTimersByTimeAsync(30_000);
    server.socket.lose();
    dispatchEvent(new Event("focus"));
    expect(found).toBe(0);
  });

  it("says that a room is refused now, and asks again when the person comes back to it", async () => {
    await opened();
    await reconnect();
    const id = asked().at(-1)?.id ?? "";
    server.socket.receive({ type: "synced", id, rooms: { r: { error: "forbidden" } } });
    await frame();
    expect(room()).toMatchObject({ refused: "forbidden" });
    chat.openRoom(null);
    const before = asked().length;
    chat.openRoom("r");
    expect(room()).toMatchObject({ refused: null });
    expect(asked()).toHaveLength(before + 1);
    expect(asked().at(-1)?.rooms).toEqual({ r: null });
  });
});

describe("a tab that is closed", () => {
  it("leaves no listener behind", () => {
    const spies = [globalThis, document].flatMap((target) => [
      vi.spyOn(target, "addEventListener"),
      vi.spyOn(target, "removeEventListener"),
    ]);
    chat.start();
    chat.stop();
    const calls = (index: number) =>
      [spies[index], spies[index + 2]].flatMap((spy) =>
        (spy?.mock.calls ?? []).map(([type, listener]) => ({ type, listener })),
      );
    expect(calls(0).map(({ type }) => type)).toEqual([
      "online",
      "offline",
      "focus",
      "visibilitychange",
    ]);
    expect(calls(1)).toEqual(calls(0));
  });

  it("tells nothing more of what was read", async () => {
    await opened();
    chat.attend("r", true);
    server.push(posted(4, "u_a", "x", 4));
    await frame();
    server.push(posted(5, "u_a", "y", 5));
    await frame();
    chat.stop();
    await vi.advanceTimersByTimeAsync(10_000);
    const waiting = chat.store.get().outbox.map(({ command }) => command);
    expect(waiting).not.toContainEqual(expect.objectContaining({ action: "read", version: 5 }));
  });

  it("asks nothing that it was about to, though it never had a connection", async () => {
    let found = 0;
    server.directory = () => {
      found += 1;
      return Promise.resolve({ rooms: [], cursor: null });
    };
    chat.directory.search("garden");
    chat.stop();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(found).toBe(0);
  });
});

describe("a post", () => {
  it("waits for the room's version, and goes out with it", async () => {
    await opened();
    chat.openRoom("s");
    chat.commands.post("s", "hi", "text", null);
    expect(server.posts()).toEqual([]);
    const snapshot = {
      version: 8,
      name: "S",
      kind: "public" as const,
      role: "member" as const,
      member_count: 1,
      unread: 0,
      messages: [],
      people: {},
    };
    const id = asked().at(-1)?.id ?? "";
    server.socket.receive({ type: "synced", id, rooms: { s: { head: 8, snapshot } } });
    expect(server.posts()).toMatchObject([{ room: "s", text: "hi", since: 8 }]);
  });

  it("of an earlier page goes out once the list tells its room's version", async () => {
    const command = { action: "post", id: "p1", room: "r", text: "kept" } as const;
    chat.stop();
    server.keep([{ command, at: AT, state: "waiting" }]);
    chat = server.tab();
    await connect();
    expect(server.posts()).toMatchObject([{ id: "p1", since: 3 }]);
  });

  it("that a snapshot shows is not shown beside it", async () => {
    await opened();
    const sent = post();
    server.ack(sent, server.take(sent));
    chat.reloadRoom("r");
    server.answerSync();
    await frame();
    expect(shown().filter((text) => text === "hi")).toHaveLength(1);
    expect(chat.store.get().outbox).toEqual([]);
  });

  it("that is acknowledged is over with any event that brings the room past it", async () => {
    await opened();
    const sent = post();
    const event = server.take(sent);
    server.ack(sent, event);
    const { id, ...told } = event;
    expect(id).toBe(sent.id);
    server.push(told);
    await frame();
    expect(shown().filter((text) => text === "hi")).toHaveLength(1);
    expect(chat.store.get().outbox).toEqual([]);
  });

  it("is not ended by another person's event with its id", async () => {
    await opened();
    const sent = post();
    server.push(posted(4, "u_b", "x", 4, sent.id));
    await frame();
    expect(chat.store.get().outbox).toHaveLength(1);
  });
});

it("folds what comes with a snapshot's answer in its order", async () => {
  await opened();
  await reconnect();
  const id = asked().at(-1)?.id ?? "";
  server.events.push(posted(4, "u_a", "four", 4), posted(5, "u_a", "five", 5));
  const events = [posted(4, "u_a", "four", 4)];
  server.socket.receive({
    type: "synced",
    id,
    rooms: { r: { head: 5, complete: false, events, people: {} } },
  });
  const snapshot = {
    version: 5,
    name: "R",
    kind: "public" as const,
    role: "member" as const,
    member_count: 2,
    unread: 0,
    messages: server.messages(),
    people: {},
  };
  server.socket.receive({ type: "synced", id, rooms: { r: { head: 5, snapshot } } });
  server.push(posted(6, "u_a", "six", 6));
  await frame();
  expect(shown().slice(3)).toEqual(["four", "five", "six"]);
});

describe("the ping", () => {
  const pings = () => server.socket.sent.filter(({ action }) => action === "ping").length;

  it("comes every five minutes while nobody looks", async () => {
    vi.spyOn(document, "hidden", "get").mockReturnValue(true);
    await connect();
    await vi.advanceTimersByTimeAsync(5 * 60_000 - 1_000);
    expect(pings()).toBe(0);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(pings()).toBe(1);
  });

  it("looks for new rooms while somebody looks, and for none while nobody does", async () => {
    await connect();
    let found = 0;
    server.directory = () => {
      found += 1;
      return Promise.resolve({ rooms: [], cursor: null });
    };
    await vi.advanceTimersByTimeAsync(30_000);
    const hidden = vi.spyOn(document, "hidden", "get").mockReturnValue(true);
    server.socket.receive({ type: "pong" });
    expect(found).toBe(0);
    hidden.mockReturnValue(false);
    server.socket.receive({ type: "pong" });
    expect(found).toBe(1);
  });

  it("has all read anew where the person's own log went on unheard", async () => {
    await connect();
    const { lists } = server;
    let invited = 0;
    server.invited = () => {
      invited += 1;
      return Promise.resolve({ invitations: [] });
    };
    server.socket.receive({ type: "pong", user: 4 });
    await frame();
    expect([server.lists, invited]).toEqual([lists + 1, 1]);
    server.socket.receive({ type: "pong", user: 4 });
    await frame();
    expect([server.lists, invited]).toEqual([lists + 1, 1]);
  });
});

describe("a list that was refused", () => {
  const refuse = () => Promise.reject(new ApiError("internal", "no"));

  it("is not read once more where somebody else's asking brought it", async () => {
    await opened();
    const answer = server.ownRooms;
    server.ownRooms = refuse;
    await chat.refreshRooms();
    server.ownRooms = answer;
    await chat.refreshRooms();
    const { lists } = server;
    await vi.advanceTimersByTimeAsync(60_000);
    expect(server.lists).toBe(lists);
  });

  it("is told once until it came, and again the next time", async () => {
    await opened();
    const answer = server.ownRooms;
    server.ownRooms = refuse;
    await chat.refreshRooms();
    await chat.refreshRooms();
    await frame();
    expect(toasts()).toHaveLength(1);
    server.ownRooms = answer;
    await chat.refreshRooms();
    server.ownRooms = refuse;
    await chat.refreshRooms();
    await frame();
    expect(toasts()).toHaveLength(2);
  });
});

it("says why the room on the screen waits, and asks for it again", async () => {
  await connect();
  const refuse = (id = "") => {
    server.socket.receive({ type: "error", id, code: "rate_limited", message: "too many" });
  };
  // A room that nobody looks at waits in silence.
  refuse(asked().at(-1)?.id);
  chat.openRoom("r");
  await frame();
  expect(toasts()).toEqual([]);
  refuse("of something else");
  refuse(asked().at(-1)?.id);
  await frame();
  expect(toasts()).toEqual(["That was a lot at once. It continues in a moment."]);
  await vi.advanceTimersByTimeAsync(15_000);
  server.answerSync();
  await frame();
  expect(shown()).toHaveLength(3);
});

describe("the person's own log", () => {
  const base = { at: AT, by: "u_me" };
  let invited = 0;

  beforeEach(async () => {
    server.invitations.push({
      room: "den",
      name: "Den",
      kind: "private",
      by: "u_a",
      by_name: "Ann",
      role: "member",
      at: AT,
      version: 7,
    });
    await opened();
    invited = 0;
    server.invited = () => {
      invited += 1;
      return Promise.resolve({ invitations: [] });
    };
  });

  const gained = (version: number, room: string): ServerFrame =>
    own(version, {
      ...base,
      version,
      type: "RoomGained",
      data: { room, room_version: 9, role: "member" },
    });

  it("ends an invitation with the room, and reads no invitations for another", async () => {
    server.socket.receive(gained(5, "elsewhere"));
    await frame();
    expect(invited).toBe(0);
    server.socket.receive(gained(6, "den"));
    await frame();
    expect(invited).toBe(1);
    expect(chat.store.get().invitations).toEqual([]);
  });

  it("ends an invitation that was withdrawn", async () => {
    const data = { room: "den", room_version: 8 };
    server.socket.receive(own(5, { ...base, version: 5, type: "OfferClosed", data }));
    await frame();
    expect(invited).toBe(1);
    expect(chat.store.get().invitations).toEqual([]);
  });

  it("has no invitation to a room that the person accepted", async () => {
    const answer = chat.commands.answer("den", 7, true);
    const sent = server.socket.sent.at(-1);
    expect(sent).toMatchObject({ action: "join", room: "den", since: 7 });
    server.socket.receive({ type: "ack", id: sent?.id ?? "", room: "den", version: 8 });
    expect(await answer).toBeNull();
    expect(chat.store.get().invitations).toEqual([]);
  });

  it("is asked for where a frame before the one that came is missing", async () => {
    server.socket.receive(gained(5, "one"));
    const before = asked().length;
    server.socket.receive(gained(8, "two"));
    await vi.advanceTimersByTimeAsync(1_500);
    expect(asked()).toHaveLength(before + 1);
    expect(asked().at(-1)).toMatchObject({ user: 5, rooms: {} });
  });
});

it("marks nothing as read in a public room that the person only reads along in", async () => {
  await opened();
  const guest = { ...server.summary(), role: null };
  vi.spyOn(server, "summaries").mockReturnValue([guest]);
  await chat.refreshRooms();
  chat.attend("r", true);
  server.push(posted(4, "u_a", "x", 4));
  await vi.advanceTimersByTimeAsync(10_000);
  expect(room()).toMatchObject({ role: null, last: { version: 4 } });
  expect(reads()).toEqual([]);
});

it("reads the members of two rooms beside each other, each with its own", async () => {
  const answers = new Map<string, () => void>();
  server.members = (id) =>
    new Promise((resolve) => {
      answers.set(id, () => {
        resolve({ members: [{ user: `u_${id}`, name: id, role: "member" }] });
      });
    });
  await opened();
  const reading = [chat.history.members("r"), chat.history.members("s")];
  server.push(joined(4, "u_new"));
  for (const answer of answers.values()) answer();
  await Promise.all(reading);
  await frame();
  expect([...answers.keys()]).toEqual(["r", "s"]);
  expect([...(room()?.open?.view.members.keys() ?? [])]).toEqual(["u_r", "u_new"]);
});
