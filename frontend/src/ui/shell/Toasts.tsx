import { useChat, useChatState } from "../chat";
import { IconButton } from "../common/Button";

export function Toasts() {
  const chat = useChat();
  const toasts = useChatState((state) => state.toasts);
  return (
    <div
      role="status"
      className="pointer-events-none fixed inset-x-0 bottom-24 z-[60] flex flex-col items-center gap-2 px-4"
    >
      {toasts.map((toast) => (
        <div
          key={toast.id}
          className="pointer-events-auto flex max-w-md animate-rise items-center gap-2 rounded-xl border border-line bg-raised py-1.5 pr-1.5 pl-4 text-sm shadow-float"
        >
          {toast.text}
          <IconButton
            icon="close"
            label="Dismiss"
            size={16}
            onClick={() => {
              chat.toasts.dismiss(toast.id);
            }}
          />
        </div>
      ))}
    </div>
  );
}
