// @vitest-environment happy-dom
// Over 300 lines: one room on the screen, whose layout the helpers imitate since the test browser
// has none.
import { act } from "react";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Chat } from "../src/client/chat";
import type { RoomState } from "../src/store/state";
import { withRoom } from "../src/store/state";
import { GuestBar } from "../src/ui/room/GuestBar";
import { RoomScreen } from "../src/ui/room/RoomScreen";
import { message, messages } from "./support/events";
import { openRoom, Screen } from "./support/screen";
import { FakeServer } from "./support/server";

const HEIGHT = 600;
const ROW = 40;

let chat: Chat;
let screen: Screen;

/** What a browser would lay out: a list of 600 px with rows of 40, scrolled as it is told. */
function layOut() {
  const proto = HTMLElement.prototype;
  const isList = (element: HTMLElement) => element.dataset.testid === "message-list";
  const size = function (this: HTMLElement) {
    return isList(this) ? HEIGHT : "index" in this.dataset ? ROW : 0;
  };
  vi.spyOn(proto, "offsetHeight", "get").mockImplementation(size);
  vi.spyOn(proto, "offsetWidth", "get").mockImplementation(size);
  vi.spyOn(proto, "clientHeight", "get").mockImplementation(size);
  vi.spyOn(proto, "scrollHeight", "get").mockImplementation(function (this: HTMLElement) {
    const first = this.firstElementChild;
    return first instanceof HTMLElement ? Math.max(HEIGHT, parseFloat(first.style.height) || 0) : 0;
  });
  vi.spyOn(proto, "scrollTo").mockImplementation(function (this: HTMLElement, ...to: unknown[]) {
    scroll(this, (to[0] as ScrollToOptions).top ?? 0);
  });
}

function scroll(list: HTMLElement, top: number) {
  list.scrollTop = Math.max(0, Math.min(top, list.scrollHeight - list.clientHeight));
  // A browser tells of it in the next frame.
  setTimeout(() => list.dispatchEvent(new Event("scroll")));
}

const list = () => screen.find("message-list");
const shown = () => screen.all("message").map(({ dataset }) => dataset.version);

beforeEach(() => {
  vi.useFakeTimers();
  vi.spyOn(document, "hasFocus").mockReturnValue(true);
  localStorage.clear();
  layOut();
  chat = new FakeServer(1).tab();
  screen = new Screen();
});
afterEach(() => {
  screen.close();
  vi.useRealTimers();
});

async function show(state: RoomState) {
  act(() => {
    chat.store.update((old) => ({
      ...old,
      active: "r",
      connection: "online",
      people: new Map([
        ["u_a", "Ann"],
        ["u_me", "me"],
      ]),
      rooms: new Map([["r", state]]),
    }));
  });
  screen.show(<RoomScreen room="r" />, chat);
  await screen.pass(500);
}

async function change(alter: (old: RoomState) => RoomState) {
  await screen.hear(() => {
    chat.store.update((state) => withRoom(state, "r", alter));
  });
}

describe("what the person sees", () => {
  it("is attended at the end of the list, by somebody who looks", async () => {
    await show(openRoom({ messages: messages(1, 100) }));
    expect(shown().at(-1)).toBe("100");
    expect(chat.store.get().attending).toBe("r");
    await screen.hear(() => {
      list().dispatchEvent(new Event("wheel"));
      scroll(list(), 500);
    });
    await screen.pass(500);
    expect(chat.store.get().attending).toBeNull();
    expect(screen.all("jump-newest")).toHaveLength(1);
    screen.click("jump-newest");
    await screen.pass(500);
    expect(chat.store.get().attending).toBe("r");
    expect(screen.all("jump-newest")).toEqual([]);
    vi.spyOn(document, "hasFocus").mockReturnValue(false);
    await screen.hear(() => {
      dispatchEvent(new Event("blur"));
    });
    expect(chat.store.get().attending).toBeNull();
  });

  it("is nothing in an empty room, or in a window around an old message", async () => {
    await show(openRoom());
    expect(chat.store.get().attending).toBeNull();
  });

  it("begins at the line of what is unread, which stands by the number of the message", async () => {
    const some = Array.from({ length: 100 }, (_, i) => message(2 * i + 2, i + 1));
    await show({ ...openRoom({ messages: some }), firstUnread: 40, unread: 61 });
    const line = screen.find("unread-divider");
    const row = line.parentElement?.querySelector<HTMLElement>("[data-testid=message]");
    expect(row?.dataset.version).toBe("80");
    expect(row?.textContent).toContain("Ann");
    expect(chat.store.get().attending).toBeNull();
    expect(screen.find("jump-newest").dataset.count).toBe("61");
    // What comes then does not take the reader along.
    const { scrollTop } = list();
    await change((old) => {
      const open = old.open;
      if (!open) return old;
      const more = [...open.view.messages, message(202, 101)];
      return { ...old, open: { ...open, view: { ...open.view, messages: more } } };
    });
    await screen.pass(500);
    expect(list().scrollTop).toBe(scrollTop);
  });
});

