/**
 * Keeps each room's log without gaps.
 *
 * Pushes of a room wait until its `synced` arrives, then those at or below the held version are
 * dropped. A push that is ahead waits a second, with jitter, for those before it; then `sync`
 * requests them. The same happens after a `pong` with a version that no push brought.
 */
import type { Ping } from "../wire/client";
import type { RoomEvent } from "../wire/room-event";
import type { Events, Pong, Snapshot, Synced, SyncedRoom } from "../wire/server";
import { ANSWER_WITHIN, GAP_WAIT, OwnLog, type OwnLogHooks } from "./ownLog";

type People = Readonly<Record<string, string | null>>;

export interface SyncHooks extends OwnLogHooks {
  /** Events that follow the held version without a gap. */
  events(room: string, events: readonly RoomEvent[], people: People): void;
  snapshot(room: string, snapshot: Snapshot): void;
  online(room: string, users: readonly string[]): void;
  refused(room: string, code: string): void;
  /** The room is held up to its head. */
  settled(room: string): void;
}

interface RoomLog {
  version: number | null;
  held: RoomEvent[];
  /** Id of the `sync` whose answer is awaited, or null when the room is live. */
  asked: string | null;
  timer: ReturnType<typeof setTimeout> | undefined;
}

/** Rooms in one frame, so that it stays under 32 KB with the longest ids. */
const ROOMS_A_FRAME = 200;
/** Rooms in one ping (docs/protocol.md). */
const ROOMS_A_PING = 100;

export class RoomSync {
  private readonly logs = new Map<string, RoomLog>();
  private isOpen = false;
  private readonly own: OwnLog;

  constructor(private readonly hooks: SyncHooks) {
    this.own = new OwnLog(hooks);
  }

  version(room: string): number | null {
    return this.logs.get(room)?.version ?? null;
  }

  /**
   * Whether pushes of the room arrive and are shown at once: it is held up to its head, without a
   * gap.
   */
  live(room: string): boolean {
    const log = this.logs.get(room);
    if (!this.isOpen || !log || log.version === null || log.asked !== null) return false;
    // Neither ahead of the held version nor waiting for events that no push brought.
    return log.held.length === 0 && log.timer === undefined;
  }

  /** Whether the room waits for the answer to this `sync`; without one it is sent again. */
  asks(room: string, id: string): boolean {
    return this.logs.get(room)?.asked === id;
  }

  /**
   * Follows rooms from the given versions (null for a snapshot); rooms that are already followed do
   * not change.
   */
  follow(rooms: ReadonlyMap<string, number | null>): void {
    const added: string[] = [];
    for (const [room, version] of rooms) {
      if (this.logs.has(room)) continue;
      this.logs.set(room, { version, held: [], asked: null, timer: undefined });
      added.push(room);
    }
    this.ask(added);
  }

  /** Starts a room again with a snapshot. */
  reload(room: string): void {
    this.forget(room);
    this.follow(new Map([[room, null]]));
  }

  /** Requests the room's missing events again. */
  renew(room: string): void {
    if (this.logs.has(room)) this.ask([room]);
  }

  forget(room: string): void {
    clearTimeout(this.logs.get(room)?.timer);
    this.logs.delete(room);
  }

  opened(): void {
    this.isOpen = true;
    this.own.opened();
    this.ask([...this.logs.keys()]);
  }

  closed(): void {
    this.isOpen = false;
    for (const log of this.logs.values()) {
      clearTimeout(log.timer);
      log.timer = undefined;
      log.held = [];
    }
    this.own.closed();
  }

  /** True if a frame of the person's own log, from `first` to `version`, has new events. */
  onUser(version: number, first?: number): boolean {
    return this.own.onUser(version, first);
  }

  /** The content of a ping: the versions held of live rooms. */
  pings(): Ping[] {
    const rooms: [string, number][] = [];
    for (const [room, { version, asked }] of this.logs) {
      if (asked === null && version !== null) rooms.push([room, version]);
    }
    const pings: Ping[] = [];
    for (let start = 0; start === 0 || start < rooms.length; start += ROOMS_A_PING) {
      pings.push({
        action: "ping",
        rooms: Object.fromEntries(rooms.slice(start, start + ROOMS_A_PING)),
        ...(start === 0 ? { user: this.own.version ?? 0 } : {}),
      });
    }
    return pings;
  }

