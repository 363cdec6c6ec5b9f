/**
 * The chat of one person in one tab: wires connection, sync, outbox, history and store, and is
 * what the screens call. Each part knows nothing of the others.
 */
import { applyPresence, lapseTyping, setOnline, startTyping, TYPING_LAPSES } from "../store/people";
import { activate, attend, closedRoom, listRooms, loadSnapshot, markRead } from "../store/rooms";
import { initialState, withPeople, withRoom, type Me, type State } from "../store/state";
import { Store, type Scheduler } from "../store/store";
import type { Rooms, RoomSummary } from "../wire/http";
import type { RoomEvent } from "../wire/room-event";
import type { Notices } from "../wire/http";
import type { ServerFrame, User } from "../wire/server";
import { Again } from "./again";
import { ApiError, type Api } from "./api";
import { Batches } from "./batches";
import { Commands } from "./commands";
import { Directory } from "./directory";
import { Connection, type Socket } from "./connection";
import { History } from "./history";
import { Invitations } from "./invitations";
import { Outbox, type Command, type OutboxEntry } from "./outbox";
import { readingProblem } from "./problems";
import { ReadMarks } from "./reads";
import { RoomSync } from "./sync";
import { Toasts } from "./toasts";

export interface ChatDeps {
  readonly api: Api;
  readonly me: Me;
  readonly scheduler?: Scheduler;
  /** Whether the deployment asks for posts whose push serves as their ack. */
  readonly quietPosts: boolean;
  connect(url: string): Socket;
  loadOutbox(): readonly OutboxEntry[];
  saveOutbox(entries: readonly OutboxEntry[]): void;
  /** The session ended; the person has to enter again. */
  over(): void;
}

/** A lost push is found by the next ping: soon where somebody looks, cheaply where nobody does.
 * API Gateway closes a connection that was idle for ten minutes. */
const PING_SEEN = 2 * 60_000;
const PING_HIDDEN = 5 * 60_000;
/** At most one sign that the person types every 3 s (docs/protocol.md). */
const TYPING_EVERY = 3_000;
/** Rooms of a page of the person's own, the most that the server gives. */
const ROOMS_PAGE = 200;

export class Chat {
  readonly store: Store<State>;
  readonly commands: Commands;
  readonly history: History;
  readonly directory: Directory;
  readonly toasts: Toasts;
  /** For features, which read paths of their own. */
  readonly api: Api;
  private readonly invitations: Invitations;
  private readonly connection: Connection;
  private readonly sync: RoomSync;
  private readonly outbox: Outbox;
  private readonly reads: ReadMarks;
  private typed: { readonly room: string; readonly at: number } | null = null;
  private readonly batches: Batches;
  private listing: Promise<void> | null = null;
  private readonly retry = new Again(() => void this.refreshOwn());

  constructor(private readonly deps: ChatDeps) {
    this.api = deps.api;
    this.store = new Store(initialState(deps.me), deps.scheduler);
    this.history = new History(deps.api, this.store);
    this.directory = new Directory(deps.api, this.store, () => {
      deps.over();
    });
    this.toasts = new Toasts(this.store);
    this.invitations = new Invitations(deps.api, this.store);
    this.commands = new Commands(() => this.outbox, this.store, this.toasts);
    this.batches = new Batches(this.store);
    this.connection = new Connection({
      ticket: () => deps.api.ticket(),
      connect: (url) => deps.connect(url),
      opened: () => {
        this.sync.opened();
        this.outbox.opened();
        void this.refreshRooms();
        void this.invitations.refresh();
      },
      closed: () => {
        this.sync.closed();
        this.outbox.closed();
        // The next connection reads all of it.
        this.stopReading();
      },
      received: (frame) => {
        this.receive(frame);
      },
      pings: () => this.sync.pings(),
      pingEvery: () => (document.hidden ? PING_HIDDEN : PING_SEEN),
      changed: (connection) => {
        this.store.update((state) => ({ ...state, connection }));
      },
      over: () => {
        deps.over();
      },
      random: () => Math.random(),
    });
    this.sync = new RoomSync({
      send: (frame) => this.connection.send(frame),
      newId: () => crypto.randomUUID(),
      random: () => Math.random(),
      events: (room, events, people) => {
        this.take(room, events, people);
      },
      snapshot: (room, snapshot) => {
        this.batches.close(room);
        this.store.enqueue((state) => loadSnapshot(state, room, snapshot));
        this.outbox.reached(room, snapshot.version);
      },
      online: (room, users) => {
        this.store.enqueue((state) => setOnline(state, room, users));
      },
      refused: (room, code) => {
        this.store.enqueue((state) => withRoom(state, room, (old) => ({ ...old, refused: code })));
      },
      settled: (room) => {
        this.outbox.pump(room);
      },
      ownUnknown: () => {
        void this.refreshRooms();
        void this.invitations.refresh();
      },
    });
    this.outbox = new Outbox({
      send: (command) => this.connection.send(command),
      held: (room) => this.sync.version(room),
      quiet: (room) => deps.quietPosts && this.sync.live(room),
      changed: (outbox) => {
        this.store.enqueue((state) => ({ ...state, outbox }));
      },
      acked: (command, version) => {
        this.acked(command, version);
        this.commands.acked(command);
      },
      refused: (command, code, message, kept) => {
        this.commands.refused(command, code, message, kept);
      },
      newId: () => crypto.randomUUID(),
      load: () => deps.loadOutbox(),
      save: (entries) => {
        deps.saveOutbox(entries);
      },
    });
    this.reads = new ReadMarks((room, version) => {
      this.outbox.add({ action: "read", room, version });
    });
    this.store.subscribe(this.markSeen);
  }

