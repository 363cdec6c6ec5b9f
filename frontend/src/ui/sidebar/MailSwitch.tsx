import { useEffect, useEffectEvent, useState } from "react";
import { mayPass } from "../../client/api";
import { useChat } from "../chat";
import { useAgain } from "../useAgain";

/** The switch for mail about mentions and direct messages; shown only if an address is known. */
export function MailSwitch() {
  const chat = useChat();
  const [mail, setMail] = useState<boolean | null>(null);

  const [asked, setAsked] = useState(0);
  const again = useAgain(() => {
    setAsked((old) => old + 1);
  });
  const fail = useEffectEvent((error: unknown) => {
    if (mayPass(error)) again.failed();
  });

  useEffect(() => {
    let gone = false;
    chat.notices().then(
      (notices) => {
        if (!gone && notices.address) setMail(notices.mail);
      },
      (error: unknown) => {
        if (!gone) fail(error);
      },
    );
    return () => {
      gone = true;
    };
  }, [chat, asked]);

  if (mail === null) return null;

  async function change(wanted: boolean) {
    setMail(wanted);
    try {
      setMail((await chat.setNotices(wanted)).mail);
    } catch {
      setMail(!wanted);
      chat.toasts.show("That was not saved. Try again.");
    }
  }

  return (
    <label className="touch flex items-center gap-2.5 border-t border-line px-4 py-2 text-xs text-soft">
      <input
        type="checkbox"
        data-testid="mail-switch"
        className="size-4"
        checked={mail}
        onChange={(event) => void change(event.target.checked)}
      />
      Mail me about mentions and direct messages
    </label>
  );
}
