import type { FoldedMessage } from "../../fold/messages";
import { partsOf } from "../../features/feature";
import type { Role } from "../../fold/room";
import { IconButton } from "../common/Button";
import { EmojiPicker } from "./EmojiPicker";
import { emojiName, QUICK } from "./emoji";
import type { RowActions } from "./MessageRow";

interface MessageActionsProps {
  message: FoldedMessage;
  me: string;
  role: Role;
  mayPost: boolean;
  actions: RowActions;
  picking: boolean;
  setPicking: (picking: boolean) => void;
}

/** The buttons above a message that has the pointer or the focus. */
export function MessageActions(props: MessageActionsProps) {
  const { message, me, role, mayPost, actions, picking, setPicking } = props;
  const { version } = message;
  const own = message.by === me;
  return (
    <div
      role="toolbar"
      aria-label="Message actions"
      className="absolute -top-4 right-4 z-10 flex rounded-xl border border-line bg-raised p-0.5 shadow-raised md:right-6"
    >
      {QUICK.map((emoji) => (
        <button
          key={emoji}
          type="button"
          data-testid="quick-reaction"
          aria-label={`React with ${emojiName(emoji)}`}
          title={emojiName(emoji)}
          className="hidden size-8 items-center justify-center rounded-[9px] text-base hover:bg-wash md:inline-flex"
          onClick={() => {
            actions.react(version, emoji, !(message.reactions[emoji] ?? []).includes(me));
          }}
        >
          {emoji}
        </button>
      ))}
      <EmojiPicker
        open={picking}
        onOpenChange={setPicking}
        onPick={(emoji) => {
          setPicking(false);
          actions.react(version, emoji, true);
        }}
      >
        <IconButton data-testid="message-react" icon="smile" label="React" size={18} box="small" />
      </EmojiPicker>
      {mayPost && (
        <IconButton
          data-testid="message-reply"
          icon="reply"
          label="Reply"
          size={18}
          box="small"
          onClick={() => {
            actions.reply(version);
          }}
        />
      )}
      {partsOf("MessageAction").map((Action, index) => (
        <Action key={index} {...actions.of} message={message} role={role} />
      ))}
      {own && message.text !== null && (
        <IconButton
          data-testid="message-edit"
          icon="edit"
          label="Edit"
          size={18}
          box="small"
          onClick={() => {
            actions.edit(version);
          }}
        />
      )}
      {(own || role !== "member") && (
        <IconButton
          data-testid="message-delete"
          icon="trash"
          label="Delete"
          size={18}
          look="danger"
          box="small"
          onClick={() => {
            actions.remove(version);
          }}
        />
      )}
    </div>
  );
}
