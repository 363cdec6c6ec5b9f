import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Again } from "../src/client/again";

describe("Again", () => {
  let read: ReturnType<typeof vi.fn<() => void>>;
  let again: Again;

  beforeEach(() => {
    vi.useFakeTimers();
    read = vi.fn();
    again = new Again(read, () => 1);
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it("waits longer after each failure, up to ten seconds", () => {
    for (const wait of [2_000, 4_000, 8_000, 10_000, 10_000]) {
      again.failed();
      vi.advanceTimersByTime(wait - 1);
      expect(read).not.toHaveBeenCalled();
      vi.advanceTimersByTime(1);
      expect(read).toHaveBeenCalledOnce();
      read.mockClear();
    }
  });

  it("plans one reading, however many failed", () => {
    expect(again.failed()).toBe(true);
    expect(again.failed()).toBe(false);
    vi.advanceTimersByTime(60_000);
    expect(read).toHaveBeenCalledOnce();
  });

  it("plans none once it is stopped, and begins with the short wait again", () => {
    again.failed();
    again.failed();
    again.stop();
    vi.advanceTimersByTime(60_000);
    expect(read).not.toHaveBeenCalled();
    expect(again.failed()).toBe(true);
    vi.advanceTimersByTime(2_000);
    expect(read).toHaveBeenCalledOnce();
  });

  it("reads at once where that helps, and only what is planned", () => {
    again.now();
    expect(read).not.toHaveBeenCalled();
    again.failed();
    again.now();
    expect(read).toHaveBeenCalledOnce();
    again.now();
    vi.advanceTimersByTime(60_000);
    expect(read).toHaveBeenCalledOnce();
  });
});
