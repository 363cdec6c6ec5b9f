// @vitest-environment happy-dom
// Over 300 lines: adding, inviting, removing and creating share one chat of five people.
import { act } from "react";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ApiError } from "../src/client/api";
import type { Chat } from "../src/client/chat";
import type { Role } from "../src/fold/room";
import { AddMember } from "../src/ui/members/AddMember";
import { InvitedList } from "../src/ui/members/InvitedList";
import { MemberPanel } from "../src/ui/members/MemberPanel";
import { MemberRow } from "../src/ui/members/MemberRow";
import { outranks, sortMembers } from "../src/ui/members/sort";
import { CreateRoom } from "../src/ui/rooms/CreateRoom";
import type { FoundPeople } from "../src/wire/http";
import { privateRoomId, roomIdOf } from "../src/ui/rooms/roomId";
import { openRoom, Screen } from "./support/screen";
import { FakeServer } from "./support/server";

let chat: Chat;
let screen: Screen;

beforeEach(() => {
  vi.useFakeTimers();
  location.hash = "";
  chat = new FakeServer(1).tab();
  chat.store.update((state) => ({
    ...state,
    people: new Map<string, string | null>([
      ["u_me", "me"],
      ["u_ann", "Ann"],
      ["u_anna", "Anna"],
      ["u_bo", "Bo"],
      ["u_gone", null],
    ]),
  }));
  screen = new Screen();
});
afterEach(() => {
  screen.close();
  vi.useRealTimers();
});

const toasts = () => chat.store.get().toasts.map(({ text }) => text);

describe("adding somebody", () => {
  const found = () => screen.all("add-member").map(({ dataset }) => dataset.user);
  const field = () => screen.find("add-member-input") as HTMLInputElement;
  const show = () => {
    screen.show(
      <AddMember room={openRoom({ members: { u_me: "owner", u_ann: "member" } })} />,
      chat,
    );
  };

  it("finds people by name who are not in the room, and nobody who is erased", () => {
    show();
    expect(found()).toEqual([]);
    screen.type("add-member-input", "AN");
    expect(found()).toEqual(["u_anna"]);
    screen.type("add-member-input", "u_gone");
    expect(found()).toEqual([]);
    screen.type("add-member-input", " ");
    expect(found()).toEqual([]);
    expect(screen.text).not.toContain("Nobody with that name");
  });

  it("finds people on the server, once typing has paused", async () => {
    const people = vi.spyOn(chat.api, "people").mockResolvedValue({
      people: [
        { user: "u_zoe", name: "Zoë" },
        { user: "u_ann", name: "Zoe Ann" },
      ],
    });
    show();
    screen.type("add-member-input", "z");
    screen.type("add-member-input", " zoe");
    expect(screen.text).toContain("Searching…");
    await screen.pass(249);
    expect(people).not.toHaveBeenCalled();
    await screen.pass(1);
    expect(people).toHaveBeenCalledExactlyOnceWith("zoe");
    // Members are not to be added.
    expect(found()).toEqual(["u_zoe"]);
    expect(screen.find("add-member").textContent).toContain("Zoë");
    expect(chat.store.get().people.get("u_zoe")).toBe("Zoë");
    people.mockResolvedValue({ people: [] });
    screen.type("add-member-input", "zoltan");
    expect(found()).toEqual([]);
    await screen.pass(250);
    expect(screen.text).toContain("Nobody with that name was found.");
  });

  it("drops an answer for what was typed before", async () => {
    let give: (answer: FoundPeople) => void = () => undefined;
    const people = vi.spyOn(chat.api, "people").mockImplementation(
      () =>
        new Promise((resolve) => {
          give = resolve;
        }),
    );
    show();
    screen.type("add-member-input", "zo");
    await screen.pass(250);
    const first = give;
    screen.type("add-member-input", "ed");
    await screen.pass(250);
    first({ people: [{ user: "u_zoe", name: "Zoë" }] });
    await screen.pass();
    expect(found()).toEqual([]);
    give({ people: [{ user: "u_ed", name: "Ed" }] });
    await screen.pass();
    expect(found()).toEqual(["u_ed"]);
    expect(people).toHaveBeenCalledTimes(2);
  });

  it("says where the search failed, and searches again by itself", async () => {
    vi.spyOn(Math, "random").mockReturnValue(1);
    const people = vi.spyOn(chat.api, "people").mockRejectedValueOnce(new ApiError("network", ""));
    people.mockResolvedValue({ people: [{ user: "u_zoe", name: "Zoë" }] });
    show();
    screen.type("add-member-input", "zoe");
    await screen.pass(250);
    expect(screen.text).toContain("People cannot be searched right now.");
    await screen.pass(2_000);
    await screen.pass(250);
    expect(found()).toEqual(["u_zoe"]);
  });

  it("finds people by their id, once each, known or not", () => {
    show();
    screen.type("add-member-input", "u_bo");
    expect(found()).toEqual(["u_bo"]);
    screen.type("add-member-input", "u_4k2j7q");
    expect(found()).toEqual(["u_4k2j7q"]);
    screen.type("add-member-input", "u_ann");
    expect(found()).toEqual([]);
  });

  it("shows five at the most", () => {
    chat.store.update((state) => ({
      ...state,
      people: new Map(Array.from({ length: 9 }, (_, n) => [`u_${n}`, `Nell ${n}`])),
    }));
    show();
    screen.type("add-member-input", "nell");
    expect(found()).toHaveLength(5);
  });

  it("keeps what was typed where it was refused", async () => {
    const add = vi.spyOn(chat.commands, "addMember").mockResolvedValue("Not now.");
    show();
    screen.type("add-member-input", "bo");
    screen.click("add-member");
    await screen.pass(20);
    expect(add).toHaveBeenCalledExactlyOnceWith("r", "u_bo");
    expect(toasts()).toEqual(["Not now."]);
    expect(field().value).toBe("bo");
    add.mockResolvedValue(null);
    screen.click("add-member");
    await screen.pass(20);
    expect(field().value).toBe("");
    expect(toasts()).toHaveLength(1);
  });
});