describe("a message of one's own", () => {
  it("shows at the end at once, and takes the reader there", async () => {
    await show(openRoom({ messages: messages(1, 100) }));
    await screen.hear(() => {
      list().dispatchEvent(new Event("wheel"));
      scroll(list(), 500);
    });
    await screen.pass(500);
    await screen.hear(() => {
      chat.commands.post("s", "elsewhere", "text", null);
    });
    await screen.pass(500);
    expect(screen.all("jump-newest")).toHaveLength(1);
    await screen.hear(() => {
      chat.commands.post("r", "mine", "text", null);
    });
    await screen.pass(500);
    expect(screen.all("jump-newest")).toEqual([]);
    const last = screen.all("message").at(-1);
    expect(last?.textContent).toContain("mine");
    expect(last?.dataset.state).toBe("pending");
  });

  it("does not take the reader along once more when it has arrived", async () => {
    await show(openRoom({ messages: messages(1, 100) }));
    let id = "";
    await screen.hear(() => {
      chat.commands.post("r", "mine", "text", null);
      id = chat.store.get().outbox[0]?.command.id ?? "";
    });
    await screen.pass(500);
    await screen.hear(() => {
      list().dispatchEvent(new Event("wheel"));
      scroll(list(), 500);
    });
    await screen.pass(500);
    await screen.hear(() => {
      chat.commands.discard(id);
    });
    await screen.pass(500);
    expect(screen.all("jump-newest")).toHaveLength(1);
  });

  it("shows edits and reactions before the server heard of them", async () => {
    await show(openRoom({ messages: [{ ...message(1), by: "u_me" }] }));
    await screen.hear(() => {
      chat.commands.edit("r", 1, "better");
      chat.commands.react("r", 1, "👍", true);
    });
    expect(screen.find("message-text").textContent).toContain("better");
    expect(screen.all("reaction")).toHaveLength(1);
  });
});

