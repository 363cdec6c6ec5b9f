// @vitest-environment happy-dom
// Over 300 lines: small groups of cases, which share one screen and one way to send events.
import { act, useRef } from "react";
import { afterEach, beforeEach, describe, expect, it, vi, type MockInstance } from "vitest";
import type { Range } from "../src/fold/history";
import { useAttention, useMedia, useRoomInAddress } from "../src/ui/hooks";
import type { Entry } from "../src/ui/room/entries";
import { useFocusedRow } from "../src/ui/room/useFocusedRow";
import { usePaging } from "../src/ui/room/usePaging";
import { useTitle } from "../src/ui/shell/useTitle";
import { closedRoom } from "../src/store/rooms";
import { applyTheme, loadTheme, otherTheme } from "../src/ui/theme";
import { messages } from "./support/events";
import { Screen } from "./support/screen";
import { ApiError } from "../src/client/api";
import { FakeServer } from "./support/server";

let screen: Screen;

beforeEach(() => {
  screen = new Screen();
});
afterEach(() => {
  screen.close();
});

const come = (event: Event, target: EventTarget = window) => {
  act(() => {
    target.dispatchEvent(event);
  });
};

describe("the room in the address", () => {
  function Address() {
    return <p>{useRoomInAddress() ?? "none"}</p>;
  }

  const at = (hash: string) => {
    location.hash = hash;
    come(new Event("hashchange"));
    return document.querySelector("p")?.textContent;
  };

  it("is an id that a room may have, and nothing else", () => {
    screen.show(<Address />);
    expect(at("#/garden-club")).toBe("garden-club");
    expect(at(`#/${"a".repeat(64)}`)).toBe("a".repeat(64));
    expect(at(`#/${"a".repeat(65)}`)).toBe("none");
    expect(at("#/Garden")).toBe("none");
    expect(at("#/a/b")).toBe("none");
    expect(at("")).toBe("none");
  });

  it("is listened for only while it is shown", () => {
    const added = vi.spyOn(globalThis, "addEventListener");
    const removed = vi.spyOn(globalThis, "removeEventListener");
    screen.show(<Address />);
    screen.show(null);
    const of = (spy: typeof added | typeof removed) =>
      spy.mock.calls.filter(([type]) => type === "hashchange").map(([, listener]) => listener);
    expect(of(added)).toHaveLength(1);
    expect(of(removed)).toEqual(of(added));
  });
});

describe("attention", () => {
  function Attention() {
    return <p>{useAttention() ? "looks" : "away"}</p>;
  }

  const said = () => document.querySelector("p")?.textContent;

  it("is there while the tab is seen and has the focus", () => {
    const focus = vi.spyOn(document, "hasFocus").mockReturnValue(true);
    const seen = vi.spyOn(document, "visibilityState", "get").mockReturnValue("visible");
    screen.show(<Attention />);
    expect(said()).toBe("looks");
    focus.mockReturnValue(false);
    come(new Event("blur"));
    expect(said()).toBe("away");
    focus.mockReturnValue(true);
    come(new Event("focus"));
    expect(said()).toBe("looks");
    seen.mockReturnValue("hidden");
    come(new Event("visibilitychange"), document);
    expect(said()).toBe("away");
  });

  it("is watched only while somebody asks", () => {
    const all = [
      vi.spyOn(globalThis, "removeEventListener"),
      vi.spyOn(document, "removeEventListener"),
    ];
    screen.show(<Attention />);
    screen.show(null);
    const types = all.flatMap((spy) => spy.mock.calls.map(([type]) => type));
    expect(types).toEqual(expect.arrayContaining(["focus", "blur", "visibilitychange"]));
  });
});

it("follows the screen's size, and only while it is asked", () => {
  const listeners = new Set<() => void>();
  let matches = true;
  vi.stubGlobal("matchMedia", () => ({
    get matches() {
      return matches;
    },
    addEventListener: (_: string, listener: () => void) => listeners.add(listener),
    removeEventListener: (_: string, listener: () => void) => listeners.delete(listener),
  }));
  function Wide() {
    return <p>{useMedia("(min-width: 1px)") ? "wide" : "narrow"}</p>;
  }
  screen.show(<Wide />);
  expect(screen.text).toBe("wide");
  matches = false;
  act(() => {
    for (const listener of listeners) listener();
  });
  expect(screen.text).toBe("narrow");
  screen.show(null);
  expect(listeners.size).toBe(0);
});

