/** Repeats a reading that failed, ever more seldom, until one succeeds. */
import { backoff } from "./backoff";

/** The first wait is up to 2 s; a refused person has a read again after a fifth of a second. */
const SKIPPED = 3;

export class Again {
  private failures = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private read: () => void,
    private readonly random: () => number = () => Math.random(),
  ) {}

  /** From now on this is how to read. */
  reads(read: () => void): void {
    this.read = read;
  }

  /** Plans the next reading; true where it is the first failure since a success. */
  failed(): boolean {
    clearTimeout(this.timer);
    this.timer = setTimeout(
      () => {
        this.timer = undefined;
        this.read();
      },
      backoff(this.failures + SKIPPED, this.random),
    );
    this.failures += 1;
    return this.failures === 1;
  }

  /** What is planned is done at once: the network is back, or somebody asked. */
  now(): void {
    if (this.timer === undefined) return;
    clearTimeout(this.timer);
    this.timer = undefined;
    this.read();
  }

  /** A reading succeeded, or nobody waits for one: nothing is planned any more. */
  stop(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.failures = 0;
  }
}
