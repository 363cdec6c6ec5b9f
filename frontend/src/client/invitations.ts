/** The person's pending invitations. */
import type { State } from "../store/state";
import type { Store } from "../store/store";
import type { Invitations as Answer } from "../wire/http";
import { Again } from "./again";
import { ApiError } from "./api";

export class Invitations {
  private running = false;
  private again = false;
  private readonly retry = new Again(() => void this.refresh());

  constructor(
    private readonly api: { invitations(): Promise<Answer> },
    private readonly store: Store<State>,
  ) {}

  /** Reads the list; a call during a read repeats the read once. */
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
      this.retry.stop();
    } catch (error) {
      // If the session has ended, the list of rooms reports it.
      if (!(error instanceof ApiError && error.code === "unauthenticated")) this.retry.failed();
    } finally {
      this.running = false;
    }
  }

  /** Nothing is read automatically until the next refresh. */
  stop(): void {
    this.retry.stop();
  }

  /** The person answered: the line is removed at once. */
  answered(room: string): void {
    this.store.update((state) =>
      state.invitations.some((one) => one.room === room)
        ? { ...state, invitations: state.invitations.filter((one) => one.room !== room) }
        : state,
    );
  }
}