  start(): void {
    addEventListener("online", this.onOnline);
    addEventListener("offline", this.onOffline);
    addEventListener("focus", this.onFocus);
    document.addEventListener("visibilitychange", this.onVisible);
    this.connection.start();
  }

  stop(): void {
    removeEventListener("online", this.onOnline);
    removeEventListener("offline", this.onOffline);
    removeEventListener("focus", this.onFocus);
    document.removeEventListener("visibilitychange", this.onVisible);
    this.connection.stop();
    this.reads.stop();
    this.stopReading();
  }

  notices(): Promise<Notices> {
    return this.deps.api.notices();
  }

  setNotices(mail: boolean): Promise<Notices> {
    return this.deps.api.setNotices(mail);
  }

  reconnect(): void {
    this.connection.retryNow();
  }

  /** Puts a room on the screen and reads it where it was not read before. */
  openRoom(room: string | null): void {
    const { active } = this.store.get();
    if (active !== null && active !== room) this.reads.left(active);
    this.store.update((state) => {
      const known =
        room === null || state.rooms.has(room)
          ? state
          : { ...state, rooms: new Map(state.rooms).set(room, closedRoom(room)) };
      return activate(known, room);
    });
    if (room === null) return;
    const { open, refused } = this.store.get().rooms.get(room) ?? closedRoom(room);
    // A room of the list was followed from its head, with nothing shown of what is before that.
    if (!open || refused !== null) this.reloadRoom(room);
  }

  reloadRoom(room: string): void {
    this.store.update((state) => withRoom(state, room, (old) => ({ ...old, refused: null })));
    this.sync.reload(room);
  }

  /** The person sees the newest message of the room, or not (any more). */
  attend(room: string, seen: boolean): void {
    this.store.update((state) =>
      seen ? attend(state, room) : state.attending === room ? attend(state, null) : state,
    );
  }

  /** A key was pressed in the room's composer. */
  type(room: string): void {
    const now = Date.now();
    if (this.typed?.room === room && now - this.typed.at < TYPING_EVERY) return;
    this.typed = { room, at: now };
    this.connection.send({ action: "typing", room });
  }

  /** Reads the lists of rooms again and follows those that the person is in. */
  refreshRooms(): Promise<void> {
    void this.directory.refresh();
    return this.refreshOwn();
  }

  private refreshOwn(): Promise<void> {
    this.listing ??= this.readRooms().finally(() => {
      this.listing = null;
    });
    return this.listing;
  }

  private readonly onOnline = (): void => {
    this.connection.retryNow();
  };

  private readonly onOffline = (): void => {
    this.connection.networkLost();
  };

  private readonly onFocus = (): void => {
    if (this.store.get().connection === "online") this.directory.renew();
  };

  private stopReading(): void {
    this.retry.stop();
    this.directory.stop();
    this.invitations.stop();
  }

  private readonly onVisible = (): void => {
    const { active } = this.store.get();
    if (!document.hidden) this.connection.check();
    // The tab may be about to go.
    else if (active !== null) this.reads.left(active);
  };

