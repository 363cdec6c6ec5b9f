import { describe, expect, it } from "vitest";
import { Destination } from "../src/ui/room/destination";
import { OPENED, toMessage, toNewest } from "../src/ui/room/place";

const at = (top: number, goal: number | null, believed = top) => ({ top, believed, goal });

function arrivedAt(end: number): Destination {
  const destination = new Destination();
  destination.send("end");
  for (let frame = 0; frame < 3; frame += 1) destination.step(at(end, end));
  destination.put(end);
  return destination;
}

describe("Destination", () => {
  it("has arrived only after it stood still where it was sent", () => {
    const destination = new Destination();
    destination.send("end");
    expect(destination.step(at(0, 3_000))).toBe("apply");
    expect(destination.step(at(3_000, 3_000, 0))).toBe("wait");
    expect(destination.step(at(3_000, 3_000))).toBe("wait");
    // Rows got their true heights.
    expect(destination.step(at(3_000, 3_750))).toBe("apply");
    expect(destination.step(at(3_750, 3_750))).toBe("wait");
    expect(destination.step(at(3_750, 3_750))).toBe("wait");
    expect(destination.arrived).toBe(false);
    expect(destination.step(at(3_750, 3_750))).toBe("done");
    expect(destination.arrived).toBe(true);
  });

  it("goes to the end again when an older page grew the list above", () => {
    const destination = arrivedAt(3_750);
    // The anchor was lost: the list grew, and it is scrolled where it was.
    expect(destination.found(3_750, 12_722)).toBe(false);
    destination.look();
    expect(destination.step(at(3_750, 12_722))).toBe("apply");
    for (const step of ["wait", "wait", "done"]) {
      expect(destination.step(at(12_722, 12_722))).toBe(step);
    }
    expect(destination.goal).toBe("end");
  });

  it("lets the person scroll away, and keeps to the end once they are back", () => {
    const destination = arrivedAt(3_750);
    expect(destination.found(3_700, 3_750)).toBe(true);
    destination.release();
    expect(destination.step(at(3_700, 3_750))).toBe("done");
    destination.keepAtEnd(3_700, 3_750);
    expect(destination.goal).toBeNull();
    destination.keepAtEnd(3_750, 3_750);
    expect(destination.goal).toBe("end");
    destination.release();
    expect(destination.step(at(0, 3_750))).toBe("done");
  });

  it("knows somebody's scrolling by the place alone, also while rows change their heights", () => {
    for (const end of [3_750, 3_790, 3_600]) {
      expect(arrivedAt(3_750).found(3_400, end)).toBe(true);
    }
  });

  it("is not kept from where it is sent by the tail of a gesture", () => {
    const destination = arrivedAt(3_750);
    destination.release();
    destination.send({ version: 7 });
    destination.put(1_200);
    // The wheel's smooth scrolling was still under way.
    expect(destination.found(1_000, 3_750)).toBe(false);
    expect(destination.step(at(1_000, 1_200))).toBe("apply");
  });

  it("takes neither its own scrolling nor the browser's for somebody's", () => {
    const destination = arrivedAt(3_750);
    destination.put(3_900);
    expect(destination.found(3_900, 4_100)).toBe(false);
    // Rows below went, so that the browser moved the list to its new end.
    expect(destination.found(3_500, 3_500)).toBe(false);
    expect(destination.found(3_500, 3_800)).toBe(false);
    expect(destination.step(at(3_500, 3_800))).toBe("apply");
    // Nothing is known of where it was when it is sent elsewhere.
    destination.send({ version: 7 });
    expect(destination.found(1_200, 3_800)).toBe(false);
  });

  it("lets go of a message once it is there, or where it is not loaded", () => {
    const destination = new Destination();
    destination.send({ version: 7 });
    expect(destination.step(at(0, 900))).toBe("apply");
    for (const step of ["wait", "wait", "done"]) expect(destination.step(at(900, 900))).toBe(step);
    expect(destination.goal).toBeNull();
    destination.send({ version: 8 });
    expect(destination.step(at(900, null))).toBe("done");
    expect(destination.goal).toBeNull();
  });

  it("does not keep a list from loading more for ever", () => {
    const destination = new Destination();
    destination.send("end");
    const steps = Array.from({ length: 400 }, () => destination.step(at(0, 100)));
    expect(steps.at(-1)).toBe("done");
    expect(destination.arrived).toBe(true);
  });
});

describe("Focus", () => {
  it("makes a new place of each jump, so that a second one to the newest is one too", () => {
    const first = toNewest(OPENED, true);
    const second = toNewest(first, true);
    expect(second.place).toEqual({ at: "end" });
    expect(second.place).not.toBe(first.place);
    expect(second.list).toBe(first.list);
  });

  it("begins another list where the place is in another stretch", () => {
    const jumped = toMessage(OPENED, 7, false);
    expect(jumped).toMatchObject({ at: 7, place: { at: 7 }, list: 1 });
    expect(toNewest(jumped, false)).toMatchObject({ at: null, list: 2 });
  });
});
