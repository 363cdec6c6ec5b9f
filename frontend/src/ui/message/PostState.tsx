import { messageOf } from "../../client/problems";
import type { PendingPost } from "../../store/pending";
import { Icon } from "../common/Icon";

interface PostStateProps {
  post: PendingPost;
  retry: (id: string) => void;
  discard: (id: string) => void;
}

/** Where a message is on its way. Acknowledged ones look like all others. */
export function PostState({ post, retry, discard }: PostStateProps) {
  if (post.state === "acked") return null;
  if (post.state !== "failed") {
    return (
      <span className="absolute right-5 bottom-1 text-faint" title="Sending…">
        <Icon name="clock" size={13} />
        <span className="sr-only">Sending</span>
      </span>
    );
  }
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
