import { useSyncExternalStore, type RefObject } from "react";

/** The key of the message that has the focus or contains it; null for none. */
export function useFocusedRow(list: RefObject<HTMLElement | null>): string | null {
  return useSyncExternalStore(
    subscribeFocus,
    () => focusedIn(list.current)?.closest<HTMLElement>("[data-key]")?.dataset.key ?? null,
  );
}

/** Whether a person reads by the focus: a pointer's press also moves it, but does not mean that. */
export function useReadsByFocus(list: RefObject<HTMLElement | null>): boolean {
  return useSyncExternalStore(subscribeFocus, () => readsByFocus(list.current));
}

export function readsByFocus(list: HTMLElement | null): boolean {
  return focusedIn(list)?.matches(":focus-visible") ?? false;
}

function focusedIn(list: HTMLElement | null): Element | null {
  const focused = document.activeElement;
  return focused !== list && list?.contains(focused) ? focused : null;
}

function subscribeFocus(listener: () => void): () => void {
  const left = ({ relatedTarget }: FocusEvent) => {
    // Between two elements nothing has the focus for a moment; this must be ignored.
    if (relatedTarget === null) listener();
  };
  document.addEventListener("focusin", listener);
  document.addEventListener("focusout", left);
  return () => {
    document.removeEventListener("focusin", listener);
    document.removeEventListener("focusout", left);
  };
}
