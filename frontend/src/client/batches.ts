import { applyEvents } from "../store/rooms";
import type { State } from "../store/state";
import type { Store } from "../store/store";
import type { RoomEvent } from "../wire/room-event";

/**
 * Gathers the events of a room until the next frame folds them: one copy of the room per frame, not
 * one per event.
 */
export class Batches {
  private readonly waiting = new Map<string, RoomEvent[]>();

  constructor(private readonly store: Store<State>) {}

  add(room: string, events: readonly RoomEvent[]): void {
    const batch = this.waiting.get(room) ?? this.begin(room);
    batch.push(...events);
  }

  /** The next events follow another queued change, so they need a separate fold. */
  close(room: string): void {
    this.waiting.delete(room);
  }

  private begin(room: string): RoomEvent[] {
    const batch: RoomEvent[] = [];
    this.waiting.set(room, batch);
    this.store.enqueue((state) => {
      if (this.waiting.get(room) === batch) this.waiting.delete(room);
      return applyEvents(state, room, batch);
    });
    return batch;
  }
}
