/** The list of the person's own rooms: one read at a time, repeated after a failure. */
import { listRooms } from "../store/rooms";
import type { State } from "../store/state";
import type { Store } from "../store/store";
import type { Rooms, RoomSummary } from "../wire/http";
import { Again } from "./again";
import { ApiError, type Api } from "./api";
import { readingProblem } from "./problems";
import type { Toasts } from "./toasts";

/** Rooms per page of the person's own rooms, the server's maximum. */
const ROOMS_PAGE = 200;

export interface OwnRoomsHooks {
  /** The version up to which the person has read the room in this tab. */
  readTo(room: string): number;
  /** The list was read. */
  listed(rooms: readonly RoomSummary[]): void;
  /** The session ended. */
  over(): void;
}

export class OwnRooms {
  private listing: Promise<void> | null = null;
  /** Whether a caller asked since the running read began. */
  private stale = false;
  private readonly retry = new Again(() => void this.refresh());

  constructor(
    private readonly api: Api,
    private readonly store: Store<State>,
    private readonly toasts: Toasts,
    private readonly hooks: OwnRoomsHooks,
  ) {}

  /** Reads the list again; a call during a read repeats the read once. */
  refresh(): Promise<void> {
    this.stale = true;
    this.listing ??= this.readWhileStale().finally(() => {
      this.listing = null;
    });
    return this.listing;
  }

  /** Nothing is read again until the next call. */
  stop(): void {
    this.retry.stop();
  }

  private async readWhileStale(): Promise<void> {
    while (this.stale) {
      // Other callers in this turn share the same read.
      await Promise.resolve();
      this.stale = false;
      await this.read();
    }
  }

  private async read(): Promise<void> {
    try {
      const rooms = await this.pages();
      this.store.update((state) => listRooms(state, rooms, (room) => this.hooks.readTo(room)));
      this.hooks.listed(rooms);
      this.retry.stop();
    } catch (error) {
      if (error instanceof ApiError && error.code === "unauthenticated") this.hooks.over();
      // A lost connection is reported elsewhere, and the next connection reads everything.
      else if (this.store.get().connection === "online" && this.retry.failed()) {
        this.toasts.show(readingProblem(error));
      }
    }
  }

  private async pages(): Promise<RoomSummary[]> {
    const all: RoomSummary[] = [];
    let cursor: string | null = null;
    do {
      const page: Rooms = await this.api.rooms(cursor, ROOMS_PAGE);
      all.push(...page.rooms);
      cursor = page.cursor;
    } while (cursor !== null);
    return all;
  }
}
