// @vitest-environment happy-dom
// Over 300 lines: every state of one component, shown by one helper.
import { act } from "react";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { FoldedMessage } from "../src/fold/messages";
import type { Role } from "../src/fold/room";
import type { PendingPost } from "../src/store/pending";
import { EmojiPicker } from "../src/ui/message/EmojiPicker";
import { MessageRow } from "../src/ui/message/MessageRow";
import { message } from "./support/events";
import { Screen } from "./support/screen";

let screen: Screen;

const actions = {
  of: { room: "lobby", kind: "public" as const },
  reply: vi.fn(),
  edit: vi.fn(),
  remove: vi.fn(),
  react: vi.fn(),
  jump: vi.fn(),
  retry: vi.fn(),
  discard: vi.fn(),
};
const wantQuoted = vi.fn();

beforeEach(() => {
  screen = new Screen();
});
afterEach(() => {
  screen.close();
  vi.clearAllMocks();
});

interface Shown {
  readonly of: FoldedMessage | PendingPost;
  readonly role?: Role | null;
  readonly mayPost?: boolean;
  readonly messages?: readonly FoldedMessage[];
  readonly people?: ReadonlyMap<string, string | null>;
  readonly leads?: boolean;
  readonly tabbable?: boolean;
  readonly flash?: boolean;
  readonly with?: typeof actions;
}

const PEOPLE = new Map<string, string | null>([
  ["u_a", "Ann"],
  ["u_b", "Bo"],
  ["u_me", "me"],
]);

function show(shown: Shown) {
  screen.show(
    <MessageRow
      message={shown.of}
      leads={shown.leads ?? true}
      rowKey="row"
      tabbable={shown.tabbable ?? false}
      flash={shown.flash ?? false}
      me="u_me"
      role={shown.role === undefined ? "member" : shown.role}
      mayPost={shown.mayPost ?? true}
      messages={shown.messages ?? []}
      people={shown.people ?? PEOPLE}
      actions={shown.with ?? actions}
      wantQuoted={wantQuoted}
    />,
  );
}

const row = () => screen.find("message");
const words = () => row().textContent;
const bar = () => document.querySelector("[role=toolbar]");
const offered = () =>
  ["message-react", "message-reply", "message-edit", "message-delete"].filter(
    (id) => screen.all(id).length > 0,
  );

/** React makes enter and leave of the over and out that bubble. */
function point(type: "over" | "out" | "move", pointerType = "mouse") {
  act(() => {
    const event = new PointerEvent(`pointer${type}`, { bubbles: true, pointerType });
    row().dispatchEvent(event);
  });
}

function focus(type: "focusin" | "focusout", relatedTarget: Element | null = null) {
  act(() => {
    row().dispatchEvent(new FocusEvent(type, { bubbles: true, relatedTarget }));
  });
}

const pending = (
  state: PendingPost["state"],
  problem: PendingPost["problem"] = null,
): PendingPost => ({
  id: "p1",
  by: "u_me",
  at: "2026-11-20T12:00:00.000000Z",
  text: "on its way",
  kind: "text",
  reply_to: null,
  state,
  ackedAs: state === "acked" ? 7 : null,
  problem,
});