describe("the invited", () => {
  const show = (role: Role | null, count = 1) => {
    const people = Array.from({ length: count }, (_, n) => [`u_${n}`, "member"] as const);
    screen.show(
      <InvitedList room={openRoom({ role, invited: Object.fromEntries(people) })} />,
      chat,
    );
  };

  it.each([
    ["owner", 1],
    ["moderator", 1],
    ["member", 0],
    [null, 0],
  ] as const)("may be withdrawn by %s: %i", (role, buttons) => {
    show(role);
    expect(screen.all("invited")).toHaveLength(1);
    expect(screen.all("withdraw-invitation")).toHaveLength(buttons);
  });

  it("are fifty at the most, and a number of more", () => {
    show("owner", 50);
    expect(screen.text).not.toContain("more");
    show("owner", 52);
    expect(screen.all("invited")).toHaveLength(50);
    expect(screen.text).toContain("2 more");
  });

  it("stay where the server does not withdraw them, which is told", async () => {
    vi.spyOn(chat.commands, "removeMember").mockResolvedValue("Not now.");
    show("owner");
    screen.click("withdraw-invitation");
    screen.click("withdraw-confirm");
    await screen.pass(20);
    expect(toasts()).toEqual(["Not now."]);
  });
});

describe("members", () => {
  const room = openRoom({ role: "owner", members: { u_bo: "member", u_ann: "owner" } });
  const unread = room.open && {
    ...room,
    open: { ...room.open, view: { ...room.open.view, membersComplete: false } },
  };

  it("are read once where they are not known", async () => {
    const read = vi.spyOn(chat.history, "members").mockResolvedValue();
    const show = (shown: typeof room) => {
      screen.show(<MemberPanel room={shown} open onOpenChange={() => undefined} />, chat);
    };
    if (!unread) throw new Error("not open");
    show({ ...room, open: null });
    show(room);
    await screen.pass(20);
    expect(read).not.toHaveBeenCalled();
    show(unread);
    show({ ...unread, memberCount: 5 });
    await screen.pass(20);
    expect(read).toHaveBeenCalledExactlyOnceWith("r");
    expect(screen.text).toContain("Loading members…");
  });

  it("are read again when the person asks for it, and later by themselves", async () => {
    const read = vi.spyOn(chat.history, "members").mockRejectedValue(new Error("away"));
    if (!unread) throw new Error("not open");
    screen.show(<MemberPanel room={unread} open onOpenChange={() => undefined} />, chat);
    vi.spyOn(Math, "random").mockReturnValue(1);
    await screen.pass(20);
    expect(read).toHaveBeenCalledOnce();
    expect(screen.text).toContain("The list did not load.");
    screen.press("Try again");
    await screen.pass(20);
    expect(read).toHaveBeenCalledTimes(2);
    await screen.pass(2_000);
    expect(read).toHaveBeenCalledTimes(3);
  });

  it.each([
    ["owner", 1],
    ["moderator", 1],
    ["member", 0],
    [null, 0],
  ] as const)("may be added by %s: %i", (role, fields) => {
    screen.show(
      <MemberPanel room={openRoom({ role })} open onOpenChange={() => undefined} />,
      chat,
    );
    expect(screen.all("add-member-input")).toHaveLength(fields);
  });

  it("stand by role, then by who is here, then by name", () => {
    const state = {
      ...openRoom({
        members: {
          u_bo: "member",
          u_ann: "member",
          u_me: "member",
          u_x: "moderator",
          u_y: "owner",
        },
      }),
      online: new Set(["u_me"]),
    };
    const people = chat.store.get().people;
    expect(sortMembers(state, people).map(({ user }) => user)).toEqual([
      "u_y",
      "u_x",
      "u_me",
      "u_ann",
      "u_bo",
    ]);
  });

  it("are removed by those of a higher role, owners by owners", () => {
    const who = ["owner", "moderator", "member"] as const;
    expect(who.map((theirs) => outranks("owner", theirs))).toEqual([true, true, true]);
    expect(who.map((theirs) => outranks("moderator", theirs))).toEqual([false, false, true]);
    expect(who.map((theirs) => outranks("member", theirs))).toEqual([false, false, false]);
    expect(who.map((theirs) => outranks(null, theirs))).toEqual([false, false, false]);
  });

  it("get another role by the menu, and a refusal is told", async () => {
    const set = vi.spyOn(chat.commands, "setRole").mockResolvedValue("Not now.");
    const member = { user: "u_bo", name: "Bo", role: "member", online: true } as const;
    screen.show(<MemberRow room={room} member={member} me="u_me" />, chat);
    screen.key(screen.find("member-menu"), "Enter");
    expect(screen.find("make-member").hasAttribute("data-disabled")).toBe(true);
    act(() => {
      screen.find("make-moderator").click();
    });
    await screen.pass(20);
    expect(set).toHaveBeenCalledExactlyOnceWith("r", "u_bo", "moderator");
    expect(toasts()).toEqual(["Not now."]);
  });

  it("cannot remove themselves", () => {
    const member = { user: "u_me", name: "me", role: "owner", online: true } as const;
    screen.show(<MemberRow room={room} member={member} me="u_me" />, chat);
    screen.key(screen.find("member-menu"), "Enter");
    expect(screen.all("make-member")).toHaveLength(1);
    expect(screen.all("remove-member")).toEqual([]);
    const moderator = { ...member, role: "moderator" } as const;
    screen.show(
      <MemberRow room={{ ...room, role: "moderator" }} member={moderator} me="u_me" />,
      chat,
    );
    expect(screen.all("member-menu")).toEqual([]);
  });
});

