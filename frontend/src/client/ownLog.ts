/**
 * How far the person's own log is held.
 *
 * Its events come as pushes; what no push brought is asked for with a `sync`, alone a second after
 * the gap was found, or with the next one that asks for rooms.
 */
import type { Sync } from "../wire/client";

/** Milliseconds that a gap is given to close by itself; up to half as much again at random. */
export const GAP_WAIT = 1_000;
/** Milliseconds within which an answer to a `sync` is awaited. */
export const ANSWER_WITHIN = 15_000;

export interface OwnLogHooks {
  send(frame: Sync): boolean;
  newId(): string;
  random(): number;
  /** The person's own log went on before any of it was heard of: what it says has to be read. */
  ownUnknown(): void;
}

export class OwnLog {
  private isOpen = false;
  /** Version to which nothing is missing, once a frame told it. */
  private held: number | null = null;
  /** Id of the `sync` whose answer has what is missing. */
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

  /** True when a frame with events from `first` to `version` has news. */
  onUser(version: number, first = version): boolean {
    if (this.held !== null && version <= this.held) return false;
    const isNext = this.held === null || first <= this.held + 1;
    // An answer may leave out what is old: then it is all that there is to have.
    if (isNext || this.asked !== null) this.held = version;
    else this.expect(version);
    return true;
  }

  /** A `pong` told the log's head. */
  onHead(head: number): void {
    if (this.held === null) {
      this.held = head;
      this.hooks.ownUnknown();
    } else {
      this.expect(head);
    }
  }

  /** The last frame of an answer to this `sync` came. */
  onSynced(id: string): void {
    if (id === this.asked) this.answered();
  }

  /** A `sync` with this id asks for what is missing. */
  await(id: string): void {
    clearTimeout(this.timer);
    this.asked = id;
    // Without an answer the next ping finds again what is missing.
    this.timer = setTimeout(() => {
      this.answered();
    }, ANSWER_WITHIN);
  }

  /** The log is at `version`: if its push does not come, `sync` asks. */
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
