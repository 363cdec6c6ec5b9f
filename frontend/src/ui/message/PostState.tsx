import { messageOf } from "../../client/problems";
import type { PendingPost } from "../../store/pending";
import { Icon } from "../common/Icon";
import { useCutOff } from "../useCutOff";

interface PostStateProps {
  post: PendingPost;
  retry: (id: string) => void;
  discard: (id: string) => void;
}

/** The state of a message that is being sent. Acknowledged messages look like all others. */
export function PostState({ post, retry, discard }: PostStateProps) {
  if (post.state === "acked") return null;
  if (post.state === "waiting") return <Waiting id={post.id} cancel={discard} />;
  if (post.state !== "failed") return <Sending />;
  return (
    <div className="mt-0.5 flex flex-wrap items-center gap-x-3 text-xs text-danger" role="alert">
      <span className="flex items-center gap-1">
        <Icon name="alert" size={14} />
        Not sent. {post.problem && messageOf(post.problem.code, post.problem.message)}
      </span>
      <button
        type="button"
        data-testid="message-retry"
        className="touch font-semibold underline underline-offset-2"
        onClick={() => {
          retry(post.id);
        }}
      >
        Retry
      </button>
      <button
        type="button"
        data-testid="message-discard"
        className="touch font-semibold underline underline-offset-2"
        onClick={() => {
          discard(post.id);
        }}
      >
        Discard
      </button>
    </div>
  );
}

function Sending() {
  return (
    <span className="absolute right-5 bottom-1 text-faint" title="Sending…">
      <Icon name="clock" size={13} />
      <span className="sr-only">Sending</span>
    </span>
  );
}

interface WaitingProps {
  id: string;
  cancel: (id: string) => void;
}

/** The server knows nothing of it yet, so it can be taken back as if it was never written. */
function Waiting({ id, cancel }: WaitingProps) {
  const cutOff = useCutOff();
  // Between two acknowledgements a message waits for a moment; that needs no words.
  if (!cutOff) return <Sending />;
  return (
    <div className="mt-0.5 flex flex-wrap items-center gap-x-3 text-xs text-soft">
      <span className="flex items-center gap-1">
        <Icon name="clock" size={13} />
        Waits for the connection
      </span>
      <button
        type="button"
        data-testid="message-cancel"
        className="touch font-semibold underline underline-offset-2"
        onClick={() => {
          cancel(id);
        }}
      >
        Cancel
      </button>
    </div>
  );
}
