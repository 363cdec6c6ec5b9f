/**
 * Pinned messages: a button above a message, a line under a pinned one, and a list in the header.
 */
import { useEffect, useEffectEvent, useRef, useState } from "react";
import type { FoldedMessage } from "../../fold/messages";
import { changesFact, changesMessage } from "../../fold/registry";
import { mayPass } from "../../client/api";
import { useChat, useChatState } from "../../ui/chat";
import { Button, IconButton } from "../../ui/common/Button";
import { Icon } from "../../ui/common/Icon";
import { Modal } from "../../ui/common/Modal";
import { useAgain } from "../../ui/useAgain";
import { hueStyle, nameOf } from "../../ui/common/person";
import { fullTime, shortTime } from "../../ui/common/time";
import { snippetOf } from "../../ui/message/Quote";
import { completeMessage } from "../../fold/room";
import type { OpenRoom, RoomState } from "../../store/state";
import type { Messages } from "../../wire/http";
import type { RoomEvent } from "../../wire/room-event";
import { registerFeature, type OfMessage, type OfRoom } from "../feature";

const PIN = { path: "M7.5 3h5l-.6 5 2.600 2.600v1.400h-9v-1.400L8.100 8zM10 12v5" };

changesMessage("MessagePinned", (message, { by }) => ({ ...message, pinned_by: by }));
changesMessage("MessageUnpinned", unpinned);
changesMessage("MessageDeleted", unpinned);
changesFact("pins", "MessagePinned", (pins = [], { data }) => [
  ...without(pins, data.message),
  data.message,
]);
changesFact("pins", "MessageUnpinned", (pins, { data }) => pins && without(pins, data.message));
changesFact("pins", "MessageDeleted", (pins, { data }) => pins && without(pins, data.message));

function without(pins: readonly number[], version: number): number[] {
  return pins.filter((one) => one !== version);
}

function unpinned(message: FoldedMessage): FoldedMessage {
  const rest = { ...message };
  delete rest.pinned_by;
  return rest;
}

/** Members pin in private rooms; elsewhere owners and moderators do. */
function mayPin(kind: OfMessage["kind"], role: OfMessage["role"] | null): boolean {
  return role !== null && (role !== "member" || kind === "private");
}

function usePin(room: string) {
  const chat = useChat();
  return async (version: number, on: boolean) => {
    const problem = await chat.commands.ask({ action: on ? "pin" : "unpin", room, version });
    if (problem !== null) chat.toasts.show(problem);
    return problem === null;
  };
}

function PinAction({ room, kind, message, role }: OfMessage) {
  const pin = usePin(room);
  if (!mayPin(kind, role)) return null;
  const on = message.pinned_by == null;
  return (
    <IconButton
      data-testid="message-pin"
      icon={PIN}
      label={on ? "Pin" : "Unpin"}
      aria-pressed={!on}
      size={18}
      box="small"
      onClick={() => void pin(message.version, on)}
    />
  );
}

function PinMark({ message }: Pick<OfMessage, "message">) {
  const by = message.pinned_by;
  return by == null ? null : <PinnedBy by={by} />;
}

function PinnedBy({ by }: { by: string }) {
  const name = useChatState((state) => nameOf(state.people, by));
  return (
    <p data-testid="message-pinned" className="mt-0.5 flex items-center gap-1 text-xs text-soft">
      <Icon name={PIN} size={14} />
      <span className="truncate">Pinned by {name}</span>
    </p>
  );
}

/** A failed read is repeated automatically, a refused one is not. */
type List = Messages | "loading" | "failed" | "refused";

/** Milliseconds between two reads of a visible list that changes. */
const READ_EVERY = 1_000;
const NONE: readonly RoomEvent[] = [];
const CHANGES: readonly RoomEvent["type"][] = [
  "MessagePinned",
  "MessageUnpinned",
  "MessageDeleted",
];

function lastChange(recent: readonly RoomEvent[]): number {
  return recent.findLast((event) => CHANGES.includes(event.type))?.version ?? 0;
}

/** The tab's state when it requested a list. */
interface Known {
  readonly recent: readonly RoomEvent[];
  readonly people: ReadonlyMap<string, string | null>;
  /** Milliseconds of the page's clock. */
  readonly at: number;
}

/** True if a list that was requested then may have changed since. */
function isOld(list: List, then: Known, { recent, people }: Omit<Known, "at">): boolean {
  // After a new snapshot it is unknown which events the room missed.
  const anew = recent.length === 0 && recent !== then.recent;
  if (anew || lastChange(recent) !== lastChange(then.recent)) return true;
  const messages = typeof list === "object" ? list.messages : [];
  return messages.some(({ by }) => people.get(by) === null && then.people.get(by) !== null);
}

