import { useEffect, useState } from "react";
import { SignInError } from "../../client/signIn";
import { Button } from "../common/Button";
import { Icon } from "../common/Icon";

interface SignInButtonProps {
  /** Leaves the page. */
  signIn: () => Promise<void>;
  /** Whether it is the only way to enter. */
  alone: boolean;
  note: string;
}

export function SignInButton({ signIn, alone, note }: SignInButtonProps) {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);

  useEffect(() => {
    // Back from the hosted pages by the browser's button: the page is unchanged.
    const shown = () => {
      setBusy(false);
    };
    addEventListener("pageshow", shown);
    return () => {
      removeEventListener("pageshow", shown);
    };
  }, []);

  async function leave() {
    setBusy(true);
    setProblem(null);
    try {
      await signIn();
    } catch (error) {
      setProblem(error instanceof SignInError ? error.message : "That did not work.");
      setBusy(false);
    }
  }

  return (
    <div className={alone ? "mt-8" : "mt-6"}>
      <Button
        look={alone ? "solid" : "quiet"}
        data-testid="sign-in-button"
        large
        disabled={busy}
        onClick={() => void leave()}
      >
        <Icon name="sign-in" />
        {alone ? "Sign in" : "Sign in with an account"}
      </Button>
      <p role="alert" className="mt-2.5 min-h-5 text-sm text-danger" data-testid="sign-in-note">
        {problem ?? note}
      </p>
    </div>
  );
}
