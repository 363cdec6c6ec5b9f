import {
  defaultRangeExtractor,
  useVirtualizer,
  type Range as Rows,
  type Virtualizer,
} from "@tanstack/react-virtual";
import {
  useCallback,
  useEffect,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
  type RefObject,
} from "react";
import type { Range } from "../../fold/history";
import type { RoomState } from "../../store/state";
import { useChat } from "../chat";
import { useAttention } from "../hooks";
import { entryOf, estimateHeight, isMessage, type Entry, type KeyOf } from "./entries";
import { Destination } from "./destination";
import type { Place } from "./place";
import { readsByFocus, useFocusedRow, useReadsByFocus } from "./useFocusedRow";

/** Pixels above the first message, for the room's beginning or the loading notice. */
export const TOP = 104;
/** Pixels below the last. */
const BOTTOM = 8;
/** This distance from the end counts as at the end. */
const NEAR_END = 60;
/** The same for a person who reads by the focus: less than a message's height. */
const NEAR_END_HELD = 12;
const FLASH_LASTS = 1_800;
/** Events with which the reader takes over control of the scroll position. */
const GESTURES = ["wheel", "touchmove", "keydown"] as const;

type List = Virtualizer<HTMLDivElement, HTMLDivElement>;

function endOf({ scrollHeight, clientHeight }: HTMLElement): number {
  return scrollHeight - clientHeight;
}