describe("the theme", () => {
  const system = (dark: boolean) => {
    vi.stubGlobal("matchMedia", () => ({ matches: dark }));
  };
  const shown = () => document.documentElement.dataset.theme;

  beforeEach(() => {
    localStorage.clear();
    applyTheme(null);
  });

  it("is the system's until the person chooses, and again once they choose what it is", () => {
    system(true);
    expect(loadTheme()).toBeNull();
    const light = otherTheme(null);
    expect([light, loadTheme(), shown()]).toEqual(["light", "light", "light"]);
    const back = otherTheme(light);
    expect([back, loadTheme(), shown()]).toEqual([null, null, undefined]);
  });

  it("stays what was chosen where the system is that too", () => {
    system(false);
    expect(otherTheme(null)).toBe("dark");
    system(true);
    expect(otherTheme("dark")).toBe("light");
    expect(loadTheme()).toBe("light");
  });
});

it("tells in the title what is unread in one's own rooms, and where one is", () => {
  const chat = new FakeServer(1).tab();
  function Title() {
    useTitle();
    return null;
  }
  const set = (active: string | null) => {
    act(() => {
      chat.store.update((state) => ({
        ...state,
        active,
        rooms: new Map([
          ["r", { ...closedRoom("r"), name: "Garden", role: "member" as const, unread: 2 }],
          ["s", { ...closedRoom("s"), role: "owner" as const, unread: 3 }],
          ["t", { ...closedRoom("t"), role: null, unread: 7 }],
        ]),
      }));
    });
  };
  screen.show(<Title />, chat);
  expect(document.title).toBe("Parley");
  set(null);
  expect(document.title).toBe("(5) Parley");
  set("r");
  expect(document.title).toBe("(5) Garden · Parley");
});

