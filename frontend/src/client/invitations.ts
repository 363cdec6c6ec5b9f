/** The invitations that wait for the person's answer. */
import type { State } from "../store/state";
import type { Store } from "../store/store";
import type { Invitations as Answer } from "../wire/http";

export class Invitations {
  private running = false;
  private again = false;

  constructor(
    private readonly api: { invitations(): Promise<Answer> },
    private readonly store: Store<State>,
  ) {}

  /** Reads the list; called while it is read, it reads it once more. */
  async refresh(): Promise<void> {
    this.again = true;
    if (this.running) return;
    this.running = true;
    try {
      while (this.again) {
        this.again = false;
        const { invitations } = await this.api.invitations();
        this.store.update((state) =>
          invitations.length + state.invitations.length === 0 ? state : { ...state, invitations },
        );
      }
    } catch {
      // The next connection reads it again; without a session the list of rooms says so.
    } finally {
      this.running = false;
    }
  }

  /** The person answered: the line goes at once. */
  answered(room: string): void {
    this.store.update((state) =>
      state.invitations.some((one) => one.room === room)
        ? { ...state, invitations: state.invitations.filter((one) => one.room !== room) }
        : state,
    );
  }
}
