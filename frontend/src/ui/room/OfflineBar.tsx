import { useChat } from "../chat";
import { Button } from "../common/Button";
import { useCutOff } from "../useCutOff";

interface OfflineBarProps {
  /** Whether what the person writes here is kept until it can be sent. */
  mayPost: boolean;
}

/** Says in the room that there is no connection, and what that means for it. */
export function OfflineBar({ mayPost }: OfflineBarProps) {
  const chat = useChat();
  const cutOff = useCutOff();
  return (
    <div role="status">
      {cutOff && (
        <div
          data-testid="offline-bar"
          className="mx-3 mb-2 flex flex-wrap items-center gap-x-3 gap-y-1 rounded-[10px] border border-line bg-danger-wash px-3.5 py-2 text-sm text-ink md:mx-5"
        >
          <p className="min-w-0 flex-1 text-pretty">
            <span className="font-semibold">No connection.</span>{" "}
            {mayPost
              ? "New messages do not arrive. What you write is kept here, and sent when the connection is back."
              : "New messages do not arrive until the connection is back."}
          </p>
          <Button
            look="quiet"
            onClick={() => {
              chat.reconnect();
            }}
          >
            Try now
          </Button>
        </div>
      )}
    </div>
  );
}
