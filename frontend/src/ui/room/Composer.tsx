import { useEffect, useLayoutEffect, useRef, useState, type KeyboardEvent } from "react";
import { loadDraft, saveDraft } from "../../client/storage";
import type { RoomState } from "../../store/state";
import { useChat, useChatState } from "../chat";
import { IconButton } from "../common/Button";
import { Confirm } from "../common/Confirm";
import { useMedia } from "../hooks";
import { cleanText, lengthOf, MAX_TEXT, parseInput, FRESH, type Compose } from "./compose";
import { ComposeBanner } from "./ComposeBanner";
import { editKey, editNewest, originalOf, versionOf, type Said } from "./edited";
import { keepUnfinished, unfinishedIn } from "./useCompose";

interface ComposerProps {
  room: RoomState;
  compose: Compose;
  setCompose: (compose: Compose) => void;
}

/** The count is shown when this many characters are left. */
const COUNT_FROM = 500;

export function Composer({ room, compose, setCompose }: ComposerProps) {
  const chat = useChat();
  const me = useChatState((state) => state.me.id);
  const field = useRef<HTMLTextAreaElement>(null);
  const touch = useMedia("(pointer: coarse)");
  const [draft, setDraft] = useState(() => loadDraft(me, room.room));
  const outbox = useChatState((state) => state.outbox);
  const messages = room.open?.view.messages ?? [];
  const said: Said = { room: room.room, messages, outbox, me };
  const editing = editKey(compose);
  const original = originalOf(compose, said);
  const [edited, setEdited] = useState(() => {
    const before = unfinishedIn(me, room.room);
    return before && { key: editKey(before.compose), text: before.edited };
  });
  const changed = edited !== null && edited.key === editing ? edited.text : null;
  const value = editing === null ? draft : (changed ?? original);
  const text = cleanText(value);
  const [emptied, setEmptied] = useState(false);
  const left = MAX_TEXT - lengthOf(text);

  // On a touch screen, a person opens a room to read; the keyboard would cover half of it.
  const [restored] = useState(() => (edited === null ? FRESH : compose));
  useEffect(() => {
    const begun = compose !== FRESH && compose !== restored;
    if (!touch || begun) field.current?.focus();
  }, [compose, restored, touch]);

  useLayoutEffect(() => {
    const area = field.current;
    if (!area) return;
    area.style.height = "auto";
    area.style.height = `${Math.min(area.scrollHeight, 220)}px`;
  }, [value]);

  function change(next: string) {
    if (editing !== null) {
      setEdited({ key: editing, text: next });
      keepUnfinished(me, room.room, { compose, edited: next });
      return;
    }
    setDraft(next);
    saveDraft(me, room.room, next);
    if (next.trim() !== "") chat.type(room.room);
  }

  function submit() {
    if (text === "" && editing !== null) setEmptied(true);
    if (text === "" || left < 0) return;
    if (compose.mode === "edit") {
      if (text !== original) chat.commands.edit(room.room, compose.version, text);
    } else if (compose.mode === "edit-post") {
      if (text !== original) chat.commands.editPost(room.room, compose.id, text);
    } else {
      const { text: words, kind } = parseInput(text);
      chat.commands.post(room.room, words, kind, compose.replyTo);
      setDraft("");
      saveDraft(me, room.room, "");
    }
    finish();
    field.current?.focus();
  }

  /** Nothing is left of a message that is edited: that is to delete it. */
  function remove() {
    const version = versionOf(compose, said);
    if (version !== null) chat.commands.remove(room.room, version);
    finish();
  }

  function finish() {
    setEdited(null);
    setCompose(FRESH);
  }

  function onKeyDown(event: KeyboardEvent) {
    // While an input method composes, Enter chooses a word and does not send.
    if (event.nativeEvent.isComposing) return;
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      submit();
    } else if (event.key === "Escape" && compose !== FRESH) {
      event.preventDefault();
      finish();
    } else if (event.key === "ArrowUp" && value === "" && editing === null) {
      const own = editNewest(said);
      if (!own) return;
      event.preventDefault();
      setCompose(own);
    }
  }

  return (
    <div className="shrink-0 px-3 pb-3 md:px-5 md:pb-5">
      <div className="rounded-2xl border border-edge bg-raised shadow-raised transition-colors focus-within:border-accent">
        <ComposeBanner compose={compose} messages={messages} cancel={finish} />
        {left < 0 && (
          <p role="alert" data-testid="too-long" className="px-4 pt-2 text-sm text-danger">
            {tooLong(-left)}
          </p>
        )}
        <div className="flex items-end gap-1 p-1.5 pl-4">
          <textarea
            ref={field}
            data-testid="composer"
            aria-label={`Message ${room.name ?? "the room"}`}
            placeholder={`Message ${room.name ?? "the room"}`}
            rows={1}
            enterKeyHint="send"
            className="max-h-55 min-h-10 flex-1 pointer-coarse:min-h-11 pointer-coarse:py-3 resize-none bg-transparent py-2.5 leading-5 text-ink outline-none placeholder:text-faint placeholder:opacity-100 max-md:text-base"
            value={value}
            onChange={(event) => {
              change(event.target.value);
            }}
            onKeyDown={onKeyDown}
          />
          {left < COUNT_FROM && left >= 0 && (
            <span role="status" className="self-center px-1 text-xs text-faint tabular-nums">
              {left}
            </span>
          )}
          <IconButton
            data-testid="send-button"
            icon={editing === null ? "send" : "check"}
            label={editing === null ? "Send" : "Save"}
            disabled={(text === "" && editing === null) || left < 0}
            look="solid"
            box="large"
            onClick={submit}
          />
        </div>
      </div>
      <Confirm
        open={emptied}
        onOpenChange={setEmptied}
        title="Delete this message?"
        text="There is no text left in it. It disappears for everybody in the room, and this cannot be undone."
        action="Delete"
        onConfirm={remove}
      />
    </div>
  );
}

function tooLong(over: number): string {
  const most = MAX_TEXT.toLocaleString();
  const much = over === 1 ? "1 character" : `${over.toLocaleString()} characters`;
  return `Too long by ${much}: a message can have ${most}. Shorten it to send it.`;
}
