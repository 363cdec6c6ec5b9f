import { useVirtualizer } from "@tanstack/react-virtual";
import { useCallback, useEffect, useLayoutEffect, useRef, useState, type RefObject } from "react";
import type { Range } from "../../fold/history";
import type { RoomState } from "../../store/state";
import { useChat } from "../chat";
import { useAttention } from "../hooks";
import { entryOf, estimateHeight, isMessage, keyOf, type Entry } from "./entries";
import type { Place } from "./MessageList";

/** Pixels above the first message, for the room's beginning or what is loading. */
export const TOP = 104;
/** So near to the end counts as at it. */
const NEAR_END = 60;
const FLASH_LASTS = 1_800;

/** The virtual list, anchored to its end, and where the reader is in it. */
export function useTimeline(
  scroller: RefObject<HTMLDivElement | null>,
  room: RoomState,
  entries: readonly Entry[],
  range: Range,
  place: Place,
) {
  const chat = useChat();
  const [flashed, setFlashed] = useState<string | null>(null);
  const attention = useAttention();
  const isLive = range.to === Infinity;

  const getItemKey = useCallback(
    (index: number) => {
      const entry = entries[index];
      return entry ? keyOf(entry) : index;
    },
    [entries],
  );
  const virtualizer = useVirtualizer<HTMLDivElement, HTMLDivElement>({
    count: entries.length,
    getScrollElement: () => scroller.current,
    estimateSize: (index) => estimateHeight(entries[index]),
    getItemKey,
    overscan: 5,
    paddingStart: TOP,
    paddingEnd: 8,
    anchorTo: "end",
    followOnAppend: isLive,
    scrollEndThreshold: NEAR_END,
    directDomUpdates: true,
    // A transform would make a compositor layer of every row.
    directDomUpdatesMode: "position",
  });
  // From what the virtualizer knows: asking the element would force a layout in mid-scroll.
  const below =
    virtualizer.getTotalSize() -
    (virtualizer.scrollOffset ?? Infinity) -
    (virtualizer.scrollRect?.height ?? 0);
  const atEnd = below < NEAR_END;

  // Go where the list is asked to be: once a place, not again with each message.
  const wanted = useRef<Place | null>(null);
  const count = entries.length;
  const { firstUnread } = room;
  useLayoutEffect(() => {
    if (wanted.current === place || count === 0) return;
    wanted.current = place;
    if (place === "end") {
      virtualizer.scrollToEnd();
      return;
    }
    if (place === "start") {
      const unread = entries.findIndex((entry) => isMessage(entry) && entry.n === firstUnread);
      if (unread > 0) virtualizer.scrollToIndex(unread, { align: "center" });
      else virtualizer.scrollToEnd();
      return;
    }
    const index = entryOf(entries, place.version);
    if (index < 0) return;
    virtualizer.scrollToIndex(index, { align: "center" });
    setFlashed(`${place.version}`);
  }, [place, count, entries, firstUnread, virtualizer]);

  useEffect(() => {
    if (flashed === null) return;
    const timer = setTimeout(() => {
      setFlashed(null);
    }, FLASH_LASTS);
    return () => {
      clearTimeout(timer);
    };
  }, [flashed]);

  const sees = attention && atEnd && isLive && count > 0;
  useEffect(() => {
    chat.attend(room.room, sees);
  }, [chat, room.room, sees]);

  return {
    virtualizer,
    items: virtualizer.getVirtualItems(),
    measure: virtualizer.measureElement,
    sizer: virtualizer.containerRef,
    scrolling: virtualizer.isScrolling,
    atEnd,
    flashed,
  };
}