  onPong({ heads, user }: Pong): void {
    for (const [room, head] of Object.entries(heads ?? {})) this.expect(room, head);
    if (user !== undefined && user !== null) this.own.onHead(user);
  }

  onEvents(frame: Events): void {
    const log = this.logs.get(frame.room);
    if (!log) return;
    // Names are valid even if their events wait.
    this.hooks.events(frame.room, [], frame.people);
    log.held.push(...frame.events);
    if (log.asked === null) this.drain(frame.room, log);
  }

  onSynced(frame: Synced): void {
    if (frame.more !== true) this.own.onSynced(frame.id);
    for (const [room, part] of Object.entries(frame.rooms)) {
      const log = this.logs.get(room);
      if (log?.asked === frame.id) this.take(room, log, part, frame.id);
    }
  }

  /** The server acknowledged `version`: if its push does not arrive, there is a gap. */
  expect(room: string, version: number): void {
    const log = this.logs.get(room);
    if (log?.asked === null && (log.version ?? 0) < version) this.waitForGap(room, log);
  }

  private take(room: string, log: RoomLog, part: SyncedRoom, id: string): void {
    if (part.error === "room_busy") {
      // The server is preparing the room: the request is repeated.
      this.again(room, log);
      return;
    }
    if (part.error) {
      this.forget(room);
      this.hooks.refused(room, part.error);
      return;
    }
    if (part.snapshot) {
      log.version = part.snapshot.version;
      this.hooks.snapshot(room, part.snapshot);
    }
    if (part.events) {
      this.hooks.events(room, [], part.people ?? {});
      this.accept(room, log, part.events);
    }
    // The receiver of the events may have dropped the room, or sent a request again.
    if (this.logs.get(room) !== log || log.asked !== id) return;
    if (part.online) this.hooks.online(room, part.online);
    if (!part.snapshot && part.complete !== true) return;
    clearTimeout(log.timer);
    log.timer = undefined;
    log.asked = null;
    this.drain(room, log);
    this.hooks.settled(room);
  }

  private drain(room: string, log: RoomLog): void {
    const waiting = log.held;
    log.held = this.accept(room, log, waiting);
    // The receiver of the events may have dropped the room, or sent a request: then its answer is
    // awaited.
    if (this.logs.get(room) !== log || log.asked !== null) return;
    if (log.held.length > 0) {
      this.waitForGap(room, log);
    } else if (waiting.length > 0) {
      clearTimeout(log.timer);
      log.timer = undefined;
    }
  }

  /** Passes on the events that follow the held version; returns those that are ahead of it. */
  private accept(room: string, log: RoomLog, events: readonly RoomEvent[]): RoomEvent[] {
    const next: RoomEvent[] = [];
    const ahead: RoomEvent[] = [];
    for (const event of [...events].sort((a, b) => a.version - b.version)) {
      const held = log.version ?? 0;
      if (event.version <= held) continue;
      if (event.version === held + 1) {
        log.version = event.version;
        next.push(event);
      } else {
        ahead.push(event);
      }
    }
    if (next.length > 0) this.hooks.events(room, next, {});
    return ahead;
  }

  private again(room: string, log: RoomLog): void {
    clearTimeout(log.timer);
    log.timer = undefined;
    this.waitForGap(room, log);
  }

  private waitForGap(room: string, log: RoomLog): void {
    log.timer ??= setTimeout(
      () => {
        log.timer = undefined;
        this.ask([room]);
      },
      GAP_WAIT * (1 + this.hooks.random() / 2),
    );
  }

  private ask(rooms: readonly string[]): void {
    if (!this.isOpen) return;
    const user = this.own.version;
    for (let start = 0; start < rooms.length; start += ROOMS_A_FRAME) {
      const some = rooms.slice(start, start + ROOMS_A_FRAME);
      const id = this.hooks.newId();
      for (const room of some) this.await(room, id);
      if (start === 0 && user !== null) this.own.await(id);
      this.hooks.send({
        action: "sync",
        id,
        rooms: Object.fromEntries(some.map((room) => [room, this.version(room)])),
        ...(start === 0 && user !== null ? { user } : {}),
      });
    }
  }

  private await(room: string, id: string): void {
    const log = this.logs.get(room);
    if (!log) return;
    clearTimeout(log.timer);
    log.asked = id;
    log.timer = setTimeout(() => {
      log.timer = undefined;
      this.ask([room]);
    }, ANSWER_WITHIN);
  }
}