describe("making a room", () => {
  const done = vi.fn();
  const submit = () => screen.find("create-room-submit") as HTMLButtonElement;
  const problem = () => document.querySelector("[role=alert]")?.textContent;

  beforeEach(() => {
    done.mockClear();
    screen.show(<CreateRoom open onOpenChange={done} />, chat);
  });

  it("leads into it", async () => {
    const create = vi.spyOn(chat.commands, "createRoom").mockResolvedValue(null);
    screen.type("room-name-input", " Garden Club ");
    act(() => {
      screen.find("room-kind-broadcast").querySelector("input")?.click();
    });
    screen.click("create-room-submit");
    await screen.pass(20);
    expect(create).toHaveBeenCalledExactlyOnceWith("garden-club", "Garden Club", "broadcast");
    expect(done).toHaveBeenCalledExactlyOnceWith(false);
    expect(location.hash).toBe("#/garden-club");
  });

  it("stays open where it was refused, and may be tried again", async () => {
    vi.spyOn(chat.commands, "createRoom").mockResolvedValue("A room is there already.");
    screen.type("room-name-input", "Garden");
    screen.click("create-room-submit");
    expect(submit().disabled).toBe(true);
    await screen.pass(20);
    expect(problem()).toBe("A room is there already.");
    expect(submit().disabled).toBe(false);
    expect(done).not.toHaveBeenCalled();
    expect(location.hash).toBe("");
  });

  it("needs a name, and an address that a room may have", async () => {
    const create = vi.spyOn(chat.commands, "createRoom").mockResolvedValue(null);
    screen.type("room-id-input", "garden");
    screen.click("create-room-submit");
    expect(problem()).toContain("Give the room a name");
    screen.type("room-name-input", "Garden");
    screen.type("room-id-input", "Garden Club");
    screen.click("create-room-submit");
    expect(problem()).toContain("an address of letters");
    // Emptied, the address is what the name suggests again.
    screen.type("room-id-input", "");
    screen.click("create-room-submit");
    await screen.pass(20);
    expect(create).toHaveBeenCalledExactlyOnceWith("garden", "Garden", "public");
  });

  it("cuts addresses to 64 characters, with a private room's end among them", () => {
    expect(roomIdOf("x".repeat(80))).toHaveLength(64);
    expect(privateRoomId("x".repeat(80), "abcdefghijkl")).toBe(`${"x".repeat(51)}-abcdefghijkl`);
    expect(privateRoomId(`${"x".repeat(50)}-y`, "abcdefghijkl")).toBe(
      `${"x".repeat(50)}-abcdefghijkl`,
    );
    expect(privateRoomId("", "abcdefghijkl")).toBe("abcdefghijkl");
  });
});
