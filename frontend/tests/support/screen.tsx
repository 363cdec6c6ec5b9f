/** Components of the app in a page, with the chat around them. */
import { act, type ReactNode } from "react";
import { createRoot, type Root } from "react-dom/client";
import { vi } from "vitest";
import type { Chat } from "../../src/client/chat";
import type { Role, RoomKind } from "../../src/fold/room";
import type { FoldedMessage } from "../../src/fold/messages";
import type { Facts } from "../../src/fold/registry";
import { liveRange } from "../../src/fold/history";
import { closedRoom } from "../../src/store/rooms";
import type { RoomState } from "../../src/store/state";
import { ChatContext } from "../../src/ui/chat";

export class Screen {
  private readonly root: Root;

  constructor() {
    vi.stubGlobal("IS_REACT_ACT_ENVIRONMENT", true);
    document.body.innerHTML = "<div id='root'></div>";
    const element = document.getElementById("root");
    if (!element) throw new Error("no root");
    this.root = createRoot(element);
  }

  show(node: ReactNode, chat: Chat | null = null): void {
    act(() => {
      this.root.render(chat === null ? node : <ChatContext value={chat}>{node}</ChatContext>);
    });
  }

  close(): void {
    act(() => {
      this.root.unmount();
    });
    vi.unstubAllGlobals();
  }

  /** Every word of the page. */
  get text(): string {
    return document.body.textContent;
  }

  all(testId: string): HTMLElement[] {
    return [...document.querySelectorAll<HTMLElement>(`[data-testid="${testId}"]`)];
  }

  find(testId: string): HTMLElement {
    const [found] = this.all(testId);
    if (!found) throw new Error(`nothing is called ${testId}`);
    return found;
  }

  click(testId: string, index = 0): void {
    const found = this.all(testId)[index];
    if (!found) throw new Error(`nothing is called ${testId}`);
    act(() => {
      found.click();
    });
  }

  /** A click on the button with these words. */
  press(words: string): void {
    const found = [...document.querySelectorAll<HTMLElement>("button")].find(
      (button) => button.textContent === words || button.getAttribute("aria-label") === words,
    );
    if (!found) throw new Error(`no button says ${words}`);
    act(() => {
      found.click();
    });
  }

  type(testId: string, text: string): void {
    const field = this.find(testId);
    act(() => {
      // React listens to the setter of the element itself.
      Object.getOwnPropertyDescriptor(Object.getPrototypeOf(field), "value")?.set?.call(
        field,
        text,
      );
      field.dispatchEvent(new Event("input", { bubbles: true }));
    });
  }

  /** A key in an element; true where the browser would do nothing of its own. */
  key(element: HTMLElement, key: string, more: KeyboardEventInit = {}): boolean {
    const event = new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, ...more });
    act(() => {
      element.dispatchEvent(event);
    });
    return event.defaultPrevented;
  }

  /** Something comes from outside. */
  async hear(come: () => void): Promise<void> {
    act(come);
    await this.pass(20);
  }

  /** Lets promises and timers go on. */
  async pass(milliseconds = 0): Promise<void> {
    await act(async () => {
      await vi.advanceTimersByTimeAsync(milliseconds);
    });
  }
}

interface Filled {
  readonly kind?: RoomKind;
  readonly role?: Role | null;
  readonly messages?: readonly FoldedMessage[];
  readonly members?: Readonly<Record<string, Role>>;
  readonly invited?: Readonly<Record<string, Role>>;
  readonly facts?: Facts;
}

/** Room "r" as it is once it is open, its members known. */
export function openRoom(filled: Filled = {}): RoomState {
  const {
    kind = "public",
    role = "member",
    messages = [],
    members = {},
    invited = {},
    facts = {},
  } = filled;
  const version = messages.at(-1)?.version ?? 1;
  return {
    ...closedRoom("r"),
    name: "R",
    kind,
    role,
    version,
    open: {
      view: {
        version,
        name: "R",
        kind,
        members: new Map(Object.entries(members)),
        membersComplete: true,
        memberCount: 2,
        invited: new Map(Object.entries(invited)),
        messages,
        notices: [],
        facts,
      },
      ranges: [liveRange(messages)],
      recent: [],
    },
  };
}
