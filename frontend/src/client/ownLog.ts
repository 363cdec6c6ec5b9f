/**
 * Tracks the held version of the person's own log.
 *
 * Its events arrive as pushes; missing events are requested with a `sync`, a second after the gap
 * was found, or together with the next `sync` of rooms.
 */
import type { Sync } from "../wire/client";

/** Milliseconds to wait for a gap to close by itself; plus up to half of it at random. */
export const GAP_WAIT = 1_000;
/** Milliseconds to wait for the answer to a `sync`. */
export const ANSWER_WITHIN = 15_000;

export interface OwnLogHooks {
  send(frame: Sync): boolean;
  newId(): string;
  random(): number;
  /** The person's own log has grown before any of its events arrived: it must be read. */
  ownUnknown(): void;
}

export class OwnLog {
  private isOpen = false;
  /** Version up to which nothing is missing, once a frame contained it. */
  private held: number | null = null;
  /** Id of the `sync` that requests the missing events. */
  private asked: string | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly hooks: OwnLogHooks) {}

  get version(): number | null {
    return this.held;
  }

  opened(): void {
    this.isOpen = true;
  }

  closed(): void {
    this.isOpen = false;
    this.answered();
  }

  /** True if a frame with events from `first` to `version` has new events. */
  onUser(version: number, first = version): boolean {
    if (this.held !== null && version <= this.held) return false;
    const isNext = this.held === null || first <= this.held + 1;
    // An answer may leave out old events: then there are no more to request.
    if (isNext || this.asked !== null) this.held = version;
    else this.expect(version);
    return true;
  }

  /** A `pong` contained the log's head. */
  onHead(head: number): void {
    if (this.held === null) {
      this.held = head;
      this.hooks.ownUnknown();
    } else {
      this.expect(head);
    }
  }

  /** The last frame of an answer to this `sync` arrived. */
  onSynced(id: string): void {
    if (id === this.asked) this.answered();
  }

  /** A `sync` with this id requests the missing events. */
  await(id: string): void {
    clearTimeout(this.timer);
    this.asked = id;
    // Without an answer, the next ping finds the missing events again.
    this.timer = setTimeout(() => {
      this.answered();
    }, ANSWER_WITHIN);
  }

  /** The log is at `version`: if its push does not arrive, `sync` requests it. */
  private expect(version: number): void {
    this.timer ??= setTimeout(
      () => {
        this.timer = undefined;
        if (!this.isOpen || this.held === null || this.held >= version) return;
        const id = this.hooks.newId();
        this.await(id);
        this.hooks.send({ action: "sync", id, rooms: {}, user: this.held });
      },
      GAP_WAIT * (1 + this.hooks.random() / 2),
    );
  }

  private answered(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.asked = null;
  }
}