describe("a quote", () => {
  const quoting = [...messages(500, 540), { ...message(541), reply_to: 3 }];

  it("leads to its message, which flashes for a moment", async () => {
    const reply = { ...message(101), reply_to: 3 };
    await show(openRoom({ messages: [...messages(1, 100), reply] }));
    screen.click("message-quote");
    await screen.pass(300);
    const target = screen.all("message").find(({ dataset }) => dataset.version === "3");
    expect(target?.className).toContain("animate-flash");
    expect(screen.all("jump-newest")).toHaveLength(1);
    await screen.pass(1_800);
    const after = screen.all("message").find(({ dataset }) => dataset.version === "3");
    expect(after?.className).not.toContain("animate-flash");
    // The same again, though nothing changed meanwhile.
    screen.click("jump-newest");
    await screen.pass(500);
    screen.click("message-quote");
    await screen.pass(500);
    expect(shown()).toContain("3");
  });

  it("opens a window around an old one, without what is on its way", async () => {
    vi.spyOn(chat.history, "older").mockResolvedValue();
    vi.spyOn(chat.history, "newer").mockResolvedValue();
    vi.spyOn(chat.history, "quoted").mockResolvedValue();
    vi.spyOn(chat.history, "around").mockImplementation(() => {
      chat.store.update((state) =>
        withRoom(state, "r", (old) => {
          const { open } = old;
          if (!open) return old;
          const all = [...messages(1, 60), ...open.view.messages];
          const ranges = [{ from: 1, to: 60 }, ...open.ranges];
          return { ...old, open: { ...open, view: { ...open.view, messages: all }, ranges } };
        }),
      );
      return Promise.resolve();
    });
    await show(openRoom({ messages: quoting }));
    await screen.hear(() => {
      chat.commands.post("r", "mine", "text", null);
    });
    await screen.pass(500);
    screen.click("message-quote");
    await screen.pass(500);
    expect(shown()).toContain("3");
    expect(screen.text).not.toContain("mine");
    // The end of a window is not the room's: nothing there is seen, and the way back is open.
    await screen.hear(() => {
      list().dispatchEvent(new Event("wheel"));
      scroll(list(), 100_000);
    });
    await screen.pass(500);
    expect(shown()).toContain("60");
    expect(chat.store.get().attending).toBeNull();
    screen.click("jump-newest");
    await screen.pass(500);
    expect(screen.text).toContain("mine");
    expect(chat.store.get().attending).toBe("r");
  });

  it("says so where its message cannot be loaded, and takes nobody there later", async () => {
    vi.spyOn(chat.history, "older").mockResolvedValue();
    vi.spyOn(chat.history, "quoted").mockResolvedValue();
    const around = vi.spyOn(chat.history, "around").mockRejectedValue(new Error("network"));
    await show(openRoom({ messages: quoting }));
    screen.click("message-quote");
    await screen.pass(50);
    expect(chat.store.get().toasts.map(({ text }) => text)).toEqual([
      "That message could not be loaded.",
    ]);
    await change((old) => {
      const { open } = old;
      if (!open) return old;
      const all = [...messages(1, 60), ...open.view.messages];
      const ranges = [{ from: 1, to: 60 }, ...open.ranges];
      return { ...old, open: { ...open, view: { ...open.view, messages: all }, ranges } };
    });
    await screen.pass(500);
    expect(shown()).not.toContain("3");
    expect(around).toHaveBeenCalledOnce();
  });
});

describe("by the keys", () => {
  const row = (version: string) => {
    const found = screen.all("message").find(({ dataset }) => dataset.version === version);
    if (!found) throw new Error(`no message ${version}`);
    return found;
  };
  const focused = () => (document.activeElement as HTMLElement | null)?.dataset.version;

  it("one moves over messages past what is said between them", async () => {
    const state = openRoom({ messages: [message(1), message(3, 2), message(5, 3)] });
    const { open } = state;
    if (!open) throw new Error("not open");
    const at = "2026-11-20T12:00:00.000000Z";
    const notices = [
      { version: 2, at, by: "u_b", type: "joined" as const, user: "u_b" },
      { version: 4, at, by: "u_b", type: "left" as const, user: "u_b" },
    ];
    await show({ ...state, open: { ...open, view: { ...open.view, notices } } });
    expect(row("5").tabIndex).toBe(0);
    act(() => {
      row("5").focus();
    });
    expect(screen.key(row("5"), "ArrowUp")).toBe(true);
    await screen.pass(50);
    expect(focused()).toBe("3");
    expect(row("3").tabIndex).toBe(0);
    screen.key(row("3"), "ArrowUp");
    await screen.pass(50);
    expect(focused()).toBe("1");
    screen.key(row("1"), "ArrowUp");
    await screen.pass(50);
    expect(focused()).toBe("1");
    screen.key(row("1"), "ArrowDown");
    await screen.pass(50);
    expect(focused()).toBe("3");
    // The browser's own keys stay its own.
    for (const more of [{ ctrlKey: true }, { metaKey: true }, { altKey: true }]) {
      expect(screen.key(row("3"), "ArrowUp", more)).toBe(false);
    }
    screen.key(row("3"), "Enter");
    expect(document.activeElement?.closest("[role=toolbar]")).not.toBeNull();
    screen.key(document.activeElement as HTMLElement, "Escape");
    expect(focused()).toBe("3");
  });

  it("one deletes a message after a question", async () => {
    const remove = vi.spyOn(chat.commands, "remove").mockReturnValue();
    await show(openRoom({ messages: [{ ...message(7, 1), by: "u_me" }] }));
    act(() => {
      row("7").focus();
    });
    screen.key(row("7"), "Delete");
    expect(remove).not.toHaveBeenCalled();
    screen.press("Cancel");
    expect(remove).not.toHaveBeenCalled();
    expect(document.querySelector("[role=dialog]")).toBeNull();
    act(() => {
      row("7").focus();
    });
    screen.key(row("7"), "Delete");
    screen.click("confirm-button");
    expect(remove).toHaveBeenCalledExactlyOnceWith("r", 7);
    expect(document.querySelector("[role=dialog]")).toBeNull();
  });

  it("one answers a message", async () => {
    await show(openRoom({ messages: [message(7, 1)] }));
    act(() => {
      row("7").focus();
    });
    screen.key(row("7"), "r");
    expect(screen.find("compose-banner").textContent).toContain("Reply to Ann");
  });
});

