/** The rooms that the person can join, as the server finds them, page by page. */
import { listDirectory } from "../store/directory";
import type { State } from "../store/state";
import type { Store } from "../store/store";
import type { Rooms, RoomSummary } from "../wire/http";
import { Again } from "./again";
import { ApiError } from "./api";

export interface DirectoryApi {
  directory(query: string, cursor: string | null, limit: number): Promise<Rooms>;
}

/** Pause in typing, in ms, before the server is asked. */
const PAUSE = 250;
const PAGE = 100;
/** Number of rooms at which a read stops: a page may be short and have more after it. */
const WANTED = 60;
/** Maximum of requests of one read; the server checks 500 rooms in each. */
const REQUESTS = 5;
/** A result is fresh for this long (ms), however often a window gets the focus. */
const FRESH = 20_000;

export class Directory {
  private query = "";
  /** Number of the latest read: results of earlier ones are dropped. */
  private turn = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;
  /** When the latest read from the beginning succeeded, in ms of the clock. */
  private readAt = 0;
  private readonly retry = new Again(() => void this.refresh());

  constructor(
    private readonly api: DirectoryApi,
    private readonly store: Store<State>,
    private readonly over: () => void,
  ) {}

  /** Finds rooms by name or id, once typing has paused. */
  search(query: string): void {
    const wanted = query.trim();
    if (wanted === this.query) return;
    this.query = wanted;
    this.turn += 1;
    this.searching(true);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.read(null, WANTED), wanted === "" ? 0 : PAUSE);
  }

  /** Reads the shown list again: rooms may have been added or removed. */
  refresh(): Promise<void> {
    clearTimeout(this.timer);
    return this.read(null, Math.max(WANTED, this.store.get().directory.rooms.length));
  }

  /** Reads again unless it was read a moment ago: nothing else announces new rooms. */
  renew(): void {
    const { searching } = this.store.get().directory;
    if (!searching && Date.now() - this.readAt >= FRESH) void this.refresh();
  }

  /** Continues where the last read ended. */
  async more(): Promise<void> {
    const { cursor, searching } = this.store.get().directory;
    if (cursor !== null && !searching) await this.read(cursor, WANTED);
  }

  stop(): void {
    clearTimeout(this.timer);
    this.retry.stop();
    this.turn += 1;
  }

  private async read(from: string | null, wanted: number): Promise<void> {
    const turn = (this.turn += 1);
    const query = this.query;
    this.searching(true);
    const found: RoomSummary[] = [];
    let cursor = from;
    try {
      for (let requests = 0; requests < REQUESTS; requests += 1) {
        const page = await this.api.directory(query, cursor, PAGE);
        if (turn !== this.turn) return;
        found.push(...page.rooms);
        cursor = page.cursor;
        if (cursor === null || found.length >= wanted) break;
      }
      if (from === null) {
        this.readAt = Date.now();
        this.retry.stop();
      }
      this.store.update((state) => listDirectory(state, query, found, cursor, from !== null));
    } catch (error) {
      if (turn !== this.turn) return;
      // Earlier results stay.
      this.searching(false);
      if (error instanceof ApiError && error.code === "unauthenticated") this.over();
      else if (from === null) this.retry.failed();
    }
  }

  private searching(searching: boolean): void {
    this.store.update((state) =>
      state.directory.searching === searching
        ? state
        : { ...state, directory: { ...state.directory, searching } },
    );
  }
}
