/** Sends the newest value at once, then at most one every `every` milliseconds. */
export class Throttle<T> {
  private timer: ReturnType<typeof setTimeout> | undefined;
  private waiting: { readonly value: T } | null = null;

  constructor(
    private readonly every: number,
    private readonly send: (value: T) => void,
  ) {}

  push(value: T): void {
    if (this.timer !== undefined) {
      this.waiting = { value };
      return;
    }
    this.send(value);
    this.timer = setTimeout(() => {
      this.timer = undefined;
      const { waiting } = this;
      this.waiting = null;
      if (waiting) this.push(waiting.value);
    }, this.every);
  }

  /** Sends the waiting value now. */
  flush(): void {
    const { waiting } = this;
    if (!waiting) return;
    this.stop();
    this.push(waiting.value);
  }

  stop(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.waiting = null;
  }
}
