// @vitest-environment happy-dom
import { act } from "react";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Chat } from "../src/client/chat";
import { closedRoom } from "../src/store/rooms";
import type { RoomState } from "../src/store/state";
import { Shell } from "../src/ui/shell/Shell";
import { Toasts } from "../src/ui/shell/Toasts";
import { Welcome } from "../src/ui/shell/Welcome";
import { ConnectionState } from "../src/ui/shell/ConnectionState";
import { Invitations } from "../src/ui/sidebar/Invitations";
import { MailSwitch } from "../src/ui/sidebar/MailSwitch";
import { RoomItem } from "../src/ui/sidebar/RoomItem";
import { RoomList } from "../src/ui/sidebar/RoomList";
import { Sidebar } from "../src/ui/sidebar/Sidebar";
import { Screen } from "./support/screen";
import { FakeServer } from "./support/server";

let server: FakeServer;
let chat: Chat;
let screen: Screen;

beforeEach(() => {
  vi.useFakeTimers();
  location.hash = "";
  server = new FakeServer(1);
  chat = server.tab();
  screen = new Screen();
});
afterEach(() => {
  screen.close();
  chat.stop();
  vi.useRealTimers();
});

const toasts = () => chat.store.get().toasts.map(({ text }) => text);

function at(hour: number) {
  const at = `2026-11-20T${String(hour).padStart(2, "0")}:00:00.000000Z`;
  return { version: 2, at, by: "u_a", name: "Ann", text: "hi", kind: "text" as const };
}

async function rooms(...some: Partial<RoomState>[]) {
  await screen.hear(() => {
    chat.store.update((state) => ({
      ...state,
      listed: true,
      rooms: new Map(
        some.map((room) => {
          const id = room.room ?? "r";
          return [id, { ...closedRoom(id), name: id, version: 2, role: "member", ...room }];
        }),
      ),
    }));
  });
}

const shown = () => screen.all("room-item").map(({ dataset }) => dataset.room);

describe("mail", () => {
  const box = () => screen.find("mail-switch") as HTMLInputElement;

  it("can be switched only where there is an address for it", async () => {
    screen.show(<MailSwitch />, chat);
    await screen.pass();
    expect(screen.all("mail-switch")).toEqual([]);
    server.notices = () => Promise.resolve({ mail: true, address: true });
    screen.show(<MailSwitch key="again" />, chat);
    await screen.pass();
    expect(box().checked).toBe(true);
  });

  it("is as the server says, and as it was where that was not saved", async () => {
    server.notices = () => Promise.resolve({ mail: false, address: true });
    screen.show(<MailSwitch />, chat);
    await screen.pass();
    const asked: boolean[] = [];
    server.setNotices = (mail) => {
      asked.push(mail);
      return Promise.resolve({ mail, address: true });
    };
    screen.click("mail-switch");
    await screen.pass();
    expect(asked).toEqual([true]);
    expect(box().checked).toBe(true);
    server.setNotices = () => Promise.resolve({ mail: true, address: true });
    screen.click("mail-switch");
    await screen.pass();
    expect(box().checked).toBe(true);
    server.setNotices = () => Promise.reject(new Error("away"));
    screen.click("mail-switch");
    await screen.pass(20);
    expect(box().checked).toBe(true);
    expect(toasts()).toEqual(["That was not saved. Try again."]);
  });
});

describe("an invitation", () => {
  beforeEach(async () => {
    await screen.hear(() => {
      chat.store.update((state) => ({
        ...state,
        invitations: [
          {
            room: "den",
            name: "Den",
            kind: "private",
            by: "u_a",
            by_name: null,
            role: "member",
            at: at(1).at,
            version: 7,
          },
        ],
      }));
    });
    screen.show(<Invitations />, chat);
  });

  const accept = () => screen.find("accept-invitation") as HTMLButtonElement;

  it("leads into the room once it is accepted, and can be tried again where it was not", async () => {
    const answer = vi.spyOn(chat.commands, "answer").mockResolvedValue("Not now.");
    expect(screen.text).toContain("[erased] invites you");
    screen.click("accept-invitation");
    expect(accept().disabled).toBe(true);
    await screen.pass(20);
    expect(answer).toHaveBeenCalledExactlyOnceWith("den", 7, true);
    expect(accept().disabled).toBe(false);
    expect(toasts()).toEqual(["Not now."]);
    expect(location.hash).toBe("");
    answer.mockResolvedValue(null);
    screen.click("accept-invitation");
    await screen.pass(20);
    expect(location.hash).toBe("#/den");
  });

  it("leads nowhere where it is declined", async () => {
    const answer = vi.spyOn(chat.commands, "answer").mockResolvedValue(null);
    screen.click("decline-invitation");
    await screen.pass(20);
    expect(answer).toHaveBeenCalledExactlyOnceWith("den", 7, false);
    expect(location.hash).toBe("");
  });

  it("is not among what a search finds", () => {
    screen.show(<RoomList active={null} filter="" />, chat);
    expect(screen.all("invitation")).toHaveLength(1);
    screen.show(<RoomList active={null} filter="gar" />, chat);
    expect(screen.all("invitation")).toEqual([]);
  });
});

