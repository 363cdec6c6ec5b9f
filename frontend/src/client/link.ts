/** A link that brings a guest to another device; its secret stands in the address's fragment. */

const LINK = /^#\/link\/([\w-]*)/u;

/**
 * The secret of the link that the page was opened with, or that came into its address later. It is
 * out of the address, and of the history's entry, at once: before anything is rendered, requested
 * or awaited. Nothing stores it.
 */
export class Links {
  private secret: string | null = null;
  private readonly listeners = new Set<() => void>();

  constructor() {
    this.take();
    addEventListener("hashchange", this.take);
  }

  /** Null if there is no link. */
  readonly get = (): string | null => this.secret;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => {
      this.listeners.delete(listener);
    };
  };

  /** The link was used, or is not wanted. */
  done(): void {
    this.put(null);
  }

  stop(): void {
    removeEventListener("hashchange", this.take);
  }

  private readonly take = (): void => {
    const secret = LINK.exec(location.hash)?.[1];
    if (secret === undefined) return;
    history.replaceState(null, "", `${location.pathname}#/`);
    if (secret !== "") this.put(secret);
  };

  private put(secret: string | null): void {
    this.secret = secret;
    for (const listener of this.listeners) listener();
  }
}
