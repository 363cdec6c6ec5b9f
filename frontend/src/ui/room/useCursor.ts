import type { VirtualItem, Virtualizer } from "@tanstack/react-virtual";
import { useState, type KeyboardEvent, type RefObject } from "react";
import { isNotices, type Entry, type KeyOf } from "./entries";

/** Keys of a focused message that press one of its buttons. */
const SHORTCUTS: Readonly<Record<string, string>> = {
  r: "message-reply",
  e: "message-edit",
  "+": "message-react",
  Delete: "message-delete",
};

/**
 * Tab reaches one message at a time; the arrows move between messages, Enter goes to the message's
 * buttons and Escape back to the message.
 */
export function useCursor(
  entries: readonly Entry[],
  keyOf: KeyOf,
  virtualizer: Virtualizer<HTMLDivElement, HTMLDivElement>,
  scroller: RefObject<HTMLDivElement | null>,
  items: readonly VirtualItem[],
) {
  const [cursor, setCursor] = useState<string | null>(null);
  const shown = items.flatMap((item) => {
    const entry = entries[item.index];
    return entry && !isNotices(entry) ? [keyOf(entry)] : [];
  });
  const tabbable = cursor !== null && shown.includes(cursor) ? cursor : (shown.at(-1) ?? null);

  function focusRow(key: string) {
    scroller.current?.querySelector<HTMLElement>(`[data-key="${key}"]`)?.focus({
      preventScroll: true,
    });
  }

  function move(from: number, step: number) {
    let index = from + step;
    for (let entry = entries[index]; entry && isNotices(entry); entry = entries[index]) {
      index += step;
    }
    const entry = entries[index];
    if (!entry) return;
    setCursor(keyOf(entry));
    virtualizer.scrollToIndex(index, { align: "auto" });
    // The row may first have to be rendered.
    requestAnimationFrame(() => {
      focusRow(keyOf(entry));
    });
  }

  function onKeyDown(event: KeyboardEvent<HTMLDivElement>) {
    if (!(event.target instanceof HTMLElement)) return;
    const row = event.target.closest<HTMLElement>("[data-key]");
    if (!row || event.ctrlKey || event.metaKey || event.altKey) return;
    const index = Number(row.closest<HTMLElement>("[data-index]")?.dataset.index);
    if (event.target !== row) {
      if (event.key === "Escape") row.focus();
      return;
    }
    const shortcut = SHORTCUTS[event.key];
    if (event.key === "ArrowUp") move(index, -1);
    else if (event.key === "ArrowDown") move(index, 1);
    else if (event.key === "Enter") row.querySelector<HTMLElement>("button")?.focus();
    else if (shortcut !== undefined) {
      row.querySelector<HTMLElement>(`[data-testid="${shortcut}"]`)?.click();
    } else return;
    event.preventDefault();
  }

  return { tabbable, onKeyDown };
}
