/** The complete state of the web app, as one immutable value. */
import type { Range } from "../fold/history";
import { factsWithoutWordsOf } from "../fold/registry";
import type { Role, RoomKind, RoomView } from "../fold/room";
import type { ConnectionState } from "../client/connection";
import type { OutboxEntry } from "../client/outbox";
import type { Invitation, LastMessage } from "../wire/http";
import type { RoomEvent } from "../wire/room-event";

export interface Me {
  readonly id: string;
  readonly name: string | null;
}

/** The state of an opened room in addition to its line in the list. */
export interface OpenRoom {
  readonly view: RoomView;
  readonly ranges: readonly Range[];
  /** The latest events that change messages, applied again to pages that are read late. */
  readonly recent: readonly RoomEvent[];
}

export interface RoomState {
  readonly room: string;
  /** The version of this line of the list; an open view may still be behind it. */
  readonly version: number;
  readonly name: string | null;
  readonly kind: RoomKind;
  readonly role: Role | null;
  /** When the person joined; null if they are not a member, or the server does not know. */
  readonly joined: string | null;
  readonly memberCount: number;
  readonly unread: number;
  readonly last: LastMessage | null;
  /** The `n` of the first message that was unread when the room was entered. */
  readonly firstUnread: number | null;
  readonly open: OpenRoom | null;
  /** The server's reason why the room cannot be shown. */
  readonly refused: string | null;
  readonly online: ReadonlySet<string>;
  /** Who is typing, and until when (ms of the clock). */
  readonly typing: ReadonlyMap<string, number>;
}

export interface Toast {
  readonly id: string;
  readonly text: string;
}

/** The server's results for rooms that the person can join. */
export interface Directory {
  readonly query: string;
  /** Ids of the results; the rooms themselves are among the others. */
  readonly rooms: readonly string[];
  /** The cursor of the next page; null if there is none. */
  readonly cursor: string | null;
  readonly searching: boolean;
}

export interface State {
  readonly me: Me;
  readonly connection: ConnectionState;
  readonly rooms: ReadonlyMap<string, RoomState>;
  /** The person's pending invitations, oldest first. */
  readonly invitations: readonly Invitation[];
  /** False until the first list of rooms arrives. */
  readonly listed: boolean;
  readonly directory: Directory;
  readonly people: ReadonlyMap<string, string | null>;
  readonly outbox: readonly OutboxEntry[];
  /** Ids of this tab's posts, by which it recognises its own rows in the log. */
  readonly posted: ReadonlySet<string>;
  /** The room on the screen. */
  readonly active: string | null;
  /** The room whose newest message the person sees right now. */
  readonly attending: string | null;
  readonly toasts: readonly Toast[];
}

export function initialState(me: Me): State {
  return {
    me,
    connection: "connecting",
    rooms: new Map(),
    invitations: [],
    listed: false,
    directory: { query: "", rooms: [], cursor: null, searching: true },
    people: new Map([[me.id, me.name]]),
    outbox: [],
    posted: new Set(),
    active: null,
    attending: null,
    toasts: [],
  };
}

export function withRoom(state: State, room: string, alter: (room: RoomState) => RoomState): State {
  const old = state.rooms.get(room);
  if (!old) return state;
  const changed = alter(old);
  if (changed === old) return state;
  return { ...state, rooms: new Map(state.rooms).set(room, changed) };
}

export function withPeople(state: State, people: Readonly<Record<string, string | null>>): State {
  const news = Object.entries(people).filter(([id, name]) => state.people.get(id) !== name);
  if (news.length === 0) return state;
  const known = { ...state, people: new Map([...state.people, ...news]) };
  // Only a person who had a name and has none now: for other reasons of null, texts stay.
  const erased = new Set(
    news.flatMap(([id, name]) => (name === null && state.people.has(id) ? [id] : [])),
  );
  return erased.size === 0 ? known : withoutWordsOf(known, erased);
}

/** Removes the texts of erased people, and their names next to last messages. */
function withoutWordsOf(state: State, erased: ReadonlySet<string>): State {
  const rooms = new Map<string, RoomState>();
  for (const [id, room] of state.rooms) {
    const { last, open } = room;
    rooms.set(id, {
      ...room,
      last: last && erased.has(last.by) ? { ...last, name: null, text: null } : last,
      open: open && {
        ...open,
        view: {
          ...open.view,
          facts: factsWithoutWordsOf(open.view.facts, erased),
          messages: open.view.messages.map((message) =>
            erased.has(message.by) && message.text !== null ? { ...message, text: null } : message,
          ),
        },
        recent: open.recent.map((event) =>
          event.type === "MessageEdited" && erased.has(event.by)
            ? { ...event, data: { ...event.data, text: null } }
            : event,
        ),
      },
    });
  }
  return { ...state, rooms };
}