describe("paging", () => {
  const LIVE: Range = { from: 500, to: Infinity };
  const WINDOW: Range = { from: 500, to: 899 };
  const chat = new FakeServer(1).tab();
  let older: MockInstance<typeof chat.history.older>;
  let newer: MockInstance<typeof chat.history.newer>;

  interface Asked {
    readonly entries?: readonly Entry[];
    readonly range?: Range;
    readonly shown?: readonly [number, number] | null;
    readonly arrived?: boolean;
  }

  function List({ entries, range, shown, arrived }: Required<Asked>) {
    const [startIndex, endIndex] = shown ?? [0, 0];
    const rows = shown && { startIndex, endIndex };
    const now = usePaging("r", entries, range, rows, arrived);
    return (
      <button type="button" data-testid="retry" onClick={now.retry}>
        {now.failed ? "failed" : "well"}
      </button>
    );
  }

  async function show({
    entries = messages(500, 899),
    range = LIVE,
    shown = [0, 20],
    arrived = true,
  }: Asked) {
    screen.show(<List entries={entries} range={range} shown={shown} arrived={arrived} />, chat);
    await act(() => Promise.resolve());
  }

  beforeEach(() => {
    older = vi.spyOn(chat.history, "older").mockResolvedValue();
    newer = vi.spyOn(chat.history, "newer").mockResolvedValue();
    chat.store.update((state) => ({ ...state, connection: "offline" }));
  });

  it("asks for what is above the oldest message, near the top", async () => {
    await show({ shown: [120, 150] });
    expect(older).not.toHaveBeenCalled();
    await show({ shown: [119, 149] });
    expect(older).toHaveBeenCalledExactlyOnceWith("r", 500);
    await show({ shown: [80, 110] });
    expect(older).toHaveBeenCalledOnce();
    await show({ entries: messages(300, 899), range: { ...LIVE, from: 300 }, shown: [0, 20] });
    expect(older).toHaveBeenLastCalledWith("r", 300);
    expect(newer).not.toHaveBeenCalled();
  });

  it("asks for nothing above the room's beginning, or before it is where it begins", async () => {
    await show({ entries: messages(1, 400), range: { from: 1, to: Infinity } });
    await show({ arrived: false });
    await show({ shown: null });
    await show({ entries: [] });
    expect(older).not.toHaveBeenCalled();
  });

  it("asks for what is below a window, near its end, and never below the newest", async () => {
    await show({ range: WINDOW, shown: [250, 280] });
    expect(newer).not.toHaveBeenCalled();
    await show({ range: WINDOW, shown: [250, 281] });
    expect(newer).toHaveBeenCalledExactlyOnceWith("r", 899);
    await show({ shown: [380, 399] });
    expect(newer).toHaveBeenCalledOnce();
    await show({ range: WINDOW, shown: [380, 399], arrived: false });
    expect(newer).toHaveBeenCalledOnce();
  });

  it.each(["above", "below"])(
    "asks no more at once after a failure %s, unless it is told to",
    async (side) => {
      const [spy, asked] =
        side === "above"
          ? [older, { shown: [0, 20] } as const]
          : [newer, { range: WINDOW, shown: [380, 399] } as const];
      spy.mockRejectedValue(new Error("network"));
      await show(asked);
      expect(screen.text).toBe("failed");
      await show({ ...asked, entries: messages(499, 899) });
      expect(spy).toHaveBeenCalledOnce();
      spy.mockResolvedValue(undefined);
      screen.click("retry");
      expect(spy).toHaveBeenCalledTimes(2);
      expect(screen.text).toBe("well");
    },
  );

  it.each(["above", "below"])("asks again by itself after a failure %s", async (side) => {
    vi.useFakeTimers();
    const [spy, asked] =
      side === "above"
        ? [older, { shown: [0, 20] } as const]
        : [newer, { range: WINDOW, shown: [380, 399] } as const];
    spy.mockRejectedValue(new Error("network"));
    await show(asked);
    expect(spy).toHaveBeenCalledOnce();
    await screen.pass(2_000);
    expect(spy).toHaveBeenCalledTimes(2);
    expect(screen.text).toBe("failed");
    // Later each time, but at once when the connection is back.
    spy.mockResolvedValue(undefined);
    act(() => {
      chat.store.update((state) => ({ ...state, connection: "online" }));
    });
    await screen.pass();
    expect(spy).toHaveBeenCalledTimes(3);
    expect(screen.text).toBe("well");
    await screen.pass(60_000);
    expect(spy).toHaveBeenCalledTimes(3);
    vi.useRealTimers();
  });

  it("does not ask again for what it may not read", async () => {
    vi.useFakeTimers();
    older.mockRejectedValue(new ApiError("forbidden", "no"));
    await show({ shown: [0, 20] });
    await screen.pass(60_000);
    expect(older).toHaveBeenCalledOnce();
    expect(screen.text).toBe("failed");
    vi.useRealTimers();
  });
});

describe("the message with the focus", () => {
  function Rows() {
    const list = useRef<HTMLDivElement>(null);
    const focused = useFocusedRow(list);
    return (
      <>
        <p>{focused ?? "none"}</p>
        <div ref={list}>
          <article data-key="3" tabIndex={-1}>
            <button type="button">in</button>
          </article>
        </div>
        <button type="button" data-testid="elsewhere">
          out
        </button>
      </>
    );
  }

  const said = () => document.querySelector("p")?.textContent;
  const focus = (found: string) => {
    act(() => {
      document.querySelector<HTMLElement>(found)?.focus();
    });
  };

  it("is the one that has it or in which something has it", () => {
    screen.show(<Rows />);
    expect(said()).toBe("none");
    focus("article");
    expect(said()).toBe("3");
    focus("article button");
    expect(said()).toBe("3");
    focus("[data-testid=elsewhere]");
    expect(said()).toBe("none");
  });

  it("is watched only while it is shown", () => {
    const added = vi.spyOn(document, "addEventListener");
    const removed = vi.spyOn(document, "removeEventListener");
    screen.show(<Rows />);
    screen.show(null);
    for (const type of ["focusin", "focusout"]) {
      const of = (spy: typeof added | typeof removed) =>
        spy.mock.calls.filter(([name]) => name === type).map(([, listener]) => listener);
      expect(of(removed)).toEqual(expect.arrayContaining(of(added)));
    }
  });
});
