/** Repeats a reading that failed, ever more seldom, until one succeeds. */
import { backoff } from "./backoff";

/** The first wait is up to 2 s; a refused person has a read again after a fifth of a second. */
const SKIPPED = 3;

export class Again {
  private failures = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly read: () => void,
    private readonly random: () => number = () => Math.random(),
  ) {}

  /** Plans the next reading; true where it is the first failure since a success. */
  failed(): boolean {
    clearTimeout(this.timer);
    this.timer = setTimeout(this.read, backoff(this.failures + SKIPPED, this.random));
    this.failures += 1;
    return this.failures === 1;
  }

  /** A reading succeeded, or nobody waits for one: nothing is planned any more. */
  stop(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.failures = 0;
  }
}
