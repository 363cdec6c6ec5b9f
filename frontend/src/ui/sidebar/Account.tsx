import { useId, useRef, useState } from "react";
import { useChat, useChatState } from "../chat";
import { Button } from "../common/Button";
import { Modal } from "../common/Modal";
import { DeviceLink } from "./DeviceLink";

interface AccountProps {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  guest: boolean;
}

/** The person's own id, for people who want to invite them and share no room with them. */
export function Account({ open, onOpenChange, guest }: AccountProps) {
  const name = useChatState((state) => state.me.name);
  return (
    <Modal
      open={open}
      onOpenChange={onOpenChange}
      title={name ?? "You"}
      description="People who share no room with you can invite you by your id."
    >
      <OwnId />
      {guest && (
        <div className="px-5 pb-5">
          <DeviceLink />
        </div>
      )}
    </Modal>
  );
}

function OwnId() {
  const chat = useChat();
  const user = useChatState((state) => state.me.id);
  const id = useId();
  const field = useRef<HTMLInputElement>(null);
  const [copied, setCopied] = useState(false);

  async function copy() {
    try {
      // Only secure pages and this machine have a clipboard.
      await navigator.clipboard.writeText(user);
      setCopied(true);
    } catch {
      field.current?.select();
      chat.toasts.show("The browser did not copy it. It is marked: copy it with the keyboard.");
    }
  }

  return (
    <div className="px-5 pt-2 pb-5">
      <label htmlFor={id} className="text-sm font-semibold">
        Your id
      </label>
      <div className="mt-1.5 flex items-center gap-2">
        <input
          ref={field}
          id={id}
          data-testid="own-id"
          className="field h-11 min-w-0 flex-1 px-3 font-mono text-sm"
          value={user}
          readOnly
        />
        <Button data-testid="copy-id" className="h-11" onClick={() => void copy()}>
          {copied ? "Copied" : "Copy"}
        </Button>
      </div>
    </div>
  );
}
