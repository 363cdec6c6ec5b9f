import { useChat, useChatState } from "../chat";

const looks = {
  online: { dot: "bg-online", text: "Connected" },
  connecting: { dot: "bg-waiting motion-safe:animate-pulse", text: "Connecting…" },
  offline: { dot: "bg-danger", text: "Offline" },
} as const;

/** The words alone. */
export function ConnectionStatus() {
  const state = useChatState((all) => all.connection);
  return (
    <span
      role="status"
      data-testid="connection-state"
      data-state={state}
      className="flex items-center gap-1.5 text-xs text-faint"
    >
      <span className={`size-2 rounded-full ${looks[state].dot}`} aria-hidden="true" />
      {looks[state].text}
    </span>
  );
}

export function ConnectionState() {
  const chat = useChat();
  const state = useChatState((all) => all.connection);
  return (
    <span className="flex items-center gap-1.5 text-xs text-faint">
      <ConnectionStatus />
      {state === "offline" && (
        <button
          type="button"
          className="touch font-semibold text-accent underline underline-offset-2"
          onClick={() => {
            chat.reconnect();
          }}
        >
          Retry now
        </button>
      )}
    </span>
  );
}
