/**
 * The scroll destination of a list, and whether the list has reached it. Rows get their real
 * heights only when they are shown, and older pages arrive in the meantime, so a list is moving
 * until it stays at its destination for some frames. A list that was sent to its end is kept there
 * until the person scrolls.
 *
 * The person scrolled if the list is neither where it was put nor at its end, to which the browser
 * moves positions beyond it. This does not depend on gestures: a screen reader, a search in the
 * page and a moving focus scroll by script.
 */
export type Goal = "end" | { readonly version: number };

export interface Position {
  /** The element's scroll position. */
  readonly top: number;
  /** The position according to the virtual list. */
  readonly believed: number;
  /** The current position of the destination; null if it is not loaded. */
  readonly goal: number | null;
}

/** `apply`: scroll there again; `wait`: check again in the next frame; `done`: stop checking. */
export type Step = "apply" | "wait" | "done";

/** Tolerance in pixels, because browsers round. */
const NEAR = 2;
const STEADY_FRAMES = 3;
/** After this many frames the list stays where it is, because it must be able to load more. */
const MOST_FRAMES = 300;

export class Destination {
  /** True once the list has reached its first destination, or the person scrolled. */
  arrived = false;
  goal: Goal | null = null;
  private steady = 0;
  private frames = 0;
  /** Its last known position; null if unknown. */
  private known: number | null = null;
  /** True once it has been at its destination: an earlier movement may be the end of a gesture. */
  private reached = false;

  send(goal: Goal): void {
    this.goal = goal;
    this.known = null;
    this.reached = false;
    this.look();
  }

  /** The list scrolled itself to this position. */
  put(top: number): void {
    this.known = top;
  }

  /** Something changed: checks again whether the list is where it should be. */
  look(): void {
    this.steady = 0;
    this.frames = 0;
  }

  step({ top, believed, goal }: Position): Step {
    if (this.goal === null) return "done";
    this.frames += 1;
    if (goal === null || this.frames > MOST_FRAMES) {
      this.release();
      return "done";
    }
    if (Math.abs(top - goal) > NEAR) {
      this.steady = 0;
      return "apply";
    }
    this.steady = Math.abs(top - believed) > NEAR ? 0 : this.steady + 1;
    if (this.steady < STEADY_FRAMES) return "wait";
    this.arrived = true;
    this.reached = true;
    if (this.goal !== "end") this.goal = null;
    return "done";
  }

  /** The person takes over. */
  release(): void {
    this.goal = null;
    this.arrived = true;
  }

  /** The element is at `top`. True if the person scrolled it there, away from its destination. */
  found(top: number, end: number): boolean {
    const own = this.known === null || Math.abs(top - this.known) <= NEAR || top >= end - NEAR;
    this.known = top;
    return !own && this.reached && this.goal !== null;
  }

  /** A person who scrolls to the end is kept there. */
  keepAtEnd(top: number, end: number): void {
    if (this.goal !== null || !this.arrived || top < end - NEAR) return;
    this.goal = "end";
    this.reached = true;
  }
}