describe("a room", () => {
  it.each([
    ["public", "member", true],
    ["public", null, false],
    ["private", "member", true],
    ["broadcast", "member", false],
    ["broadcast", "moderator", true],
    ["broadcast", "owner", true],
  ] as const)("%s as %s: may one post? %s", async (kind, role, mayPost) => {
    await show(openRoom({ kind, role }));
    expect(screen.all("composer")).toHaveLength(mayPost ? 1 : 0);
    expect(screen.all("leave-button")).toHaveLength(role === null ? 0 : 1);
  });

  it.each([
    ["not_found", "There is no such room"],
    ["forbidden", "There is no such room"],
    ["internal", "This room could not be opened"],
  ])("that is refused with %s says so, and may be asked for again", async (refused, words) => {
    const reload = vi.spyOn(chat, "reloadRoom").mockReturnValue();
    await show({ ...openRoom(), refused });
    expect(document.querySelector("h1")?.textContent).toBe(words);
    screen.press("Try again");
    expect(reload).toHaveBeenCalledExactlyOnceWith("r");
  });

  it.each([
    ["private", "#/"],
    ["public", "#/r"],
  ] as const)("that is left, %s, leads to %s", async (kind, address) => {
    location.hash = "#/r";
    const leave = vi.spyOn(chat.commands, "leave").mockResolvedValue("Make somebody an owner.");
    await show(openRoom({ kind }));
    screen.click("leave-button");
    screen.click("leave-confirm");
    await screen.pass(20);
    expect(location.hash).toBe("#/r");
    expect(chat.store.get().toasts.map(({ text }) => text)).toEqual(["Make somebody an owner."]);
    leave.mockResolvedValue(null);
    screen.click("leave-button");
    screen.click("leave-confirm");
    await screen.pass(20);
    expect(location.hash).toBe(address);
  });

  it("says who types", async () => {
    const says = async (...ids: string[]) => {
      await change((old) => ({ ...old, typing: new Map(ids.map((id) => [id, 9e15])) }));
      return screen.find("typing").textContent;
    };
    await show(openRoom());
    expect(await says()).toBe("");
    expect(await says("u_a")).toBe("Ann is typing…");
    expect(await says("u_a", "u_me")).toBe("Ann and me are typing…");
    expect(await says("u_a", "u_me", "u_c", "u_d")).toBe("Ann, me and 2 more are typing…");
  });
});

describe("who only reads", () => {
  it("joins, and may try again after a refusal", async () => {
    let answer: (problem: string | null) => void = () => undefined;
    vi.spyOn(chat.commands, "join").mockImplementation(
      () =>
        new Promise((resolve) => {
          answer = resolve;
        }),
    );
    screen.show(<GuestBar room={openRoom({ role: null })} />, chat);
    const button = () => screen.find("join-button") as HTMLButtonElement;
    screen.click("join-button");
    expect(button().disabled).toBe(true);
    await screen.hear(() => {
      answer("Not now.");
    });
    expect(button().disabled).toBe(false);
    expect(chat.store.get().toasts.map(({ text }) => text)).toEqual(["Not now."]);
    screen.click("join-button");
    await screen.hear(() => {
      answer(null);
    });
    expect(chat.store.get().toasts).toHaveLength(1);
  });

  it("joins nothing that is not open yet, nor a private room, nor where they are", () => {
    screen.show(<GuestBar room={{ ...openRoom({ role: null }), open: null }} />, chat);
    expect((screen.find("join-button") as HTMLButtonElement).disabled).toBe(true);
    screen.show(<GuestBar room={openRoom({ role: null, kind: "private" })} />, chat);
    expect(screen.all("join-button")).toEqual([]);
    expect(screen.text).toContain("not in this room any more");
    screen.show(<GuestBar room={openRoom({ kind: "broadcast" })} />, chat);
    expect(screen.text).toContain("Only owners and moderators post here");
  });
});
