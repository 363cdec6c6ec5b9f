/** Short messages at the edge of the screen that disappear by themselves. */
import type { State } from "../store/state";
import type { Store } from "../store/store";

const LASTS = 6_000;
const AT_MOST = 3;

export class Toasts {
  constructor(private readonly store: Store<State>) {}

  show(text: string): void {
    const id = crypto.randomUUID();
    this.store.enqueue((state) => ({
      ...state,
      toasts: [...state.toasts, { id, text }].slice(-AT_MOST),
    }));
    setTimeout(() => {
      this.dismiss(id);
    }, LASTS);
  }

  dismiss(id: string): void {
    this.store.enqueue((state) => ({
      ...state,
      toasts: state.toasts.filter((toast) => toast.id !== id),
    }));
  }
}
