import { useId, useRef, useState } from "react";
import { useChat } from "../chat";
import { Button } from "../common/Button";

/** Creates a link that brings a guest to another device. */
export function DeviceLink() {
  const chat = useChat();
  const id = useId();
  const field = useRef<HTMLInputElement>(null);
  const [link, setLink] = useState("");
  const [busy, setBusy] = useState(false);
  const [copied, setCopied] = useState(false);

  async function make() {
    setBusy(true);
    try {
      const made = await chat.api.link();
      setLink(made);
      setCopied(await written(made));
    } catch {
      chat.toasts.show("The link could not be made. Try again.");
    } finally {
      setBusy(false);
    }
  }

  async function copy() {
    const done = await written(link);
    setCopied(done);
    if (!done) field.current?.select();
  }

  if (link === "") {
    return (
      <Button
        data-testid="make-link"
        look="quiet"
        className="w-full"
        disabled={busy}
        onClick={() => void make()}
      >
        Copy a link for another device
      </Button>
    );
  }
  return (
    <div>
      <label htmlFor={id} className="text-sm font-semibold">
        Your link
      </label>
      <div className="mt-1.5 flex items-center gap-2">
        <input
          ref={field}
          id={id}
          data-testid="device-link"
          className="field h-11 min-w-0 flex-1 px-3 font-mono text-sm"
          value={link}
          readOnly
        />
        <Button data-testid="copy-link" className="h-11" onClick={() => void copy()}>
          {copied ? "Copied" : "Copy"}
        </Button>
      </div>
      <p role="status" className="mt-2 text-sm text-pretty text-soft">
        Open it on your other device within 24 hours, before you log out here. It works once.
        Anybody who has it can act as you, so keep it secret.
      </p>
    </div>
  );
}

/** Whether the clipboard accepted it; only secure pages and this machine have one. */
async function written(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}
