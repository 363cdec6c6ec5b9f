// @vitest-environment happy-dom
import { act, type ReactNode } from "react";
import { createRoot, type Root } from "react-dom/client";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { Chat } from "../src/client/chat";
import type { Role } from "../src/fold/room";
import { closedRoom } from "../src/store/rooms";
import { withPeople, type RoomState } from "../src/store/state";
import { ChatContext } from "../src/ui/chat";
import { InvitedList } from "../src/ui/members/InvitedList";
import { MemberRow } from "../src/ui/members/MemberRow";
import { CreateRoom } from "../src/ui/rooms/CreateRoom";
import { FakeServer } from "./support/server";

let chat: Chat;
let root: Root;

beforeEach(() => {
  vi.stubGlobal("IS_REACT_ACT_ENVIRONMENT", true);
  document.body.innerHTML = "<div id='root'></div>";
  chat = new FakeServer(1).tab();
  chat.store.update((state) => withPeople(state, { u_b: "bob" }));
  const element = document.getElementById("root");
  if (!element) throw new Error("no root");
  root = createRoot(element);
});

afterEach(() => {
  act(() => {
    root.unmount();
  });
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

function show(node: ReactNode) {
  act(() => {
    root.render(<ChatContext value={chat}>{node}</ChatContext>);
  });
}

function element(testId: string): HTMLElement {
  const found = document.querySelector<HTMLElement>(`[data-testid="${testId}"]`);
  if (!found) throw new Error(`nothing is called ${testId}`);
  return found;
}

function click(testId: string) {
  act(() => {
    element(testId).click();
  });
}

/** Opens a menu of Radix, which listens to the keyboard and the pointer rather than to clicks. */
function press(testId: string) {
  act(() => {
    element(testId).dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true }));
  });
}

function roomOf(members: Record<string, Role>, invited: Record<string, Role>): RoomState {
  return {
    ...closedRoom("r"),
    role: "owner",
    open: {
      view: {
        version: 1,
        name: "R",
        kind: "private",
        members: new Map(Object.entries(members)),
        membersComplete: true,
        memberCount: 2,
        invited: new Map(Object.entries(invited)),
        messages: [],
        notices: [],
        facts: {},
      },
      ranges: [],
      recent: [],
    },
  };
}

function type(testId: string, text: string) {
  act(() => {
    const input = element(testId);
    // React listens to the setter of the element itself.
    Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value")?.set?.call(input, text);
    input.dispatchEvent(new Event("input", { bubbles: true }));
  });
}

it("asks before an invitation is withdrawn", () => {
  const remove = vi.spyOn(chat.commands, "removeMember").mockResolvedValue(null);
  show(<InvitedList room={roomOf({ u_me: "owner" }, { u_b: "member" })} />);
  click("withdraw-invitation");
  expect(remove).not.toHaveBeenCalled();
  expect(document.body.textContent).toContain("Withdraw the invitation of bob?");
  expect(document.body.textContent).toContain("seven days");
  click("withdraw-confirm");
  expect(remove).toHaveBeenCalledExactlyOnceWith("r", "u_b");
  expect(document.querySelector("[role=dialog]")).toBeNull();
});

it("asks before somebody is removed", () => {
  const remove = vi.spyOn(chat.commands, "removeMember").mockResolvedValue(null);
  const member = { user: "u_b", name: "bob", role: "member", online: true } as const;
  show(<MemberRow room={roomOf({ u_me: "owner", u_b: "member" }, {})} member={member} me="u_me" />);
  press("member-menu");
  click("remove-member");
  expect(remove).not.toHaveBeenCalled();
  click("remove-confirm");
  expect(remove).toHaveBeenCalledExactlyOnceWith("r", "u_b");
});

it("offers the only owner no other role", () => {
  const member = { user: "u_me", name: "me", role: "owner", online: true } as const;
  const disabled = () =>
    ["make-owner", "make-moderator", "make-member"].map((id) =>
      element(id).hasAttribute("data-disabled"),
    );
  show(<MemberRow room={roomOf({ u_me: "owner", u_b: "member" }, {})} member={member} me="u_me" />);
  press("member-menu");
  expect(disabled()).toEqual([true, true, true]);
  show(<MemberRow room={roomOf({ u_me: "owner", u_b: "owner" }, {})} member={member} me="u_me" />);
  expect(disabled()).toEqual([true, false, false]);
});

it("gives a private room an address that nobody guesses, whatever was typed", () => {
  const create = vi.spyOn(chat.commands, "createRoom").mockResolvedValue("not now");
  show(<CreateRoom open onOpenChange={() => undefined} />);
  const address = () => (element("room-id-input") as HTMLInputElement).value;
  type("room-name-input", "Garden club");
  type("room-id-input", "our-garden");
  expect(address()).toBe("our-garden");
  const kind = (name: string) => {
    act(() => {
      element(`room-kind-${name}`).querySelector("input")?.click();
    });
  };
  kind("private");
  expect(address()).toMatch(/^our-garden-[a-z2-7]{12}$/);
  expect((element("room-id-input") as HTMLInputElement).readOnly).toBe(true);
  expect(document.body.textContent).toContain("ends in random letters");
  const given = address();
  click("create-room-submit");
  expect(create).toHaveBeenCalledExactlyOnceWith(given, "Garden club", "private");
  kind("public");
  expect(address()).toBe("our-garden");
});