/** The virtual list, anchored to its end, and where the reader is in it. */
export function useTimeline(
  scroller: RefObject<HTMLDivElement | null>,
  room: RoomState,
  entries: readonly Entry[],
  keyOf: KeyOf,
  range: Range,
  place: Place,
) {
  const chat = useChat();
  const [flashed, setFlashed] = useState<number | null>(null);
  const attention = useAttention();
  const isLive = range.to === Infinity;

  const getItemKey = useCallback(
    (index: number) => {
      const entry = entries[index];
      return entry ? keyOf(entry) : index;
    },
    [entries, keyOf],
  );
  const [destination] = useState(() => new Destination());
  const [arrived, setArrived] = useState(false);
  const release = useCallback(
    (list: List) => {
      // While a command runs, the virtual list would not keep the read position.
      if (destination.goal !== null) list.cancelScroll();
      destination.release();
      setArrived(true);
    },
    [destination],
  );
  const scrollToFn = useCallback<List["options"]["scrollToFn"]>(
    (offset, { adjustments = 0 }, list) => {
      const element = list.scrollElement;
      if (!element) return;
      // Without a destination the element is not measured: that would force a layout in mid-scroll.
      const kept = destination.goal !== null;
      if (kept && destination.found(element.scrollTop, endOf(element))) {
        // The person scrolled; the virtual list gets this only in the next frame.
        release(list);
        return;
      }
      element.scrollTo({ top: offset + adjustments });
      if (kept) destination.put(element.scrollTop);
    },
    [destination, release],
  );

  // A message that is read by the focus stays where it is, and a message with the focus stays in
  // the page, because otherwise the focus would be lost.
  const held = useReadsByFocus(scroller);
  const focused = useFocusedRow(scroller);
  const pinned = useMemo(
    () => (focused === null ? -1 : entries.findIndex((entry) => keyOf(entry) === focused)),
    [entries, keyOf, focused],
  );
  const nearEnd = held ? NEAR_END_HELD : NEAR_END;
  const rangeExtractor = useCallback((rows: Rows) => withRow(rows, pinned), [pinned]);

  const virtualizer = useVirtualizer<HTMLDivElement, HTMLDivElement>({
    count: entries.length,
    getScrollElement: () => scroller.current,
    estimateSize: (index) => estimateHeight(entries[index]),
    getItemKey,
    overscan: 5,
    rangeExtractor,
    scrollToFn,
    paddingStart: TOP,
    paddingEnd: BOTTOM,
    anchorTo: "end",
    followOnAppend: isLive && !held,
    scrollEndThreshold: nearEnd,
    directDomUpdates: true,
    // A transform would make a compositor layer of every row.
    directDomUpdatesMode: "position",
  });
  // From the virtualizer's state: measuring the element would force a layout in mid-scroll.
  const below =
    virtualizer.getTotalSize() -
    (virtualizer.scrollOffset ?? Infinity) -
    (virtualizer.scrollRect?.height ?? 0);
  const atEnd = below <= nearEnd;

  // Go to the requested place once, not again with each message. The virtual list's own anchor
  // keeps the read position when an older page arrives.
  const wanted = useRef<Place | null>(null);
  const count = entries.length;
  const { firstUnread } = room;
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
        setFlashed(place.at);
      } else if (unread && isMessage(unread) && unread !== entries[0]) {
        destination.send({ version: unread.version });
      } else {
        destination.send("end");
      }
    }
    const takeOver = () => {
      release(virtualizer);
    };
    const noticed = () => {
      if (destination.found(element.scrollTop, endOf(element))) takeOver();
    };
    // Checks each frame until the list is there; again with each change of rows or sizes.
    let frame: number | null = null;
    const look = () => {
      frame = null;
      noticed();
      const { goal } = destination;
      const index = goal === null || goal === "end" ? -1 : entryOf(entries, goal.version);
      const offset = index < 0 ? undefined : virtualizer.getOffsetForIndex(index, "center");
      const step = destination.step({
        top: element.scrollTop,
        believed: virtualizer.scrollOffset ?? 0,
        goal: goal === "end" ? endOf(element) : (offset?.[0] ?? null),
      });
      if (step === "apply" && goal === "end") virtualizer.scrollToEnd();
      else if (step === "apply") virtualizer.scrollToIndex(index, { align: "center" });
      if (destination.arrived) setArrived(true);
      if (step !== "done") frame = requestAnimationFrame(look);
    };
    const lookAnew = () => {
      noticed();
      destination.look();
      if (destination.goal !== null) frame ??= requestAnimationFrame(look);
    };
    const scrolled = () => {
      noticed();
      // The end of a range is not the live end: messages that are loaded next must not move the
      // reader.
      if (isLive && !readsByFocus(element)) {
        destination.keepAtEnd(element.scrollTop, endOf(element));
      }
    };
    const focusCame = () => {
      if (readsByFocus(element)) takeOver();
    };
    const focusLeft = ({ relatedTarget }: FocusEvent) => {
      if (!(relatedTarget instanceof Node && element.contains(relatedTarget))) scrolled();
    };
    destination.look();
    look();
    const sizes = new ResizeObserver(lookAnew);
    sizes.observe(element);
    if (element.firstElementChild) sizes.observe(element.firstElementChild);
    element.addEventListener("scroll", scrolled, { passive: true });
    element.addEventListener("focusin", focusCame);
    element.addEventListener("focusout", focusLeft);
    for (const gesture of GESTURES) element.addEventListener(gesture, takeOver, { passive: true });
    return () => {
      if (frame !== null) cancelAnimationFrame(frame);
      sizes.disconnect();
      element.removeEventListener("scroll", scrolled);
      element.removeEventListener("focusin", focusCame);
      element.removeEventListener("focusout", focusLeft);
      for (const gesture of GESTURES) element.removeEventListener(gesture, takeOver);
    };
  }, [scroller, place, count, entries, firstUnread, isLive, virtualizer, destination, release]);

  useEffect(() => {
    if (flashed === null) return;
    const timer = setTimeout(() => {
      setFlashed(null);
    }, FLASH_LASTS);
    return () => {
      clearTimeout(timer);
    };
  }, [flashed]);

  // A moving list may pass its end: the person has not seen the messages there.
  const sees = attention && arrived && atEnd && isLive && count > 0;
  useEffect(() => {
    chat.attend(room.room, sees);
  }, [chat, room.room, sees]);

  return {
    virtualizer,
    items: virtualizer.getVirtualItems(),
    shown: virtualizer.range,
    measure: virtualizer.measureElement,
    sizer: virtualizer.containerRef,
    scrolling: virtualizer.isScrolling,
    atEnd,
    arrived,
    flashed,
  };
}

/** The indexes to render, among them that of a row that must not go. */
function withRow(rows: Rows, pinned: number): number[] {
  const indexes = defaultRangeExtractor(rows);
  const [first, last] = [indexes[0], indexes.at(-1)];
  if (pinned < 0 || pinned >= rows.count || first === undefined || last === undefined) {
    return indexes;
  }
  if (pinned < first) return [pinned, ...indexes];
  return pinned > last ? [...indexes, pinned] : indexes;
}
