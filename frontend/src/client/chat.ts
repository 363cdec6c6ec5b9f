/**
 * The chat of one person in one tab: wires connection, sync, outbox, history and store; the screens
 * call it. The parts do not know each other.
 *
 * Over 300 lines: the composition root of a tab, where each part is made and connected once.
 */
import { setOnline, nobodyOnline } from "../store/people";
import { withOutbox } from "../store/pending";
import { activate, attend, closedRoom, loadSnapshot } from "../store/rooms";
import { initialState, withRoom, type Me, type State } from "../store/state";
import { Store, type Scheduler } from "../store/store";
import type { Notices } from "../wire/http";
import type { Api } from "./api";
import { Batches } from "./batches";
import { Commands } from "./commands";
import { Directory } from "./directory";
import { Connection, type Socket } from "./connection";
import { History } from "./history";
import { Incoming } from "./incoming";
import { Invitations } from "./invitations";
import { Membership } from "./membership";
import type { Keeper } from "./keeper";
import { Outbox, type Command, type OutboxEntry } from "./outbox";
import { OwnRooms } from "./ownRooms";
import { PageEvents } from "./pageEvents";
import { ReadMarks } from "./reads";
import { RoomSync } from "./sync";
import { Toasts } from "./toasts";
import { TypingSign } from "./typing";

export interface ChatDeps {
  readonly api: Api;
  readonly me: Me;
  readonly scheduler?: Scheduler;
  /** Whether the deployment uses posts whose push serves as their ack. */
  readonly quietPosts: boolean;
  connect(url: string): Socket;
  loadOutbox(): readonly OutboxEntry[];
  saveOutbox(entries: readonly OutboxEntry[]): void;
  /** Keeps the outbox beyond the tab; absent if the browser cannot. */
  readonly keeper?: Keeper | null;
  /** The session ended; the person must enter again. */
  over(): void;
}

/**
 * The next ping finds a lost push: soon while the tab is visible, cheaply while it is not. API
 * Gateway closes a connection that was idle for ten minutes.
 */
const PING_SEEN = 2 * 60_000;
const PING_HIDDEN = 5 * 60_000;

export class Chat {
  readonly store: Store<State>;
  readonly commands: Commands;
  readonly history: History;
  readonly directory: Directory;
  readonly toasts: Toasts;
  /** For features, which read their own paths. */
  readonly api: Api;
  private readonly invitations: Invitations;
  private readonly connection: Connection;
  private readonly sync: RoomSync;
  private readonly outbox: Outbox;
  private readonly reads: ReadMarks;
  private readonly typing: TypingSign;
  private readonly batches: Batches;
  private readonly ownRooms: OwnRooms;
  private readonly incoming: Incoming;
  private readonly page: PageEvents;

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
    this.typing = new TypingSign(this.store, (room) => {
      this.connection.send({ action: "typing", room });
    });
    this.connection = new Connection({
      ticket: () => deps.api.ticket(),
      connect: (url) => deps.connect(url),
      opened: () => {
        this.sync.opened();
        this.outbox.opened();
        this.history.wake();
        this.adopt();
        void this.refreshRooms();
        void this.invitations.refresh();
      },
      closed: () => {
        this.sync.closed();
        this.outbox.closed();
        this.store.enqueue(nobodyOnline);
        // The next connection reads all of it.
        this.stopReading();
      },
      received: (frame) => {
        this.incoming.receive(frame);
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
        this.incoming.events(room, events, people);
      },
      snapshot: (room, snapshot) => {
        this.batches.close(room);
        this.store.enqueue((state) => loadSnapshot(state, room, snapshot));
        this.outbox.reached(room, snapshot.version);
        this.history.notices(room, snapshot).catch(() => undefined);
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
        this.store.enqueue((state) => withOutbox(state, outbox));
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
        deps.keeper?.save(entries.map((entry) => this.stamped(entry)));
      },
    });
    this.reads = new ReadMarks((room, version) => {
      this.outbox.add({ action: "read", room, version });
    });
    this.ownRooms = new OwnRooms(deps.api, this.store, this.toasts, {
      readTo: (room) => this.reads.readTo(room),
      listed: (rooms) => {
        this.sync.follow(new Map(rooms.map((room) => [room.room, room.head])));
        for (const { room } of rooms) this.outbox.pump(room);
      },
      over: () => {
        deps.over();
      },
    });
    this.incoming = new Incoming({
      me: deps.me.id,
      store: this.store,
      sync: this.sync,
      outbox: this.outbox,
      batches: this.batches,
      history: this.history,
      directory: this.directory,
      membership: new Membership(this.store, this.sync, this.invitations, () => {
        void this.refreshRooms();
      }),
      toasts: this.toasts,
    });
    this.page = new PageEvents({
      online: () => {
        this.connection.retryNow();
      },
      offline: () => {
        this.connection.networkLost();
      },
      focused: () => {
        if (this.store.get().connection === "online") this.directory.renew();
      },
      shown: () => {
        this.connection.check();
      },
      hidden: () => {
        const { active } = this.store.get();
        if (active !== null) this.reads.left(active);
      },
    });
    this.store.subscribe(this.markSeen);
  }

  start(): void {
    this.page.start();
    this.connection.start();
    // In parallel with the ticket: the list is loaded when the socket opens, and is read again
    // then, because no push told of changes in between.
    void this.ownRooms.refresh();
    this.adopt();
  }

  stop(): void {
    this.page.stop();
    this.connection.stop();
    this.history.stop();
    this.deps.keeper?.stop();
    this.reads.stop();
    this.stopReading();
  }

  private adopt(): void {
    void this.deps.keeper?.adopt((entries) => {
      this.outbox.adopt(entries);
    });
  }

  /**
   * With the `since` of a first send now. Whoever takes it over holds the room further on; a first
   * send that this tab did not get to keep is then found by the server all the same.
   */
  private stamped(entry: OutboxEntry): OutboxEntry {
    const { command } = entry;
    const held = this.sync.version(command.room);
    if (command.action === "read" || typeof command.since === "number" || held === null) {
      return entry;
    }
    return { ...entry, command: { ...command, since: held } };
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

  /** Puts a room on the screen and reads it if it was not read before. */
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
    // A listed room was followed from its head, so no earlier messages are loaded.
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
    this.typing.pressed(room);
  }

  /** Reads the lists of rooms again and follows the person's own rooms. */
  refreshRooms(): Promise<void> {
    void this.directory.refresh();
    return this.ownRooms.refresh();
  }

  private stopReading(): void {
    this.ownRooms.stop();
    this.directory.stop();
    this.invitations.stop();
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