describe("the buttons of a message", () => {
  it("show to the pointer and go with it", () => {
    show({ of: message(3) });
    expect(bar()).toBeNull();
    point("over");
    expect(bar()).not.toBeNull();
    point("out");
    expect(bar()).toBeNull();
    point("move");
    expect(bar()).not.toBeNull();
  });

  it("show with the focus, not as a finger passes over", () => {
    show({ of: message(3) });
    point("over", "touch");
    expect(bar()).toBeNull();
    focus("focusin");
    expect(bar()).not.toBeNull();
    focus("focusout", screen.find("message-reply"));
    expect(bar()).not.toBeNull();
    // A finger leaves as it lifts, before the click of its tap.
    point("out", "touch");
    expect(bar()).not.toBeNull();
    focus("focusout");
    expect(bar()).toBeNull();
  });

  it.each<[string, Shown, readonly string[]]>([
    ["another's", { of: message(3) }, ["message-react", "message-reply"]],
    [
      "one's own",
      { of: { ...message(3), by: "u_me" } },
      ["message-react", "message-reply", "message-edit", "message-delete"],
    ],
    [
      "one's own that is kept no longer",
      { of: { ...message(3), by: "u_me", text: null } },
      ["message-react", "message-reply", "message-delete"],
    ],
    [
      "another's, for a moderator",
      { of: message(3), role: "moderator" },
      ["message-react", "message-reply", "message-delete"],
    ],
    ["another's in a broadcast", { of: message(3), mayPost: false }, ["message-react"]],
    ["any, for a guest", { of: message(3), role: null }, []],
    ["a deleted one", { of: { ...message(3), by: "u_me", text: null, deleted: true } }, []],
    ["one on its way", { of: pending("sent") }, []],
  ])("are what may be done with %s", (_, shown, wanted) => {
    show(shown);
    point("over");
    expect(offered()).toEqual(wanted);
  });

  it("act on this message", () => {
    show({ of: { ...message(3, 9), by: "u_me" } });
    point("over");
    screen.click("message-reply");
    screen.click("message-edit");
    screen.click("message-delete");
    expect(actions.reply).toHaveBeenCalledExactlyOnceWith(3);
    expect(actions.edit).toHaveBeenCalledExactlyOnceWith(3);
    expect(actions.remove).toHaveBeenCalledExactlyOnceWith(3);
  });

  it("react, and take back a reaction of one's own", () => {
    show({ of: { ...message(3), reactions: { "👍": ["u_me"], "❤️": ["u_a"] } } });
    point("over");
    screen.click("quick-reaction", 0);
    screen.click("quick-reaction", 1);
    expect(actions.react.mock.calls).toEqual([
      [3, "👍", false],
      [3, "❤️", true],
    ]);
  });

  it("stay while an emoji is chosen, and the choice ends with it", () => {
    show({ of: message(3) });
    point("over");
    screen.click("message-react");
    point("out");
    expect(bar()).not.toBeNull();
    act(() => {
      document.querySelector<HTMLElement>("[data-emoji='🎉']")?.click();
    });
    expect(actions.react).toHaveBeenCalledExactlyOnceWith(3, "🎉", true);
    expect(screen.all("emoji")).toEqual([]);
  });
});

it("moves between emoji with the arrows, a row at a time up and down", () => {
  screen.show(
    <EmojiPicker open onOpenChange={() => undefined} onPick={() => undefined}>
      <button type="button">open</button>
    </EmojiPicker>,
  );
  const emoji = screen.all("emoji");
  const grid = document.querySelector<HTMLElement>("[aria-label=Emoji]");
  if (!grid) throw new Error("no emoji");
  grid.style.gridTemplateColumns = Array.from({ length: 8 }, () => "36px").join(" ");
  const at = () => emoji.findIndex((button) => button === document.activeElement);
  const press = (key: string) => screen.key(emoji[at()] ?? grid, key);
  act(() => {
    emoji[0]?.focus();
  });
  press("ArrowRight");
  expect(at()).toBe(1);
  press("ArrowDown");
  expect(at()).toBe(9);
  press("ArrowLeft");
  expect(at()).toBe(8);
  press("ArrowUp");
  expect(at()).toBe(0);
  expect(press("ArrowUp")).toBe(false);
  expect(press("x")).toBe(false);
  expect(at()).toBe(0);
});

describe("a message", () => {
  it("says that it was edited, deleted or is kept no longer", () => {
    show({ of: message(3) });
    expect(words()).not.toContain("edited");
    show({ of: { ...message(3), edited_at: "2026-11-20T12:01:00.000000Z" } });
    expect(words()).toContain("text 3edited");
    show({ of: { ...message(3), text: null, deleted: true } });
    expect(words()).toContain("Message deleted");
    show({ of: { ...message(3), text: null } });
    expect(words()).toContain("[no longer kept]");
  });

  it("names its author, where it opens a group and where that name changes", () => {
    show({ of: message(3) });
    expect(words()).toContain("Ann");
    const renamed = new Map(PEOPLE).set("u_a", "Anna");
    show({ of: message(3), people: renamed });
    expect(words()).toContain("Anna");
    show({ of: message(3), people: new Map(PEOPLE).set("u_a", null) });
    expect(words()).toContain("Erased person");
    show({ of: message(3), leads: false });
    expect(words()).not.toContain("Ann");
    show({ of: { ...message(3), kind: "action", text: "waves" } });
    expect(words()).toContain("Ann waves");
  });

  it("follows what is around it", () => {
    const of = { ...message(3), reactions: { "👍": ["u_me"] } };
    show({ of });
    expect(row().tabIndex).toBe(-1);
    show({ of, tabbable: true });
    expect(row().tabIndex).toBe(0);
    expect(row().className).not.toContain("animate-flash");
    show({ of, flash: true });
    expect(row().className).toContain("animate-flash");
    const reaction = () => screen.find("reaction") as HTMLButtonElement;
    expect(reaction().disabled).toBe(false);
    show({ of, role: null });
    expect(reaction().disabled).toBe(true);
    show({ of });
    point("over");
    expect(offered()).toContain("message-reply");
    show({ of, mayPost: false });
    expect(offered()).not.toContain("message-reply");
    const others = { ...actions, react: vi.fn() };
    show({ of, with: others });
    screen.click("reaction");
    expect(others.react).toHaveBeenCalledOnce();
    expect(actions.react).not.toHaveBeenCalled();
  });
});

