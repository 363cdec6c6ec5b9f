import { useId, useRef, useState, type SyntheticEvent } from "react";
import { ApiError } from "../../client/api";
import { messageOf } from "../../client/problems";
import { Button } from "../common/Button";

interface GuestFormProps {
  nickname: string;
  onNickname: (nickname: string) => void;
  enter: (nickname: string) => Promise<void>;
  /** The button's label. */
  label: string;
  /** The message that is shown while this form has no error. */
  note: string;
}

const MAX_NICKNAME = 32;

export function GuestForm({ nickname, onNickname, enter, label, note }: GuestFormProps) {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const id = useId();
  const field = useRef<HTMLInputElement>(null);

  async function submit(event: SyntheticEvent) {
    event.preventDefault();
    const name = nickname.trim();
    if (name === "") {
      setProblem("Choose a nickname first.");
      return;
    }
    setBusy(true);
    setProblem(null);
    try {
      await enter(name);
    } catch (error) {
      setProblem(problemOf(error));
      setBusy(false);
      field.current?.select();
    }
  }

  const told = problem ?? note;

  return (
    <form onSubmit={(event) => void submit(event)} className="mt-8" noValidate>
      <label htmlFor={id} className="text-sm font-semibold">
        Nickname
      </label>
      <input
        ref={field}
        id={id}
        data-testid="nickname-input"
        className="field mt-1.5 h-12 w-full px-3.5 text-base"
        value={nickname}
        onChange={(event) => {
          onNickname(event.target.value);
        }}
        maxLength={MAX_NICKNAME}
        autoComplete="nickname"
        autoCapitalize="off"
        spellCheck={false}
        // eslint-disable-next-line jsx-a11y/no-autofocus -- the one field of the screen
        autoFocus
        placeholder="ada"
        aria-invalid={problem !== null}
        aria-describedby={told === "" ? undefined : `${id}-note`}
      />
      <p id={`${id}-note`} role="alert" className="mt-1.5 min-h-5 text-sm text-danger">
        {told}
      </p>
      <Button type="submit" data-testid="enter-button" large className="mt-2" disabled={busy}>
        {busy ? "Entering…" : label}
      </Button>
    </form>
  );
}

function problemOf(error: unknown): string {
  if (!(error instanceof ApiError)) return "That did not work. Try again.";
  if (error.code === "invalid") return "This nickname cannot be used. Choose another one.";
  return messageOf(error.code, error.message);
}
