/** The browser's events about the page: network changes, and visibility of the tab. */
export interface PageHooks {
  online(): void;
  offline(): void;
  focused(): void;
  shown(): void;
  /** The page may be closed soon. */
  hidden(): void;
}

export class PageEvents {
  constructor(private readonly hooks: PageHooks) {}

  start(): void {
    addEventListener("online", this.onOnline);
    addEventListener("offline", this.onOffline);
    addEventListener("focus", this.onFocus);
    document.addEventListener("visibilitychange", this.onVisible);
  }

  stop(): void {
    removeEventListener("online", this.onOnline);
    removeEventListener("offline", this.onOffline);
    removeEventListener("focus", this.onFocus);
    document.removeEventListener("visibilitychange", this.onVisible);
  }

  private readonly onOnline = (): void => {
    this.hooks.online();
  };

  private readonly onOffline = (): void => {
    this.hooks.offline();
  };

  private readonly onFocus = (): void => {
    this.hooks.focused();
  };

  private readonly onVisible = (): void => {
    if (document.hidden) this.hooks.hidden();
    else this.hooks.shown();
  };
}