describe("reactions", () => {
  it("say who gave them, and are given and taken back by a click", () => {
    const react = { "👍": ["u_me", "u_b"], "🦉": ["u_a"] };
    show({ of: { ...message(3), reactions: react } });
    const [thumb, owl] = screen.all("reaction");
    expect(thumb?.title).toBe("You, Bo");
    expect(thumb?.getAttribute("aria-label")).toBe("thumbs up, 2");
    expect(thumb?.getAttribute("aria-pressed")).toBe("true");
    expect(owl?.getAttribute("aria-label")).toBe("🦉, 1");
    expect(owl?.getAttribute("aria-pressed")).toBe("false");
    screen.click("reaction", 0);
    screen.click("reaction", 1);
    expect(actions.react.mock.calls).toEqual([
      [3, "👍", false],
      [3, "🦉", true],
    ]);
  });

  it("name twelve people, and count the others", () => {
    const title = (count: number) => {
      const users = Array.from({ length: count }, () => "u_b");
      show({ of: { ...message(3), reactions: { "👍": users } } });
      return screen.find("reaction").title;
    };
    expect(title(12)).toBe(Array.from({ length: 12 }, () => "Bo").join(", "));
    expect(title(14)).toMatch(/Bo and 2 more$/);
  });

  it("name people as their names become known", () => {
    const of = { ...message(3), reactions: { "👍": ["u_new"] } };
    show({ of });
    expect(screen.find("reaction").title).toBe("Guest _new");
    show({ of, people: new Map(PEOPLE).set("u_new", "Nell") });
    expect(screen.find("reaction").title).toBe("Nell");
  });
});

describe("a quote", () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  const reply = { ...message(8), reply_to: 3 };

  it("shows what it answers, and leads there", () => {
    const quoted = { ...message(3), by: "u_b", text: "a\n\nb" };
    show({ of: reply, messages: [quoted] });
    expect(screen.find("message-quote").textContent).toBe("Boa b");
    show({ of: reply, messages: [{ ...quoted, text: "better" }] });
    expect(screen.find("message-quote").textContent).toBe("Bobetter");
    show({ of: reply, messages: [{ ...quoted, text: null, deleted: true }] });
    expect(screen.find("message-quote").textContent).toBe("BoMessage deleted");
    show({ of: reply, messages: [{ ...quoted, text: null }], people: new Map([["u_b", "Bob"]]) });
    expect(screen.find("message-quote").textContent).toBe("Bob[no longer kept]");
    screen.click("message-quote");
    expect(actions.jump).toHaveBeenCalledExactlyOnceWith(3);
    vi.advanceTimersByTime(1_000);
    expect(wantQuoted).not.toHaveBeenCalled();
  });

  it("names whom it quotes once that is known", () => {
    const quoted = { ...message(3), by: "u_new" };
    const messages = [quoted];
    show({ of: reply, messages });
    expect(screen.find("message-quote").textContent).toContain("Guest _new");
    show({ of: reply, messages, people: new Map(PEOPLE).set("u_new", "Nell") });
    expect(screen.find("message-quote").textContent).toContain("Nell");
  });

  it("is read where it is missing, once it stays on the screen", () => {
    show({ of: reply });
    vi.advanceTimersByTime(249);
    expect(wantQuoted).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(wantQuoted).toHaveBeenCalledExactlyOnceWith(3);
  });

  it("is not read where it only flies by", () => {
    show({ of: reply });
    vi.advanceTimersByTime(200);
    screen.show(null);
    vi.advanceTimersByTime(1_000);
    expect(wantQuoted).not.toHaveBeenCalled();
  });
});

describe("a message on its way", () => {
  it("says where it is", () => {
    show({ of: pending("sent") });
    expect(row().dataset.state).toBe("pending");
    expect(words()).toContain("Sending");
    show({ of: pending("acked") });
    expect(row().dataset.state).toBe("sent");
    expect(row().dataset.version).toBe("7");
    expect(words()).not.toContain("Sending");
  });

  it("is tried again or thrown away where it failed", () => {
    show({ of: pending("failed", { code: "room_busy", message: "other writers were faster" }) });
    expect(row().dataset.state).toBe("failed");
    expect(words()).toContain("Not sent. The room is very busy right now. Try again.");
    screen.click("message-retry");
    expect(actions.retry).toHaveBeenCalledExactlyOnceWith("p1");
    expect(actions.discard).not.toHaveBeenCalled();
    screen.click("message-discard");
    expect(actions.discard).toHaveBeenCalledExactlyOnceWith("p1");
  });
});
