/** Reads older messages, windows around quoted ones, and the members of a room. */
import { liveRange, pageOf, rangeAt } from "../fold/history";
import { completeMessage } from "../fold/room";
import type { RoomEvent } from "../wire/room-event";
import type { EventList, Member, Members, Messages } from "../wire/http";
import type { Snapshot } from "../wire/server";
import { loadNotices } from "../store/notices";
import { loadMembers, loadPage } from "../store/rooms";
import { withPeople, type State } from "../store/state";
import type { Store } from "../store/store";
import { Again } from "./again";
import { mayPass } from "./api";

export interface HistoryApi {
  messages(room: string, before: number, limit: number): Promise<Messages>;
  members(room: string, after: string, limit: number): Promise<Members>;
  events(room: string, after: number, limit: number): Promise<EventList>;
}

const PAGE = 200;
const MEMBERS_PAGE = 1_000;
/**
 * Number of versions below a snapshot whose joins and similar events are read, because the snapshot
 * lacks them.
 */
const RECENT = 200;
/** Number of versions after a quoted message that its window contains. */
const WINDOW_AFTER = 100;

export class History {
  private readonly running = new Map<string, Promise<void>>();
  /** Joins and leaves since a read of members began, per room. */
  private readonly meanwhile = new Map<string, RoomEvent[]>();
  /** Quotes that could not be read, and when they are requested again. */
  private readonly quotes = new Map<string, Again>();

  constructor(
    private readonly api: HistoryApi,
    private readonly store: Store<State>,
    private readonly random: () => number = () => Math.random(),
  ) {}

  /** The page below `version`, the oldest message on the screen. */
  older(room: string, version: number): Promise<void> {
    return this.once(`${room} older`, () => this.read(room, version, PAGE));
  }

  /** The page above `version`, the newest message of a window. */
  newer(room: string, version: number): Promise<void> {
    return this.once(`${room} newer`, async () => {
      const before = version + PAGE + 1;
      const { messages, people } = await this.api.messages(room, before, PAGE);
      // All versions between are covered, even if few of them are messages.
      this.add(room, people, {
        messages: messages.map(completeMessage),
        from: version + 1,
        to: before - 1,
      });
    });
  }

  /** Makes sure that the message is loaded, with some messages around it. */
  async around(room: string, version: number): Promise<void> {
    const open = this.store.get().rooms.get(room)?.open;
    const range = rangeAt(open?.ranges ?? [], version);
    // A quote that was read only for its text is a range of one message: the list cannot jump
    // there.
    if (!open || (range && range.to > range.from)) return;
    await this.once(`${room} around ${version}`, () =>
      this.read(room, version + WINDOW_AFTER, PAGE),
    );
  }

  /** A single message, for the text of a quote; requested again while its room is on the screen. */
  async quoted(room: string, version: number): Promise<void> {
    const open = this.store.get().rooms.get(room)?.open;
    if (!open || rangeAt(open.ranges, version)) return;
    const key = `${room} quoted ${version}`;
    try {
      await this.once(key, () => this.read(room, version + 1, 1));
      this.done(key);
    } catch (error) {
      if (mayPass(error) && this.store.get().active === room) this.later(key, room, version);
      else this.done(key);
    }
  }

  /** The connection is back: waiting requests are repeated now. */
  wake(): void {
    for (const again of this.quotes.values()) again.now();
  }

  /** Nothing is requested again automatically. */
  stop(): void {
    for (const key of [...this.quotes.keys()]) this.done(key);
  }

  /**
   * Reads who recently joined or left a room that begins with a snapshot, if there were events
   * other than messages. A failure is ignored: the messages are readable without these notices.
   */
  async notices(room: string, { version, messages }: Snapshot): Promise<void> {
    const { from } = liveRange(messages.map(completeMessage));
    const after = Math.max(from - 1, version - RECENT);
    const held = messages.filter((message) => message.version > after).length;
    if (held === version - after) return;
    await this.once(`${room} notices ${version}`, async () => {
      const { events } = await this.api.events(room, after, version - after);
      this.store.enqueue((state) => loadNotices(state, room, events));
    });
  }

  members(room: string): Promise<void> {
    return this.once(`${room} members`, async () => {
      this.meanwhile.set(room, []);
      try {
        const all: Member[] = [];
        const asked: Member[] = [];
        for (let after = ""; ;) {
          const { members, invited = [] } = await this.api.members(room, after, MEMBERS_PAGE);
          all.push(...members);
          asked.push(...invited);
          const last = members.at(-1);
          if (!last || members.length < MEMBERS_PAGE) break;
          after = last.user;
        }
        const events = this.meanwhile.get(room) ?? [];
        this.store.enqueue((state) => loadMembers(state, room, all, events, asked));
      } finally {
        this.meanwhile.delete(room);
      }
    });
  }

  /** Events of a room, as they arrive. */
  witness(room: string, events: readonly RoomEvent[]): void {
    this.meanwhile.get(room)?.push(...events);
  }

  private async read(room: string, before: number, limit: number): Promise<void> {
    const { messages, people } = await this.api.messages(room, before, limit);
    this.add(room, people, pageOf(messages.map(completeMessage), before, limit));
  }

  private add(
    room: string,
    people: Readonly<Record<string, string | null>>,
    page: Parameters<typeof loadPage>[2],
  ): void {
    this.store.enqueue((state) => loadPage(withPeople(state, people), room, page));
  }

  private later(key: string, room: string, version: number): void {
    const read = () => {
      if (this.store.get().active === room) void this.quoted(room, version);
      else this.done(key);
    };
    const again = this.quotes.get(key) ?? new Again(read, this.random);
    this.quotes.set(key, again);
    again.failed();
  }

  private done(key: string): void {
    this.quotes.get(key)?.stop();
    this.quotes.delete(key);
  }

  /** One read of a kind at a time; later callers wait for the same one. */
  private once(key: string, read: () => Promise<void>): Promise<void> {
    const running = this.running.get(key);
    if (running) return running;
    const started = read().finally(() => this.running.delete(key));
    this.running.set(key, started);
    return started;
  }
}
