import { indexOf, type FoldedMessage } from "../../fold/messages";
import { useChatState } from "../chat";
import { IconButton } from "../common/Button";
import { Icon } from "../common/Icon";
import { nameOf } from "../common/person";
import { snippetOf } from "../message/Quote";
import type { Compose } from "./compose";

interface ComposeBannerProps {
  compose: Compose;
  messages: readonly FoldedMessage[];
  cancel: () => void;
}

/** Shows the purpose of the composer if it is not a simple new message. */
export function ComposeBanner({ compose, messages, cancel }: ComposeBannerProps) {
  const people = useChatState((state) => state.people);
  const editing = compose.mode !== "new";
  const version = editing ? null : compose.replyTo;
  if (version === null && !editing) return null;
  const message = version === null ? undefined : messages[indexOf(messages, version)];
  return (
    <div
      data-testid="compose-banner"
      className="flex items-center gap-2 border-b border-line py-1 pr-1.5 pl-4 text-sm text-soft"
    >
      <Icon name={editing ? "edit" : "reply"} size={16} />
      <span className="min-w-0 flex-1 truncate">
        <span className="font-semibold text-ink">
          {editing
            ? "Edit message"
            : `Reply to ${message ? nameOf(people, message.by) : "a message"}`}
        </span>
        {message && <span> · {snippetOf(message)}</span>}
      </span>
      <IconButton icon="close" label="Cancel" size={16} box="small" onClick={cancel} />
    </div>
  );
}
