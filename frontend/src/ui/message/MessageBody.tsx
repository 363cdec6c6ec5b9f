import type { FoldedMessage } from "../../fold/messages";
import type { PendingPost } from "../../store/pending";
import { hueStyle } from "../common/person";
import { fullTime } from "../common/time";
import { MessageText } from "../text/MessageText";

interface MessageBodyProps {
  message: FoldedMessage | PendingPost;
  name: string;
}

export function MessageBody({ message, name }: MessageBodyProps) {
  const posted = "n" in message ? message : null;
  const waiting = posted === null && message.text !== null;
  if (posted?.deleted) return <p className="text-faint italic">Message deleted</p>;
  if (message.text === null) {
    return (
      <p data-testid="message-text" className="text-faint italic">
        [no longer kept]
      </p>
    );
  }
  const action = message.kind === "action";
  return (
    <p
      data-testid="message-text"
      className={`break-words whitespace-pre-wrap [overflow-wrap:anywhere] ${
        action ? "text-soft italic" : ""
      } ${waiting ? "text-soft" : ""}`}
    >
      {action && (
        <span className="person-ink font-semibold not-italic" style={hueStyle(message.by)}>
          {name}{" "}
        </span>
      )}
      <MessageText text={message.text} />
      {posted?.edited_at != null && (
        <span className="ml-1.5 text-2xs text-faint not-italic" title={fullTime(posted.edited_at)}>
          edited
        </span>
      )}
    </p>
  );
}
