/** Applies the person's own log, and the end of memberships, in this tab. */
import { markRead } from "../store/rooms";
import { withRoom, type State } from "../store/state";
import type { Store } from "../store/store";
import type { User } from "../wire/server";
import type { Invitations } from "./invitations";
import type { RoomSync } from "./sync";

export class Membership {
  constructor(
    private readonly store: Store<State>,
    private readonly sync: RoomSync,
    private readonly invitations: Invitations,
    private readonly refreshRooms: () => void,
  ) {}

  /** Applies events of the person's own log: read marks, rooms gained and lost, invitations. */
  take(frame: User): void {
    for (const event of frame.events) {
      if (event.type === "ReadMarked") {
        const { room, version } = event.data;
        this.store.enqueue((state) => markRead(state, room, version));
      } else if (event.type === "RoomGained" || event.type === "RoomLost") {
        this.refreshRooms();
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

  /**
   * Pushes end with the membership; a public room on the screen is then followed as a non-member.
   */
  left(room: string): void {
    const { rooms, active } = this.store.get();
    if (rooms.get(room)?.kind === "private") {
      this.sync.forget(room);
      this.refreshRooms();
    } else if (active === room) {
      this.sync.renew(room);
    } else {
      this.sync.forget(room);
      this.store.enqueue((state) => withRoom(state, room, (old) => ({ ...old, open: null })));
    }
  }
}
