// @vitest-environment happy-dom
import { useEffect, useState } from "react";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Chat } from "../src/client/chat";
import { loadDraft, saveDraft } from "../src/client/storage";
import type { FoldedMessage } from "../src/fold/messages";
import type { RoomState } from "../src/store/state";
import { Composer } from "../src/ui/room/Composer";
import { FRESH, type Compose } from "../src/ui/room/compose";
import { message } from "./support/events";
import { openRoom, Screen } from "./support/screen";
import { FakeServer } from "./support/server";

let chat: Chat;
let screen: Screen;
let compose: Compose;

beforeEach(() => {
  localStorage.clear();
  sessionStorage.clear();
  chat = new FakeServer(1).tab();
  screen = new Screen();
});
afterEach(() => {
  screen.close();
});

/** The composer with what it is for, as the room's screen holds it. */
function Held({ room, first }: { room: RoomState; first: Compose }) {
  const [held, setHeld] = useState(first);
  useEffect(() => {
    compose = held;
  }, [held]);
  return <Composer room={room} compose={held} setCompose={setHeld} />;
}

function show(first: Compose = FRESH, messages: readonly FoldedMessage[] = []) {
  screen.show(
    <Held key={JSON.stringify(first)} room={openRoom({ messages })} first={first} />,
    chat,
  );
}

const field = () => screen.find("composer") as HTMLTextAreaElement;
const button = () => screen.find("send-button") as HTMLButtonElement;
const write = (text: string) => {
  screen.type("composer", text);
};
const enter = (more: KeyboardEventInit = {}) => screen.key(field(), "Enter", more);
const posts = () => vi.spyOn(chat.commands, "post").mockReturnValue();
const edits = () => vi.spyOn(chat.commands, "edit").mockReturnValue();
const own = (version: number, text: string | null): FoldedMessage => ({
  ...message(version, version),
  by: "u_me",
  text,
  deleted: text === null,
});

describe("a new message", () => {
  it("is sent with Enter, once, and leaves an empty field and no draft", () => {
    const post = posts();
    show();
    write(" hello ");
    expect(loadDraft("u_me", "r")).toBe(" hello ");
    expect(enter()).toBe(true);
    expect(post).toHaveBeenCalledExactlyOnceWith("r", "hello", "text", null);
    expect(field().value).toBe("");
    expect(loadDraft("u_me", "r")).toBe("");
    enter();
    expect(post).toHaveBeenCalledOnce();
  });

  it("goes on to a new line with Shift, and with a word that an input method composes", () => {
    const post = posts();
    show();
    write("hello");
    expect(enter({ shiftKey: true })).toBe(false);
    expect(enter({ isComposing: true })).toBe(false);
    expect(post).not.toHaveBeenCalled();
    expect(field().value).toBe("hello");
  });

  it("is nothing where it is blank", () => {
    const post = posts();
    show();
    write(" \n ");
    expect(button().disabled).toBe(true);
    enter();
    expect(post).not.toHaveBeenCalled();
    expect(field().value).toBe(" \n ");
  });

  it("is not sent where it is too long, and counts what is left from 500 on", () => {
    const post = posts();
    const left = () => document.querySelector("[role=status]")?.textContent;
    show();
    write("x".repeat(3_500));
    expect(left()).toBeUndefined();
    write("x".repeat(3_501));
    expect(left()).toBe("499");
    write("🎉".repeat(4_001));
    expect(screen.find("too-long").textContent).toMatch(/^Too long by 1 character: .*4,000/);
    expect(button().disabled).toBe(true);
    enter();
    expect(post).not.toHaveBeenCalled();
    write("🎉".repeat(4_000));
    expect(left()).toBe("0");
    enter();
    expect(post).toHaveBeenCalledOnce();
  });

  it("is an action after /me", () => {
    const post = posts();
    show();
    write("/me waves");
    enter();
    expect(post).toHaveBeenCalledExactlyOnceWith("r", "waves", "action", null);
  });

  it("begins with the draft of this room", () => {
    saveDraft("u_me", "r", "begun");
    saveDraft("u_me", "s", "elsewhere");
    saveDraft("u_b", "r", "somebody else's");
    show();
    expect(field().value).toBe("begun");
  });

  it("tells that the person types words, not blanks", () => {
    const type = vi.spyOn(chat, "type");
    show();
    write(" ");
    expect(type).not.toHaveBeenCalled();
    write(" h");
    expect(type).toHaveBeenCalledExactlyOnceWith("r");
    write("");
    expect(type).toHaveBeenCalledOnce();
  });

  it("has the focus, but on a touch screen", () => {
    show();
    expect(document.activeElement).toBe(field());
    screen.close();
    screen = new Screen();
    vi.stubGlobal("matchMedia", (query: string) => ({
      matches: query === "(pointer: coarse)",
      addEventListener: () => undefined,
      removeEventListener: () => undefined,
    }));
    show();
    expect(document.activeElement).not.toBe(field());
    show({ mode: "new", replyTo: 1 });
    expect(document.activeElement).toBe(field());
  });
});

