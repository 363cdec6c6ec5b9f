// @vitest-environment happy-dom
import { act } from "react";
import { createRoot, type Root } from "react-dom/client";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { Chat } from "../src/client/chat";
import { ChatContext } from "../src/ui/chat";
import { Sidebar } from "../src/ui/sidebar/Sidebar";
import { Welcome } from "../src/ui/shell/Welcome";
import type { Rooms, RoomSummary } from "../src/wire/http";
import { FakeServer } from "./support/server";

let server: FakeServer;
let chat: Chat;
let root: Root;
let guest = true;
const logOut = vi.fn();
const asked: string[] = [];

function open(room: string, name: string): RoomSummary {
  return {
    room,
    name,
    kind: "public",
    role: null,
    head: 3,
    member_count: 2,
    unread: 0,
    last: null,
  };
}

const shown = () =>
  [...document.querySelectorAll<HTMLElement>("[data-testid=room-item]")].map(
    (item) => item.dataset.room,
  );

async function type(text: string) {
  const input = document.querySelector<HTMLInputElement>("input[type=search]");
  if (!input) throw new Error("no field");
  await act(async () => {
    // React listens to the setter of the element itself.
    Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value")?.set?.call(input, text);
    input.dispatchEvent(new Event("input", { bubbles: true }));
    await vi.advanceTimersByTimeAsync(400);
  });
}

function render() {
  root.render(
    <ChatContext value={chat}>
      <Sidebar active={null} guest={guest} logOut={logOut} />
      <Welcome />
    </ChatContext>,
  );
}

async function click(testId: string) {
  await act(async () => {
    document.querySelector<HTMLElement>(`[data-testid="${testId}"]`)?.click();
    await vi.advanceTimersByTimeAsync(50);
  });
}

/** The person opens a server on which there is no room that they know of. */
async function alone() {
  server.ownRooms = () => Promise.resolve({ rooms: [], cursor: null });
  server.directory = () => Promise.resolve({ rooms: [], cursor: null });
  await act(async () => {
    chat.store.update((state) => ({ ...state, rooms: new Map() }));
    chat.start();
    await vi.advanceTimersByTimeAsync(0);
    server.socket.open();
    await vi.advanceTimersByTimeAsync(50);
  });
}

beforeEach(async () => {
  vi.useFakeTimers();
  vi.stubGlobal("IS_REACT_ACT_ENVIRONMENT", true);
  document.body.innerHTML = "<div id='root'></div>";
  asked.length = 0;
  guest = true;
  logOut.mockClear();
  server = new FakeServer(3);
  server.directory = (q, cursor) => {
    asked.push(`${q}|${cursor ?? ""}`);
    if (q === "strasse") return Promise.resolve({ rooms: [open("s", "Straße")], cursor: null });
    if (q !== "") return Promise.resolve({ rooms: [], cursor: null });
    if (cursor === "more") return Promise.resolve({ rooms: [open("c", "C")], cursor: null });
    const many = Array.from({ length: 60 }, (_, i) => open(`b${i}`, `B ${i}`));
    return Promise.resolve({ rooms: many, cursor: "more" });
  };
  chat = server.tab();
  const element = document.getElementById("root");
  if (!element) throw new Error("no root");
  root = createRoot(element);
  await act(async () => {
    render();
    await chat.refreshRooms();
    await vi.advanceTimersByTimeAsync(50);
  });
});

afterEach(() => {
  act(() => {
    root.unmount();
  });
  chat.stop();
  vi.useRealTimers();
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

it("shows one's own rooms and those to join, and more of them on demand", async () => {
  expect(shown()).toHaveLength(61);
  expect(shown()[0]).toBe("r");
  await act(async () => {
    document.querySelector<HTMLElement>("[data-testid=more-rooms]")?.click();
    await vi.advanceTimersByTimeAsync(50);
  });
  expect(asked).toEqual(["|", "|more"]);
  expect(shown()).toHaveLength(62);
  expect(document.querySelector("[data-testid=more-rooms]")).toBeNull();
});

it("finds rooms by the server, which a list here does not have", async () => {
  await type("strasse");
  expect(asked.at(-1)).toBe("strasse|");
  expect(shown()).toEqual(["s"]);
  await type("nowhere");
  expect(shown()).toEqual([]);
  expect(document.body.textContent).toContain("No room has that name.");
  await type("");
  expect(shown()).toHaveLength(61);
});

it("opens the first room that was found with Enter, also once the server has answered", async () => {
  location.hash = "";
  const press = async () => {
    await act(async () => {
      document
        .querySelector("input[type=search]")
        ?.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true }));
      await vi.advanceTimersByTimeAsync(50);
    });
  };
  await press();
  expect(location.hash).toBe("");
  await type("strasse");
  await press();
  expect(location.hash).toBe("#/s");
  location.hash = "";
  await type("");
  let answer: (rooms: Rooms) => void = () => undefined;
  server.directory = () =>
    new Promise((resolve) => {
      answer = resolve;
    });
  await type("later");
  await press();
  expect(location.hash).toBe("");
  expect(document.body.textContent).toContain("Searching…");
  await act(async () => {
    answer({ rooms: [open("l", "Later")], cursor: null });
    await vi.advanceTimersByTimeAsync(50);
  });
  expect(location.hash).toBe("#/l");
});

it("does not say that there are no rooms where it only knows of none", async () => {
  await alone();
  expect(shown()).toEqual([]);
  const text = document.body.textContent;
  expect(text).toContain("No rooms here yet.");
  expect(text).toContain("Create a room with the plus at the top");
  expect(text).not.toContain("There is no room");
  expect(text).not.toContain("“Rooms”");
});

it("does not say so under an invitation", async () => {
  server.invitations.push({
    room: "p",
    name: "Private",
    kind: "private",
    role: "member",
    by: "u_a",
    by_name: "Ann",
    at: "2026-11-20T12:00:00.000000Z",
    version: 4,
  });
  await alone();
  expect(document.body.textContent).toContain("Ann invites you");
  expect(document.body.textContent).not.toContain("No rooms");
});

it("shows one's own id, to be copied", async () => {
  const writeText = vi.spyOn(navigator.clipboard, "writeText").mockResolvedValue();
  await click("account-button");
  const field = document.querySelector<HTMLInputElement>("[data-testid=own-id]");
  expect(field?.value).toBe("u_me");
  await click("copy-id");
  expect(writeText).toHaveBeenCalledExactlyOnceWith("u_me");
  expect(document.querySelector("[data-testid=copy-id]")?.textContent).toBe("Copied");
});

it("marks the id where the browser does not copy it", async () => {
  vi.spyOn(navigator.clipboard, "writeText").mockRejectedValue(new Error("not allowed"));
  await click("account-button");
  const field = document.querySelector<HTMLInputElement>("[data-testid=own-id]");
  await click("copy-id");
  expect(field?.selectionEnd).toBe("u_me".length);
  expect(chat.store.get().toasts.map(({ text }) => text)).toEqual([
    "The browser did not copy it. It is marked: copy it with the keyboard.",
  ]);
});

it("asks a guest before they log out, and nobody else", async () => {
  await click("logout-button");
  expect(logOut).not.toHaveBeenCalled();
  expect(document.body.textContent).toContain("nobody can come back as this me");
  await click("logout-confirm");
  expect(logOut).toHaveBeenCalledOnce();
  guest = false;
  act(render);
  await click("logout-button");
  expect(logOut).toHaveBeenCalledTimes(2);
});
