import { applyEvents } from "../store/rooms";
import type { State } from "../store/state";
import type { Store } from "../store/store";
import type { RoomEvent } from "../wire/room-event";

/**
 * Gathers the events of a room until the next frame folds them: one copy of the room a frame, not
 * one an event.
 */
export class Batches {
  private readonly waiting = new Map<string, RoomEvent[]>();

  constructor(private readonly store: Store<State>) {}

  add(room: string, events: readonly RoomEvent[]): void {
    const batch = this.waiting.get(room) ?? this.begin(room);
    batch.push(...events);
  }

  /** What comes next follows something else that was queued, so it needs a fold of its own. */
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