describe("a reply", () => {
  it("says to whom, goes with the message, and is over with it", () => {
    const post = posts();
    chat.store.update((state) => ({ ...state, people: new Map([["u_a", "Ann"]]) }));
    show({ mode: "new", replyTo: 3 }, [message(3, 3, "quoted words")]);
    expect(screen.find("compose-banner").textContent).toBe("Reply to Ann · quoted words");
    write("yes");
    enter();
    expect(post).toHaveBeenCalledExactlyOnceWith("r", "yes", "text", 3);
    expect(compose).toBe(FRESH);
    expect(screen.all("compose-banner")).toEqual([]);
  });

  it("is given up with Escape or its button, and its words stay", () => {
    show({ mode: "new", replyTo: 3 });
    write("yes");
    expect(screen.key(field(), "Escape")).toBe(true);
    expect(compose).toBe(FRESH);
    expect(field().value).toBe("yes");
    // With nothing to give up, the key is somebody else's.
    expect(screen.key(field(), "Escape")).toBe(false);
    show({ mode: "new", replyTo: 4 });
    screen.press("Cancel");
    expect(compose).toBe(FRESH);
  });
});

describe("a change of an old message", () => {
  it("begins from its words, is sent, and leaves the draft alone", () => {
    const edit = edits();
    const type = vi.spyOn(chat, "type");
    saveDraft("u_me", "r", "begun");
    show({ mode: "edit", version: 3 }, [own(3, "old words")]);
    expect(field().value).toBe("old words");
    expect(screen.find("compose-banner").textContent).toBe("Edit message");
    write("new words");
    expect(loadDraft("u_me", "r")).toBe("begun");
    expect(type).not.toHaveBeenCalled();
    enter();
    expect(edit).toHaveBeenCalledExactlyOnceWith("r", 3, "new words");
    expect(compose).toBe(FRESH);
    expect(field().value).toBe("begun");
    expect(loadDraft("u_me", "r")).toBe("begun");
  });

  it("asks whether to delete it where no word is left", () => {
    const edit = edits();
    const remove = vi.spyOn(chat.commands, "remove").mockReturnValue();
    show({ mode: "edit", version: 3 }, [own(3, "old words")]);
    write(" ");
    expect(button().disabled).toBe(false);
    enter();
    expect(screen.text).toContain("Delete this message?");
    expect(compose).toEqual({ mode: "edit", version: 3 });
    screen.click("confirm-button");
    expect(remove).toHaveBeenCalledExactlyOnceWith("r", 3);
    expect(edit).not.toHaveBeenCalled();
    expect(compose).toBe(FRESH);
  });

  it("is nothing where no word changed", () => {
    const edit = edits();
    show({ mode: "edit", version: 3 }, [own(3, "old words")]);
    enter();
    expect(edit).not.toHaveBeenCalled();
    expect(compose).toBe(FRESH);
  });

  it("is not begun again where somebody else's event comes meanwhile", () => {
    show({ mode: "edit", version: 3 }, [own(3, "old words")]);
    write("new words");
    show({ mode: "edit", version: 3 }, [own(3, "old words"), message(4)]);
    expect(field().value).toBe("new words");
  });

  it("begins with the arrow up, at one's newest message that is there, in an empty field", () => {
    const messages = [own(1, "first"), own(2, "second"), own(3, null), message(4)];
    show(FRESH, messages);
    write("words");
    expect(screen.key(field(), "ArrowUp")).toBe(false);
    expect(compose).toBe(FRESH);
    write("");
    expect(screen.key(field(), "ArrowUp")).toBe(true);
    expect(compose).toEqual({ mode: "edit", version: 2 });
    // Within a change the arrow moves in the text.
    write("");
    expect(screen.key(field(), "ArrowUp")).toBe(false);
  });

  it("begins with the arrow up at what was just sent, before the server answered", () => {
    const edit = vi.spyOn(chat.commands, "editPost").mockReturnValue();
    const messages = [own(1, "before")];
    chat.commands.post("r", "just sent", "text", null);
    show(FRESH, messages);
    expect(screen.key(field(), "ArrowUp")).toBe(true);
    const { outbox } = chat.store.get();
    const id = outbox[0]?.command.id ?? "";
    expect(compose).toEqual({ mode: "edit-post", id });
    expect(field().value).toBe("just sent");
    write("just sent, and mended");
    // Its event comes while it is edited.
    show(FRESH, [...messages, { ...own(2, "just sent"), id }]);
    expect(field().value).toBe("just sent, and mended");
    enter();
    expect(edit).toHaveBeenCalledExactlyOnceWith("r", id, "just sent, and mended");
    expect(compose).toBe(FRESH);
  });

  it("begins with the arrow up from the words of a change that is on its way", () => {
    chat.store.update((state) => ({
      ...state,
      outbox: [
        {
          command: { action: "edit", id: "e", room: "r", version: 2, text: "changed" },
          at: "2026-11-20T12:00:00.000Z",
          state: "sent",
        },
      ],
    }));
    show(FRESH, [own(2, "old words")]);
    screen.key(field(), "ArrowUp");
    expect(field().value).toBe("changed");
  });

  it("does not begin where one wrote nothing", () => {
    show(FRESH, [message(4)]);
    expect(screen.key(field(), "ArrowUp")).toBe(false);
    expect(compose).toBe(FRESH);
  });
});
