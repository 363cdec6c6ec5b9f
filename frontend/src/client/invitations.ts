/** The invitations that wait for the person's answer. */
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
      this.retry.stop();
    } catch (error) {
      // Without a session the list of rooms says so.
      if (!(error instanceof ApiError && error.code === "unauthenticated")) this.retry.failed();
    } finally {
      this.running = false;
    }
  }

  /** Nothing is read by itself until the next refresh. */
  stop(): void {
    this.retry.stop();
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
