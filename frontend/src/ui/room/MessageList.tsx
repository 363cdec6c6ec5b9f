import { useCallback, useMemo, useRef, useState } from "react";
import type { OutboxEntry } from "../../client/outbox";
import type { Range } from "../../fold/history";
import { withChanges } from "../../store/pending";
import type { RoomState } from "../../store/state";
import { useChat, useChatState } from "../chat";
import { MessageRow } from "../message/MessageRow";
import { Confirm } from "../common/Confirm";
import { DayLine, NoticeLine, UnreadLine } from "./Lines";
import { isMessage, isNotices, keysFor, startsDay, startsGroup, type Entry } from "./entries";
import { JumpNewest } from "./JumpNewest";
import { TopOfList } from "./TopOfList";
import { useCursor } from "./useCursor";
import { usePaging } from "./usePaging";
import { TOP, useTimeline } from "./useTimeline";
import type { Place } from "./place";

interface MessageListProps {
  room: RoomState;
  entries: readonly Entry[];
  changes: ReadonlyMap<number, readonly OutboxEntry[]>;
  range: Range;
  place: Place;
  mayPost: boolean;
  onReply: (version: number) => void;
  onEdit: (version: number) => void;
  onJump: (version: number) => void;
  onNewest: () => void;
}

export function MessageList(props: MessageListProps) {
  const { room, entries, changes, range, place, mayPost, onReply, onEdit, onJump, onNewest } =
    props;
  const chat = useChat();
  const me = useChatState((state) => state.me.id);
  const people = useChatState((state) => state.people);
  const [deleting, setDeleting] = useState<number | null>(null);
  const scroller = useRef<HTMLDivElement>(null);
  const posted = useChatState((state) => state.posted);
  const keyOf = useMemo(() => keysFor(me, posted), [me, posted]);
  const timeline = useTimeline(scroller, room, entries, keyOf, range, place);
  const { virtualizer, items, measure, sizer, scrolling, atEnd, flashed } = timeline;
  const older = usePaging(room.room, entries, range, timeline.shown, timeline.arrived);
  const cursor = useCursor(entries, keyOf, virtualizer, scroller, items);

  const actions = useMemo(
    () => ({
      of: { room: room.room, kind: room.kind },
      reply: onReply,
      edit: onEdit,
      remove: setDeleting,
      jump: onJump,
      react: (version: number, emoji: string, on: boolean) => {
        chat.commands.react(room.room, version, emoji, on);
      },
      retry: (id: string) => {
        chat.commands.retry(id);
      },
      discard: (id: string) => {
        chat.commands.discard(id);
      },
    }),
    [chat, room.room, room.kind, onReply, onEdit, onJump],
  );

  const quoted = useCallback(
    (version: number) => void chat.history.quoted(room.room, version),
    [chat, room.room],
  );

  return (
    <div className="relative min-h-0 flex-1">
      {/* The keys move between messages, which get the focus themselves. */}
      <div
        ref={scroller}
        role="log"
        aria-live="off"
        aria-label={`Messages in ${room.name ?? "this room"}`}
        data-testid="message-list"
        className="flex h-full flex-col overflow-x-hidden overflow-y-auto overscroll-contain [overflow-anchor:none]"
        onKeyDown={cursor.onKeyDown}
      >
        <div
          ref={sizer}
          className={`relative mt-auto w-full shrink-0 ${
            // Rows that pass under the pointer are not hovered.
            scrolling ? "pointer-events-none" : ""
          }`}
        >
          <TopOfList room={room} height={TOP} atBeginning={range.from <= 1} older={older} />
          {items.map((item) => {
            const entry = entries[item.index];
            if (!entry) return null;
            const previous = entries[item.index - 1];
            const key = keyOf(entry);
            const isFirstUnread = isMessage(entry) && entry.n === room.firstUnread;
            return (
              <div
                key={key}
                ref={measure}
                data-index={item.index}
                className="absolute top-0 left-0 w-full"
              >
                {startsDay(entry, previous) && <DayLine at={entry.at} />}
                {isFirstUnread && <UnreadLine />}
                {isNotices(entry) ? (
                  <NoticeLine group={entry} people={people} />
                ) : (
                  <MessageRow
                    message={
                      isMessage(entry) ? withChanges(entry, changes.get(entry.version), me) : entry
                    }
                    leads={
                      isFirstUnread || startsDay(entry, previous) || startsGroup(entry, previous)
                    }
                    rowKey={key}
                    tabbable={cursor.tabbable === key}
                    flash={isMessage(entry) && flashed === entry.version}
                    me={me}
                    role={room.role}
                    mayPost={mayPost}
                    messages={room.open?.view.messages ?? []}
                    people={people}
                    actions={actions}
                    wantQuoted={quoted}
                  />
                )}
              </div>
            );
          })}
        </div>
      </div>
      {(!atEnd || range.to !== Infinity) && <JumpNewest unread={room.unread} onClick={onNewest} />}
      <Confirm
        open={deleting !== null}
        onOpenChange={() => {
          setDeleting(null);
        }}
        title="Delete this message?"
        text="It disappears for everybody in the room. This cannot be undone."
        action="Delete"
        onConfirm={() => {
          if (deleting !== null) chat.commands.remove(room.room, deleting);
        }}
      />
    </div>
  );
}
