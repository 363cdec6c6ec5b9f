import { useState } from "react";
import { ApiError } from "../../client/api";
import { Button } from "../common/Button";
import { Logo } from "../common/Logo";

interface LinkScreenProps {
  /** The name of the person who is already logged in on this device; null if nobody is. */
  present: string | null;
  redeem: () => Promise<void>;
  close: () => void;
}

/**
 * Asks before a link logs a person in: the sender of a link could make others act as the sender.
 */
export function LinkScreen({ present, redeem, close }: LinkScreenProps) {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState("");

  async function go() {
    setBusy(true);
    setProblem("");
    try {
      await redeem();
    } catch (error) {
      setBusy(false);
      setProblem(problemOf(error));
    }
  }

  return (
    <main
      data-testid="link-screen"
      className="flex h-full flex-col items-center justify-center gap-5 overflow-y-auto bg-canvas px-6 py-12 text-center"
    >
      <Logo size={48} />
      <h1 className="text-xl font-semibold tracking-tight text-balance">
        {present === null ? "Continue on this device?" : `You are already here as ${present}`}
      </h1>
      <p className="max-w-sm text-pretty text-soft">
        {present === null
          ? "This link logs in the person who created it. Continue only if you created it yourself."
          : "The link was not used. To continue as another person, log out first, then open the link again."}
      </p>
      {problem !== "" && (
        <p role="alert" className="max-w-sm text-sm text-danger">
          {problem}
        </p>
      )}
      <div className="flex gap-2">
        <Button data-testid="link-close" look="quiet" onClick={close}>
          {present === null ? "Cancel" : "Back to Parley"}
        </Button>
        {present === null && (
          <Button data-testid="link-continue" disabled={busy} onClick={() => void go()}>
            {busy ? "One moment…" : "Continue"}
          </Button>
        )}
      </div>
    </main>
  );
}

function problemOf(error: unknown): string {
  const code = error instanceof ApiError ? error.code : "internal";
  switch (code) {
    case "unauthenticated":
      return "This link was used before, is over, or was ended by logging out. Make a new one.";
    case "network":
      return "Parley cannot be reached. Check your connection, then try again.";
    case "rate_limited":
      return "That was a lot at once. Wait a moment, then try again.";
    default:
      return "The link did not work. Make a new one.";
  }
}
