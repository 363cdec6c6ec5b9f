import { useVirtualizer } from "@tanstack/react-virtual";
import { useCallback, useEffect, useLayoutEffect, useRef, useState, type RefObject } from "react";
import type { Range } from "../../fold/history";
import type { RoomState } from "../../store/state";
import { useChat } from "../chat";
import { useAttention } from "../hooks";
import { entryOf, estimateHeight, isMessage, keyOf, type Entry } from "./entries";
import { Destination } from "./destination";
import type { Place } from "./place";

/** Pixels above the first message, for the room's beginning or what is loading. */
export const TOP = 104;
/** So near to the end counts as at it. */
const NEAR_END = 60;
const FLASH_LASTS = 1_800;
/** Milliseconds from the reader's first gesture until a page may come in above. */
const TAKEN_OVER = 400;
/** By these the reader takes over from where the list was sent. */
const GESTURES = ["wheel", "touchmove", "keydown"] as const;

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

  // Go where the list is asked to be: once a place, not again with each message. What was read
  // before an older page came stays in view by the virtual list's own anchor.
  const wanted = useRef<Place | null>(null);
  const count = entries.length;
  const { firstUnread } = room;
  const [arrived, setArrived] = useState(false);
  const [destination] = useState(() => new Destination());
  const released = useRef(false);
  useLayoutEffect(() => {
    const element = scroller.current;
    if (!element || count === 0) return;
    if (wanted.current !== place) {
      wanted.current = place;
      const unread =
        place.at === "start"
          ? entries.find((entry) => isMessage(entry) && entry.n === firstUnread)
          : undefined;
      if (typeof place.at === "number") {
        destination.send({ version: place.at });
        setFlashed(`${place.at}`);
      } else if (unread && isMessage(unread) && unread !== entries[0]) {
        destination.send({ version: unread.version });
      } else {
        destination.send("end");
      }
    }
    // Looks each frame until the list stands there; again with each change of rows or sizes.
    let frame: number | null = null;
    const look = () => {
      frame = null;
      const { goal } = destination;
      const index = goal === null || goal === "end" ? -1 : entryOf(entries, goal.version);
      const offset = index < 0 ? undefined : virtualizer.getOffsetForIndex(index, "center");
      const step = destination.step({
        top: element.scrollTop,
        believed: virtualizer.scrollOffset ?? 0,
        goal: goal === "end" ? element.scrollHeight - element.clientHeight : (offset?.[0] ?? null),
      });
      if (step === "apply" && goal === "end") virtualizer.scrollToEnd();
      else if (step === "apply") virtualizer.scrollToIndex(index, { align: "center" });
      if (destination.arrived && !released.current) setArrived(true);
      if (step !== "done") frame = requestAnimationFrame(look);
    };
    const lookAnew = () => {
      destination.look();
      if (destination.goal !== null) frame ??= requestAnimationFrame(look);
    };
    const release = () => {
      // While a command runs the virtual list would not keep what is read in its place.
      if (!destination.arrived) virtualizer.cancelScroll();
      destination.release();
      if (released.current) return;
      released.current = true;
      setTimeout(() => {
        setArrived(true);
      }, TAKEN_OVER);
    };
    const scrolled = () => {
      const { scrollTop, scrollHeight, clientHeight } = element;
      // The end of a stretch is only on the way: what is loaded next must not pull the reader on.
      const end = isLive ? scrollHeight - clientHeight : Infinity;
      destination.scrolled(scrollTop, scrollHeight, end);
    };
    destination.look();
    look();
    const sizes = new ResizeObserver(lookAnew);
    sizes.observe(element);
    if (element.firstElementChild) sizes.observe(element.firstElementChild);
    element.addEventListener("scroll", scrolled, { passive: true });
    for (const gesture of GESTURES) element.addEventListener(gesture, release, { passive: true });
    return () => {
      if (frame !== null) cancelAnimationFrame(frame);
      sizes.disconnect();
      element.removeEventListener("scroll", scrolled);
      for (const gesture of GESTURES) element.removeEventListener(gesture, release);
    };
  }, [scroller, place, count, entries, firstUnread, isLive, virtualizer, destination]);

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
    arrived,
    flashed,
  };
}
