/** A Parley server for tests: one room's log behind fake sockets and a fake HTTP API. */
import { Api } from "../../src/client/api";
import { Chat } from "../../src/client/chat";
import type { Socket } from "../../src/client/connection";
import type { Keeper } from "../../src/client/keeper";
import type { OutboxEntry } from "../../src/client/outbox";
import type { ClientFrame, Post } from "../../src/wire/client";
import type {
  EventList,
  FoundPeople,
  Identity,
  Invitation,
  Invitations,
  Members,
  Messages,
  Notices,
  Rooms,
  RoomSummary,
} from "../../src/wire/http";
import type { RoomEvent } from "../../src/wire/room-event";
import type { ServerFrame, Synced } from "../../src/wire/server";
import { message, posted } from "./events";

export class FakeSocket implements Socket {
  onopen: Socket["onopen"] = null;
  onmessage: Socket["onmessage"] = null;
  onclose: Socket["onclose"] = null;
  readonly sent: ClientFrame[] = [];
  closed = false;

  send(data: string): void {
    this.sent.push(JSON.parse(data) as ClientFrame);
  }

  close(): void {
    this.closed = true;
  }

  open(): void {
    this.onopen?.(new Event("open"));
  }

  receive(frame: ServerFrame): void {
    this.onmessage?.(new MessageEvent("message", { data: JSON.stringify(frame) }));
  }

  lose(code = 1006): void {
    this.onclose?.(new CloseEvent("close", { code }));
  }
}

class FakeApi extends Api {
  constructor(private readonly server: FakeServer) {
    super("");
  }

  override ticket(): Promise<string> {
    return Promise.resolve("ws://test/ws");
  }

  override whoAmI(): Promise<Identity> {
    return Promise.resolve({ id: "u_me", name: "me" });
  }

  override rooms(cursor: string | null): Promise<Rooms> {
    this.server.lists += 1;
    return this.server.ownRooms(cursor);
  }

  override directory(q: string, cursor: string | null): Promise<Rooms> {
    return this.server.directory(q, cursor);
  }

  override people(): Promise<FoundPeople> {
    return Promise.resolve({ people: [] });
  }

  override invitations(): Promise<Invitations> {
    return this.server.invited();
  }

  override notices(): Promise<Notices> {
    return this.server.notices();
  }

  override setNotices(mail: boolean): Promise<Notices> {
    return this.server.setNotices(mail);
  }

  override messages(_room: string, before: number, limit: number): Promise<Messages> {
    const all = this.server.messages().filter(({ version }) => version < before);
    return Promise.resolve({ messages: all.slice(-limit), people: {} });
  }

  override events(_room: string, after: number, limit: number): Promise<EventList> {
    const found = this.server.events.filter(({ version }) => version > after).slice(0, limit);
    return Promise.resolve({ events: found });
  }

  override members(room: string): Promise<Members> {
    return this.server.members(room);
  }
}

/** Room "r" holds messages at every version; posts append to it when `take` is called. */
export class FakeServer {
  readonly sockets: FakeSocket[] = [];
  readonly events: RoomEvent[] = [];
  /** How often the list of rooms was read. */
  lists = 0;
  /** How often a tab was told that its session is over. */
  overs = 0;
  readonly invitations: Invitation[] = [];
  private saved: readonly OutboxEntry[] = [];

  constructor(count: number) {
    for (let version = 1; version <= count; version += 1) {
      this.events.push(posted(version, "u_a", `text ${version}`, version));
    }
  }

  /** What the person's list answers; each test may put its own. */
  ownRooms: (cursor: string | null) => Promise<Rooms> = () =>
    Promise.resolve({ rooms: this.summaries(), cursor: null });

  /** What the directory answers; each test may put its own. */
  directory: (q: string, cursor: string | null) => Promise<Rooms> = () =>
    Promise.resolve({ rooms: [], cursor: null });

  /** What the list of invitations answers; each test may put its own. */
  invited: () => Promise<Invitations> = () =>
    Promise.resolve({ invitations: [...this.invitations] });

  /** Whether the person wants mail; each test may put its own. */
  notices: () => Promise<Notices> = () => Promise.resolve({ mail: false, address: false });

  setNotices: (mail: boolean) => Promise<Notices> = (mail) =>
    Promise.resolve({ mail, address: true });

  /** A page of the members; each test may put its own. */
  members: (room: string) => Promise<Members> = () =>
    Promise.resolve({ members: [{ user: "u_me", name: "me", role: "owner" }] });

  /** A tab; a second one is what a reload makes of the first. */
  tab(quietPosts = false, keeper: Keeper | null = null): Chat {
    return new Chat({
      api: new FakeApi(this),
      me: { id: "u_me", name: "me" },
      quietPosts,
      keeper,
      scheduler: {
        soon(callback) {
          const timer = setTimeout(callback, 16);
          return () => {
            clearTimeout(timer);
          };
        },
      },
      connect: () => {
        const socket = new FakeSocket();
        this.sockets.push(socket);
        return socket;
      },
      loadOutbox: () => this.saved,
      saveOutbox: (entries) => {
        this.saved = entries;
      },
      over: () => {
        this.overs += 1;
      },
    });
  }

  /** What an earlier page of this tab left behind. */
  keep(entries: readonly OutboxEntry[]): void {
    this.saved = entries;
  }

  get socket(): FakeSocket {
    const last = this.sockets.at(-1);
    if (!last) throw new Error("no socket was opened");
    return last;
  }

  summaries(): RoomSummary[] {
    return [this.summary()];
  }

  summary(): RoomSummary {
    return {
      room: "r",
      name: "R",
      kind: "public" as const,
      role: "member" as const,
      head: this.events.length,
      member_count: 2,
      unread: 0,
      last: null,
    };
  }

  messages() {
    return this.events.map((event) =>
      event.type === "MessagePosted"
        ? {
            ...message(event.version, event.data.n, event.data.text ?? ""),
            by: event.by,
            id: event.id ?? null,
          }
        : message(event.version),
    );
  }

  /** Appends the post as the server would, once for its id; answers the event. */
  take(command: Post): RoomEvent {
    const known = this.events.find((event) => event.id === command.id);
    if (known) return known;
    const version = this.events.length + 1;
    const event = posted(version, "u_me", command.text, version, command.id);
    this.events.push(event);
    return event;
  }

  ack(command: Post, event: RoomEvent): void {
    this.socket.receive({ type: "ack", id: command.id, room: "r", version: event.version });
  }

  push(...events: RoomEvent[]): void {
    this.socket.receive({ type: "events", room: "r", events, people: {} });
  }

  /** Answers the last `sync`, from its version or with a snapshot of the newest `newest`. */
  answerSync(newest = 50): void {
    const asked = this.socket.sent.findLast((frame) => frame.action === "sync");
    if (!asked) throw new Error("no sync was asked");
    const since = asked.rooms.r ?? null;
    const part: Synced["rooms"][string] =
      since === null
        ? {
            head: this.events.length,
            snapshot: {
              version: this.events.length,
              name: "R",
              kind: "public",
              role: "member",
              member_count: 2,
              unread: 0,
              messages: this.messages().slice(-newest),
              people: {},
            },
            online: [],
          }
        : {
            head: this.events.length,
            complete: true,
            events: this.events.slice(since),
            people: {},
            online: [],
          };
    this.socket.receive({ type: "synced", id: asked.id, rooms: { r: part } });
  }

  posts(): Post[] {
    return this.socket.sent.filter((frame) => frame.action === "post");
  }
}
