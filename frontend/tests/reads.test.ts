import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ReadMarks } from "../src/client/reads";
import { Throttle } from "../src/client/throttle";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

describe("ReadMarks", () => {
  function world() {
    const sent: string[] = [];
    const marks = new ReadMarks((room, version) => sent.push(`${room} ${version}`));
    return { marks, sent };
  }

  it("tells the first at once, then the newest after five seconds", () => {
    const { marks, sent } = world();
    marks.saw("r", 3);
    marks.saw("r", 4);
    marks.saw("r", 5);
    vi.advanceTimersByTime(4_999);
    expect(sent).toEqual(["r 3"]);
    vi.advanceTimersByTime(1);
    expect(sent).toEqual(["r 3", "r 5"]);
    vi.advanceTimersByTime(60_000);
    expect(sent).toEqual(["r 3", "r 5"]);
  });

  it("never goes back", () => {
    const { marks, sent } = world();
    marks.saw("r", 5);
    marks.saw("r", 4);
    marks.saw("r", 5);
    expect(marks.readTo("r")).toBe(5);
    vi.advanceTimersByTime(60_000);
    marks.saw("r", 2);
    marks.left("r");
    expect(sent).toEqual(["r 5"]);
  });

  it("holds one room's marks apart from another's", () => {
    const { marks, sent } = world();
    marks.saw("r", 5);
    marks.saw("s", 2);
    marks.saw("s", 3);
    marks.left("r");
    expect(sent).toEqual(["r 5", "s 2"]);
    marks.left("s");
    expect(sent).toEqual(["r 5", "s 2", "s 3"]);
    expect([marks.readTo("r"), marks.readTo("s"), marks.readTo("t")]).toEqual([5, 3, 0]);
    marks.left("t");
  });

  it("tells nothing after it was stopped", () => {
    const { marks, sent } = world();
    marks.saw("r", 5);
    marks.saw("r", 6);
    marks.stop();
    vi.advanceTimersByTime(60_000);
    expect(sent).toEqual(["r 5"]);
    expect(marks.readTo("r")).toBe(0);
  });
});

describe("Throttle", () => {
  function world() {
    const sent: number[] = [];
    return { sent, throttle: new Throttle<number>(100, (value) => sent.push(value)) };
  }

  it("sends at once where nothing was sent for long enough", () => {
    const { throttle, sent } = world();
    throttle.push(1);
    vi.advanceTimersByTime(100);
    throttle.push(2);
    expect(sent).toEqual([1, 2]);
  });

  it("keeps the distance after what waited, too", () => {
    const { throttle, sent } = world();
    throttle.push(1);
    throttle.push(2);
    vi.advanceTimersByTime(100);
    throttle.push(3);
    expect(sent).toEqual([1, 2]);
    vi.advanceTimersByTime(100);
    expect(sent).toEqual([1, 2, 3]);
  });

  it("sends what waits when it is flushed, and begins to count from there", () => {
    const { throttle, sent } = world();
    throttle.flush();
    throttle.push(1);
    throttle.flush();
    throttle.push(2);
    vi.advanceTimersByTime(60);
    throttle.flush();
    expect(sent).toEqual([1, 2]);
    throttle.push(3);
    vi.advanceTimersByTime(99);
    expect(sent).toEqual([1, 2]);
    vi.advanceTimersByTime(1);
    expect(sent).toEqual([1, 2, 3]);
  });

  it("forgets what waits when it is stopped, and may be used again", () => {
    const { throttle, sent } = world();
    throttle.push(1);
    throttle.push(2);
    throttle.stop();
    vi.advanceTimersByTime(1_000);
    expect(sent).toEqual([1]);
    throttle.push(3);
    expect(sent).toEqual([1, 3]);
  });
});
