/** Repeats a failed read, with growing pauses, until one succeeds. */
import { backoff } from "./backoff";

/**
 * The first wait is up to 2 s; a person over the limit may read again after a fifth of a second.
 */
const SKIPPED = 3;

export class Again {
  private failures = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private read: () => void,
    private readonly random: () => number = () => Math.random(),
  ) {}

  /** Sets the function that reads. */
  reads(read: () => void): void {
    this.read = read;
  }

  /** Plans the next read; true if this is the first failure since a success. */
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

  /** Does a planned read at once: the network is back, or a caller needs it. */
  now(): void {
    if (this.timer === undefined) return;
    clearTimeout(this.timer);
    this.timer = undefined;
    this.read();
  }

  /** A read succeeded, or nobody waits for one: nothing is planned any more. */
  stop(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.failures = 0;
  }
}
