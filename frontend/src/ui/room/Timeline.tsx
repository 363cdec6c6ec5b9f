import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { messagesIn, rangeAt, type Range } from "../../fold/history";
import { pendingChanges, pendingPosts } from "../../store/pending";
import type { RoomState } from "../../store/state";
import { useChat, useChatState } from "../chat";
import { entriesOf } from "./entries";
import { MessageList } from "./MessageList";
import { NotOpen } from "./NotOpen";
import { OPENED, toMessage, toNewest, type Focus } from "./place";

/** A message to show; a new object for each request. */
export interface Wanted {
  readonly version: number;
}

interface TimelineProps {
  room: RoomState;
  mayPost: boolean;
  wanted: Wanted | null;
  onReply: (version: number) => void;
  onEdit: (version: number) => void;
}

const live: Range = { from: 1, to: Infinity };

/** Selects the loaded range of messages to show; MessageList shows it. */
export function Timeline({ room, mayPost, wanted, onReply, onEdit }: TimelineProps) {
  const chat = useChat();
  const me = useChatState((state) => state.me.id);
  const outbox = useChatState((state) => state.outbox);
  const [focus, setFocus] = useState<Focus>(OPENED);
  const [target, setTarget] = useState<number | null>(null);
  const { open } = room;
  const ranges = open?.ranges;
  const range =
    (focus.at === null ? undefined : rangeAt(ranges ?? [], focus.at)) ?? ranges?.at(-1) ?? live;
  const isLive = range.to === Infinity;

  const all = open?.view.messages;
  const notices = open?.view.notices;
  const messages = useMemo(() => messagesIn(all ?? [], range), [all, range]);
  const entries = useMemo(
    () =>
      entriesOf(
        messages,
        (notices ?? []).filter(
          (notice) => notice.version >= range.from && notice.version <= range.to,
        ),
        isLive ? pendingPosts(outbox, room.room, messages, me) : [],
      ),
    [messages, notices, range, isLive, outbox, room.room, me],
  );
  const changes = useMemo(() => pendingChanges(outbox, room.room), [outbox, room.room]);

  const jump = useCallback(
    (version: number) => {
      setTarget(version);
      chat.history.around(room.room, version).catch(() => {
        setTarget(null);
        chat.toasts.show("That message could not be loaded.");
      });
    },
    [chat, room.room],
  );

  useEffect(() => {
    // eslint-disable-next-line react-hooks/set-state-in-effect -- somebody asked for it elsewhere
    if (wanted !== null) jump(wanted.version);
  }, [wanted, jump]);

  // A jump ends once the target's range is loaded; the list scrolls there by itself.
  const landed = target === null ? undefined : rangeAt(ranges ?? [], target);
  const arrivable = landed !== undefined && (landed.to === Infinity || landed.to > landed.from);
  useEffect(() => {
    if (target === null || !arrivable) return;
    // eslint-disable-next-line react-hooks/set-state-in-effect -- loading is what this waited for
    setTarget(null);
    setFocus((old) => toMessage(old, target, landed === range));
  }, [target, arrivable, landed, range]);

  const goToNewest = useCallback(() => {
    setFocus((old) => toNewest(old, isLive));
  }, [isLive]);

  // The person's own message is at the live end, so show that.
  const writing = useRef(0);
  const posts = outbox.filter(
    ({ command }) => command.action === "post" && command.room === room.room,
  ).length;
  useEffect(() => {
    if (posts > writing.current) goToNewest();
    writing.current = posts;
  }, [posts, goToNewest]);

  if (!open) return <NotOpen />;
  return (
    <MessageList
      key={focus.list}
      room={room}
      entries={entries}
      changes={changes}
      range={range}
      place={focus.place}
      mayPost={mayPost}
      onReply={onReply}
      onEdit={onEdit}
      onJump={jump}
      onNewest={goToNewest}
    />
  );
}
