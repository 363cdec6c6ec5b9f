/** Dispatches the server's frames: each goes to its part, events go into the store. */
import { applyPresence, lapseTyping, startTyping, TYPING_LAPSES } from "../store/people";
import { withPeople, type State } from "../store/state";
import type { Store } from "../store/store";
import type { RoomEvent } from "../wire/room-event";
import type { ServerFrame } from "../wire/server";
import { ApiError } from "./api";
import type { Batches } from "./batches";
import type { Directory } from "./directory";
import type { History } from "./history";
import type { Membership } from "./membership";
import type { Outbox } from "./outbox";
import { readingProblem } from "./problems";
import type { RoomSync } from "./sync";
import type { Toasts } from "./toasts";

export interface IncomingParts {
  readonly me: string;
  readonly store: Store<State>;
  readonly sync: RoomSync;
  readonly outbox: Outbox;
  readonly batches: Batches;
  readonly history: History;
  readonly directory: Directory;
  readonly membership: Membership;
  readonly toasts: Toasts;
}

export class Incoming {
  constructor(private readonly parts: IncomingParts) {}

  receive(frame: ServerFrame): void {
    const { store, sync, outbox, membership, directory } = this.parts;
    switch (frame.type) {
      case "ack":
        outbox.acked(frame.id, frame.version);
        break;
      case "error":
        if (frame.id) this.refused(frame.id, frame.code, frame.message);
        break;
      case "events":
        sync.onEvents(frame);
        break;
      case "synced":
        sync.onSynced(frame);
        break;
      case "user":
        if (sync.onUser(frame.version, frame.events[0]?.version)) membership.take(frame);
        break;
      case "presence":
        store.enqueue((state) => applyPresence(state, frame));
        break;
      case "typing":
        store.enqueue((state) => startTyping(state, frame.room, frame.user, Date.now()));
        setTimeout(() => {
          store.enqueue((state) => lapseTyping(state, frame.room, Date.now()));
        }, TYPING_LAPSES + 50);
        break;
      case "pong":
        sync.onPong(frame);
        if (!document.hidden) directory.renew();
        break;
    }
  }

  /** Applies events that follow the held version without a gap, and people's names. */
  events(
    room: string,
    events: readonly RoomEvent[],
    people: Readonly<Record<string, string | null>>,
  ): void {
    const { me, store, sync, outbox, batches, history, membership } = this.parts;
    if (Object.keys(people).length > 0) {
      store.enqueue((state) => withPeople(state, people));
    }
    if (events.length === 0) return;
    batches.add(room, events);
    history.witness(room, events);
    for (const event of events) {
      if (event.by === me && event.id) outbox.seen(event.id, event.version);
      if (event.type === "MemberLeft" && event.data.user === me) membership.left(room);
    }
    outbox.reached(room, sync.version(room) ?? 0);
  }

  private refused(id: string, code: string, message: string): void {
    const { store, sync, outbox, toasts } = this.parts;
    outbox.refused(id, code, message);
    const { active } = store.get();
    // Otherwise the room on the screen would silently stop until it is requested again.
    if (active !== null && sync.asks(active, id)) {
      toasts.show(readingProblem(new ApiError(code, message)));
    }
  }
}
