/** Tells the other people in a room that the person is typing. */
import type { State } from "../store/state";
import type { Store } from "../store/store";

/** At most one sign that the person types every 3 s (docs/protocol.md). */
const TYPING_EVERY = 3_000;

export class TypingSign {
  private sent: { readonly room: string; readonly at: number; readonly posts: number } | null =
    null;

  constructor(
    private readonly store: Store<State>,
    private readonly send: (room: string) => void,
  ) {}

  /** A key was pressed in the room's composer. */
  pressed(room: string): void {
    const { outbox, posted } = this.store.get();
    // A message ends the sign for its readers. A sign sent before the message arrives would end
    // with it.
    const onItsWay = outbox.some(
      ({ command, state }) =>
        command.action === "post" && command.room === room && state === "sent",
    );
    if (onItsWay) return;
    const at = Date.now();
    const posts = posted.size;
    const old = this.sent;
    if (old?.room === room && old.posts === posts && at - old.at < TYPING_EVERY) return;
    this.sent = { room, at, posts };
    this.send(room);
  }
}