  private async readRooms(): Promise<void> {
    try {
      const rooms = await this.ownRooms();
      this.store.update((state) => listRooms(state, rooms, (room) => this.reads.readTo(room)));
      this.sync.follow(new Map(rooms.map((room) => [room.room, room.head])));
      for (const { room } of rooms) this.outbox.pump(room);
      this.retry.stop();
    } catch (error) {
      if (error instanceof ApiError && error.code === "unauthenticated") this.deps.over();
      // A lost connection is told elsewhere, and the next one reads all of it.
      else if (this.store.get().connection === "online" && this.retry.failed()) {
        this.toasts.show(readingProblem(error));
      }
    }
  }

  private async ownRooms(): Promise<RoomSummary[]> {
    const all: RoomSummary[] = [];
    let cursor: string | null = null;
    do {
      const page: Rooms = await this.deps.api.rooms(cursor, ROOMS_PAGE);
      all.push(...page.rooms);
      cursor = page.cursor;
    } while (cursor !== null);
    return all;
  }

  private receive(frame: ServerFrame): void {
    switch (frame.type) {
      case "ack":
        this.outbox.acked(frame.id, frame.version);
        break;
      case "error":
        if (frame.id) this.refused(frame.id, frame.code, frame.message);
        break;
      case "events":
        this.sync.onEvents(frame);
        break;
      case "synced":
        this.sync.onSynced(frame);
        break;
      case "user":
        if (this.sync.onUser(frame.version, frame.events[0]?.version)) this.takeOwn(frame);
        break;
      case "presence":
        this.store.enqueue((state) => applyPresence(state, frame));
        break;
      case "typing":
        this.store.enqueue((state) => startTyping(state, frame.room, frame.user, Date.now()));
        setTimeout(() => {
          this.store.enqueue((state) => lapseTyping(state, frame.room, Date.now()));
        }, TYPING_LAPSES + 50);
        break;
      case "pong":
        this.sync.onPong(frame);
        if (!document.hidden) this.directory.renew();
        break;
    }
  }

  private refused(id: string, code: string, message: string): void {
    this.outbox.refused(id, code, message);
    const { active } = this.store.get();
    // Else the room on the screen would stand still without a word until it is asked for again.
    if (active !== null && this.sync.asks(active, id)) {
      this.toasts.show(readingProblem(new ApiError(code, message)));
    }
  }

  private take(
    room: string,
    events: readonly RoomEvent[],
    people: Readonly<Record<string, string | null>>,
  ): void {
    if (Object.keys(people).length > 0) {
      this.store.enqueue((state) => withPeople(state, people));
    }
    if (events.length === 0) return;
    this.batches.add(room, events);
    this.history.witness(room, events);
    for (const event of events) {
      if (event.by === this.deps.me.id && event.id) this.outbox.seen(event.id, event.version);
      if (event.type === "MemberLeft" && event.data.user === this.deps.me.id) this.wasLeft(room);
    }
    this.outbox.reached(room, this.sync.version(room) ?? 0);
  }

  private takeOwn(frame: User): void {
    for (const event of frame.events) {
      if (event.type === "ReadMarked") {
        const { room, version } = event.data;
        this.store.enqueue((state) => markRead(state, room, version));
      } else if (event.type === "RoomGained" || event.type === "RoomLost") {
        void this.refreshRooms();
        // The room's own push of this may have been lost; a former member gets no later one.
        this.sync.expect(event.data.room, event.data.room_version);
        if (this.store.get().invitations.some(({ room }) => room === event.data.room)) {
          void this.invitations.refresh();
        }
      } else if (event.type === "RoomOffered" || event.type === "OfferClosed") {
        void this.invitations.refresh();
      }
    }
  }

  /** Pushes end with one's membership; a public room on the screen is then followed as a guest. */
  private wasLeft(room: string): void {
    const { rooms, active } = this.store.get();
    if (rooms.get(room)?.kind === "private") {
      this.sync.forget(room);
      void this.refreshRooms();
    } else if (active === room) {
      this.sync.renew(room);
    } else {
      this.sync.forget(room);
      this.store.enqueue((state) => withRoom(state, room, (old) => ({ ...old, open: null })));
    }
  }

  private readonly markSeen = (): void => {
    const { attending, rooms } = this.store.get();
    const room = attending === null ? undefined : rooms.get(attending);
    if (room?.last && room.role !== null) this.reads.saw(room.room, room.last.version);
  };

  private acked(command: Command, version: number): void {
    if (command.action === "read") return;
    if (command.action === "create_room" || command.action === "join") {
      void this.refreshRooms();
    }
    if (command.action === "join" || command.action === "decline") {
      this.invitations.answered(command.room);
    }
    this.sync.expect(command.room, version);
  }
}
