import { describe, expect, it } from "vitest";
import { addPage, liveRange, messagesIn, pageOf, rangeAt, trimmed } from "../src/fold/history";
import { edited, message, messages } from "./support/events";

const versions = (list: readonly { version: number }[]) => list.map(({ version }) => version);

describe("ranges of loaded messages", () => {
  const live = { messages: messages(101, 150), ranges: [liveRange(messages(101, 150))] };

  it("begins with the newest messages, up to the live end", () => {
    expect(live.ranges).toEqual([{ from: 101, to: Infinity }]);
    expect(liveRange([message(4, 1)])).toEqual({ from: 1, to: Infinity });
    expect(liveRange([])).toEqual({ from: 1, to: Infinity });
  });

  it("grows by an older page", () => {
    const loaded = addPage(live, pageOf(messages(51, 100), 101, 50), []);
    expect(loaded.ranges).toEqual([{ from: 51, to: Infinity }]);
    expect(versions(loaded.messages)).toEqual(versions(messages(51, 150)));
  });

  it("knows the beginning by a page that is not full", () => {
    const page = pageOf([message(3, 1), message(7, 2)], 101, 50);
    expect(addPage(live, page, []).ranges).toEqual([{ from: 1, to: Infinity }]);
  });

  it("keeps a window apart until it meets the live end", () => {
    const window = addPage(live, pageOf(messages(21, 40), 41, 20), []);
    expect(window.ranges).toEqual([
      { from: 21, to: 40 },
      { from: 101, to: Infinity },
    ]);
    const shown = rangeAt(window.ranges, 30);
    expect(shown && versions(messagesIn(window.messages, shown))).toEqual(
      versions(messages(21, 40)),
    );
    expect(rangeAt(window.ranges, 60)).toBeUndefined();

    const met = addPage(window, { messages: messages(41, 100), from: 41, to: 100 }, []);
    expect(met.ranges).toEqual([{ from: 21, to: Infinity }]);
    expect(versions(met.messages)).toEqual(versions(messages(21, 150)));
  });

  it("lets a message that is held win over a page that was read before", () => {
    const fresh = { ...live, messages: [message(101, 101, "edited since"), ...messages(102, 150)] };
    const loaded = addPage(fresh, pageOf(messages(90, 110), 111, 21), []);
    expect(loaded.messages.find(({ version }) => version === 101)?.text).toBe("edited since");
    expect(new Set(versions(loaded.messages)).size).toBe(loaded.messages.length);
  });

  it("applies what happened since to a page that was read before it", () => {
    const loaded = addPage(live, pageOf(messages(51, 100), 101, 50), [
      edited(151, 77, "new words"),
    ]);
    expect(loaded.messages.find(({ version }) => version === 77)?.text).toBe("new words");
  });

  it("gives back all but the newest", () => {
    const window = addPage(live, pageOf(messages(21, 40), 41, 20), []);
    const left = trimmed(window, 10);
    expect(versions(left.messages)).toEqual(versions(messages(141, 150)));
    expect(left.ranges).toEqual([{ from: 141, to: Infinity }]);
  });
});
