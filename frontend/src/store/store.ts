/**
 * A value that React reads. Changes are queued and applied once per animation frame, so that
 * thousands of pushes a second cost one render per frame.
 */
export type Recipe<T> = (state: T) => T;

export interface Scheduler {
  /** Runs the callback soon, once; returns a function that cancels it. */
  soon(callback: () => void): () => void;
}

/** The next frame, or 100 ms if frames have stopped because the tab is hidden. */
export const frameScheduler: Scheduler = {
  soon(callback) {
    const cancel = () => {
      cancelAnimationFrame(frame);
      clearTimeout(timer);
    };
    const run = () => {
      cancel();
      callback();
    };
    const frame = requestAnimationFrame(run);
    const timer = setTimeout(run, 100);
    return cancel;
  },
};

export class Store<T> {
  private readonly listeners = new Set<() => void>();
  private queue: Recipe<T>[] = [];
  private cancel: (() => void) | null = null;

  constructor(
    private state: T,
    private readonly scheduler: Scheduler = frameScheduler,
  ) {}

  readonly get = (): T => this.state;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  /** Applies the recipe with the next frame, in order of the calls. */
  enqueue(recipe: Recipe<T>): void {
    this.queue.push(recipe);
    this.cancel ??= this.scheduler.soon(() => {
      this.flush();
    });
  }

  /**
   * Applies the recipe, and all waiting ones before it, now: the person's action is shown at once.
   */
  update(recipe: Recipe<T>): void {
    this.queue.push(recipe);
    this.flush();
  }

  flush(): void {
    this.cancel?.();
    this.cancel = null;
    const recipes = this.queue;
    this.queue = [];
    const before = this.state;
    for (const recipe of recipes) this.state = recipe(this.state);
    if (this.state === before) return;
    for (const listener of this.listeners) listener();
  }
}