describe("a line of the list", () => {
  const line = (more: Partial<RoomState>) => {
    const room = { ...closedRoom("r"), name: "R", version: 2, role: "member" as const, ...more };
    screen.show(<RoomItem room={room} active={false} />, chat);
    return screen.find("room-item");
  };

  it("counts what is unread, and nothing for somebody who is not in it", () => {
    expect(line({ unread: 999 }).textContent).toContain("999 unread");
    expect(line({ unread: 1_000 }).textContent).toContain("999+ unread");
    expect(line({ unread: 0 }).textContent).not.toContain("unread");
    expect(line({ unread: 5, role: null }).dataset.unread).toBe("0");
  });

  it("shows who said what last", () => {
    const last = at(1);
    expect(line({ last }).textContent).toContain("Ann: hi");
    expect(line({ last: { ...last, by: "u_me" } }).textContent).toContain("You: hi");
    expect(line({ last: { ...last, kind: "action" } }).textContent).toContain("Ann hi");
    expect(line({ last: { ...last, text: null } }).textContent).toContain("Message removed");
    expect(line({ memberCount: 1 }).textContent).toContain("1 member");
  });
});

describe("the list of rooms", () => {
  it("has the newest first, the others by size, and none that is not known yet", async () => {
    screen.show(<RoomList active={null} filter="" />, chat);
    await rooms(
      { room: "old", last: at(1) },
      { room: "new", last: at(3) },
      { room: "silent" },
      { room: "small", role: null, memberCount: 1 },
      { room: "large", role: null, memberCount: 9 },
      { room: "opening", role: null, version: 0 },
    );
    expect(shown()).toEqual(["new", "old", "silent", "large", "small"]);
  });

  it("stays in place under the pointer, and moves once that is gone", async () => {
    screen.show(<RoomList active={null} filter="" />, chat);
    await rooms({ room: "a", last: at(3) }, { room: "b", last: at(2) });
    const point = (type: "pointerover" | "pointerout") => {
      act(() => {
        screen.find("room-list").dispatchEvent(new PointerEvent(type, { bubbles: true }));
      });
    };
    point("pointerover");
    await rooms({ room: "a", last: at(3) }, { room: "b", last: at(5) });
    expect(shown()).toEqual(["a", "b"]);
    point("pointerout");
    expect(shown()).toEqual(["b", "a"]);
  });

  it("is moved through with the arrows", async () => {
    screen.show(<RoomList active={null} filter="" />, chat);
    await rooms({ room: "a", last: at(3) }, { room: "b", last: at(2) });
    const lines = screen.all("room-item");
    const focused = () => (document.activeElement as HTMLElement).dataset.room;
    act(() => {
      lines[0]?.focus();
    });
    screen.key(screen.find("room-list"), "ArrowDown");
    expect(focused()).toBe("b");
    expect(screen.key(screen.find("room-list"), "ArrowDown")).toBe(false);
    screen.key(screen.find("room-list"), "ArrowUp");
    expect(focused()).toBe("a");
  });

  it("is searched as the person types, and whole again after Escape", async () => {
    const search = vi.spyOn(chat.directory, "search").mockReturnValue();
    screen.show(<Sidebar active={null} guest logOut={() => undefined} />, chat);
    await rooms({ room: "garden" }, { room: "lounge" });
    const field = document.querySelector<HTMLInputElement>("input[type=search]");
    if (!field) throw new Error("no field");
    field.dataset.testid = "search";
    screen.type("search", "gar");
    expect(search).toHaveBeenLastCalledWith("gar");
    expect(shown()).toEqual(["garden"]);
    screen.key(field, "Escape");
    expect(search).toHaveBeenLastCalledWith("");
    expect(shown()).toEqual(["garden", "lounge"]);
  });
});

describe("the page", () => {
  it("opens the room of the address, with a composer of its own for each", async () => {
    const open = vi.spyOn(chat, "openRoom");
    location.hash = "#/r";
    screen.show(<Shell guest logOut={() => undefined} />, chat);
    await screen.pass(50);
    expect(open).toHaveBeenLastCalledWith("r");
    await rooms({ room: "r" }, { room: "s" });
    screen.type("composer", "half a");
    await screen.hear(() => {
      location.hash = "#/s";
      dispatchEvent(new Event("hashchange"));
    });
    await screen.pass(50);
    expect(chat.store.get().active).toBe("s");
    expect((screen.find("composer") as HTMLTextAreaElement).value).toBe("");
  });

  it("says that there are no rooms only once it knows", async () => {
    screen.show(<Welcome />, chat);
    expect(screen.text).toContain("Choose a room on the left");
    await rooms();
    expect(screen.text).toContain("wait for a room to appear");
  });

  it("offers to try again while it is offline alone", async () => {
    const reconnect = vi.spyOn(chat, "reconnect").mockReturnValue();
    const says = async (connection: "online" | "connecting" | "offline") => {
      await screen.hear(() => {
        chat.store.update((state) => ({ ...state, connection }));
      });
      return screen.text;
    };
    screen.show(<ConnectionState />, chat);
    expect(await says("connecting")).toBe("Connecting…");
    expect(await says("online")).toBe("Connected");
    expect(await says("offline")).toBe("OfflineRetry now");
    screen.press("Retry now");
    expect(reconnect).toHaveBeenCalledOnce();
  });

  it("lets each toast be dismissed by itself", async () => {
    screen.show(<Toasts />, chat);
    await screen.hear(() => {
      chat.toasts.show("one");
      chat.toasts.show("two");
    });
    const [, second] = document.querySelectorAll<HTMLElement>("[aria-label=Dismiss]");
    await screen.hear(() => second?.click());
    expect(screen.text).toBe("one");
  });
});