/** The list while it is on the screen (else null), read again when the room or a name changes. */
function usePins({ room, open }: RoomState) {
  const chat = useChat();
  const people = useChatState((state) => state.people);
  const recent = open?.recent ?? NONE;
  const [list, setList] = useState<List | null>(null);
  const known = useRef<Known>({ recent, people, at: 0 });
  const asked = useRef(0);
  const load = async () => {
    known.current = { recent, people, at: performance.now() };
    const ask = (asked.current += 1);
    setList((old) => (old !== null && typeof old === "object" ? old : "loading"));
    const found = await chat.api
      .read<Messages>(`/api/rooms/${room}/pins`)
      .catch((error: unknown) => (mayPass(error) ? "failed" : "refused"));
    // Only the latest request counts: an earlier answer may contain messages that were deleted
    // since.
    if (ask !== asked.current) return;
    setList(found);
  };
  const close = () => {
    asked.current += 1;
    setList(null);
  };
  const again = useEffectEvent(() => void load());
  const retry = useAgain(() => void load());
  useEffect(() => {
    if (list === "failed") retry.failed();
    else if (list !== "loading") retry.stop();
  }, [list, retry]);
  useEffect(() => {
    if (list === null || !isOld(list, known.current, { recent, people })) return;
    const wait = known.current.at + READ_EVERY - performance.now();
    const timer = setTimeout(again, Math.max(0, wait));
    return () => {
      clearTimeout(timer);
    };
  }, [list, recent, people]);
  return { list, load, close };
}

/**
 * A list without content that the tab knows to be gone: deleted messages, texts of erased people.
 */
function withoutGone(page: Messages, open: OpenRoom | null, people: Known["people"]): Messages {
  const deleted = new Set<number>();
  for (const one of open?.view.messages ?? []) if (one.deleted) deleted.add(one.version);
  for (const one of open?.recent ?? NONE) {
    if (one.type === "MessageDeleted") deleted.add(one.data.message);
  }
  const left = page.messages.filter(({ version }) => !deleted.has(version));
  const erased = left.filter(({ by }) => people.get(by) === null && page.people[by] !== null);
  return {
    messages: left.map((one) => (erased.includes(one) ? { ...one, text: null } : one)),
    people: { ...page.people, ...Object.fromEntries(erased.map(({ by }) => [by, null])) },
  };
}

function PinsButton({ room, jump }: OfRoom) {
  const { list, load, close } = usePins(room);
  const count = room.open?.view.facts.pins?.length ?? 0;
  return (
    <>
      <IconButton
        data-testid="pins-toggle"
        icon={PIN}
        label={count === 0 ? "Pinned messages" : `Pinned messages (${count})`}
        onClick={() => void load()}
      />
      <Modal open={list !== null} onOpenChange={close} title="Pinned messages" shape="sheet">
        {list === "loading" && <p className="px-5 py-3 text-soft">Loading…</p>}
        {(list === "failed" || list === "refused") && (
          <div role="alert" className="flex flex-col items-start gap-3 px-5 py-3 text-soft">
            <p>The pinned messages could not be loaded.</p>
            <Button look="quiet" onClick={() => void load()}>
              Try again
            </Button>
          </div>
        )}
        {list !== null && typeof list === "object" && (
          <Pins
            page={list}
            room={room}
            show={(version) => {
              close();
              jump(version);
            }}
            changed={() => void load()}
          />
        )}
      </Modal>
    </>
  );
}

interface PinsProps {
  page: Messages;
  room: OfRoom["room"];
  show: (version: number) => void;
  changed: () => void;
}

function Pins({ page, room, show, changed }: PinsProps) {
  const pin = usePin(room.room);
  const may = mayPin(room.kind, room.role);
  const known = useChatState((state) => state.people);
  const shown = withoutGone(page, room.open, known);
  const people = new Map(Object.entries(shown.people));
  if (shown.messages.length === 0) {
    return (
      <p className="px-5 py-3 text-soft">
        {may
          ? "Nothing is pinned yet. Pin a message with the button over it."
          : "Nothing is pinned yet."}
      </p>
    );
  }
  return (
    <ul data-testid="pins" className="min-h-0 flex-1 overflow-y-auto px-2 pb-4">
      {shown.messages.map((message) => (
        <li key={message.version} className="flex items-start gap-1 rounded-xl hover:bg-sunken">
          <button
            type="button"
            data-testid="pin-show"
            className="min-w-0 flex-1 px-3 py-2 text-left"
            onClick={() => {
              show(message.version);
            }}
          >
            <span className="flex items-baseline gap-2">
              <span className="person-ink truncate font-semibold" style={hueStyle(message.by)}>
                {nameOf(people, message.by)}
              </span>
              <time
                dateTime={message.at}
                title={fullTime(message.at)}
                className="shrink-0 text-xs text-faint tabular-nums"
              >
                {shortTime(message.at)}
              </time>
            </span>
            <span className="line-clamp-3 [overflow-wrap:anywhere] text-soft">
              {snippetOf(completeMessage(message))}
            </span>
          </button>
          {may && (
            <IconButton
              data-testid="pin-remove"
              icon="close"
              label="Unpin"
              size={16}
              box="small"
              className="mt-2 mr-1"
              onClick={() => {
                void pin(message.version, false).then((done) => {
                  if (done) changed();
                });
              }}
            />
          )}
        </li>
      ))}
    </ul>
  );
}

registerFeature({ MessageAction: PinAction, MessageMark: PinMark, HeaderAction: PinsButton });
