/**
 * Where a list is going, and whether it is there. Rows get their true heights only once they are
 * shown, and older pages come in meanwhile, so a list is on its way until it stood still where it
 * was sent for some frames. One that was sent to its end is kept there until somebody scrolls.
 *
 * Somebody scrolled where the list is neither where it was put nor at its end, to which the
 * browser moves what would stand beyond it. No gesture is needed for that: a screen reader, a
 * search in the page and the focus that moves scroll by script.
 */
export type Goal = "end" | { readonly version: number };

export interface Position {
  /** Where the element is scrolled to. */
  readonly top: number;
  /** Where the virtual list believes that it is. */
  readonly believed: number;
  /** Where the goal is now; null where it is not loaded. */
  readonly goal: number | null;
}

/** `apply`: scroll there again; `wait`: look again in the next frame; `done`: stop looking. */
export type Step = "apply" | "wait" | "done";

/** Pixels that do not count: browsers round. */
const NEAR = 2;
const STEADY_FRAMES = 3;
/** After so many frames the list stays where it is, for nothing may keep it from loading more. */
const MOST_FRAMES = 300;

export class Destination {
  /** True once the list has been where it was first sent, or somebody scrolled. */
  arrived = false;
  goal: Goal | null = null;
  private steady = 0;
  private frames = 0;
  /** Where it was put or found last; null where that is not known. */
  private known: number | null = null;
  /** True once it has been at its goal: what moves it before may be a gesture's tail. */
  private reached = false;

  send(goal: Goal): void {
    this.goal = goal;
    this.known = null;
    this.reached = false;
    this.look();
  }

  /** The list scrolled itself, and that is where it came to. */
  put(top: number): void {
    this.known = top;
  }

  /** Something changed: looks anew whether the list is where it should be. */
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

  /** The element is at `top`. True where somebody scrolled it there, away from its goal. */
  found(top: number, end: number): boolean {
    const own = this.known === null || Math.abs(top - this.known) <= NEAR || top >= end - NEAR;
    this.known = top;
    return !own && this.reached && this.goal !== null;
  }

  /** Whoever comes to the end by themselves is kept there. */
  keepAtEnd(top: number, end: number): void {
    if (this.goal !== null || !this.arrived || top < end - NEAR) return;
    this.goal = "end";
    this.reached = true;
  }
}
