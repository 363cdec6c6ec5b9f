import { useId, useRef, useState, type SyntheticEvent } from "react";
import { ApiError } from "../../client/api";
import { messageOf } from "../../client/problems";
import { Button } from "../common/Button";
import { Logo } from "../common/Logo";
import { ThemeToggle } from "../shell/ThemeToggle";
import { Table } from "./Table";

interface EntryScreenProps {
  /** True when the session before this ended without being asked to. */
  ended: boolean;
  enter: (nickname: string) => Promise<void>;
}

const MAX_NICKNAME = 32;

export function EntryScreen({ ended, enter }: EntryScreenProps) {
  const [nickname, setNickname] = useState("");
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
      setProblem(
        error instanceof ApiError ? messageOf(error.code, error.message) : "That did not work.",
      );
      setBusy(false);
      field.current?.select();
    }
  }

  const note = problem ?? (ended ? "Your session has ended. Enter again to go on." : "");

  return (
    <main className="relative grid h-full overflow-y-auto bg-canvas md:grid-cols-[1fr_1.05fr]">
      <div className="absolute top-4 right-4 z-10">
        <ThemeToggle />
      </div>
      <section className="flex flex-col justify-center px-6 py-12 sm:px-14 lg:px-24">
        <div className="mx-auto w-full max-w-sm">
          <div className="flex items-center gap-3">
            <Logo size={40} />
            <span className="text-xl font-semibold tracking-tight">Parley</span>
          </div>
          <h1 className="mt-10 text-[2rem] leading-[1.15] font-semibold tracking-[-0.022em] text-balance">
            Come in, the talk is on.
          </h1>
          <p className="mt-3 text-soft">
            Pick a nickname and enter. No password, no{" "}
            <span className="whitespace-nowrap">e-mail</span>; you stay signed in on this device.
          </p>
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
                setNickname(event.target.value);
              }}
              maxLength={MAX_NICKNAME}
              autoComplete="nickname"
              autoCapitalize="off"
              spellCheck={false}
              // eslint-disable-next-line jsx-a11y/no-autofocus -- the one field of the screen
              autoFocus
              placeholder="ada"
              aria-invalid={problem !== null}
              aria-describedby={note === "" ? undefined : `${id}-note`}
            />
            <p id={`${id}-note`} role="alert" className="mt-1.5 min-h-5 text-sm text-danger">
              {note}
            </p>
            <Button
              type="submit"
              data-testid="enter-button"
              className="mt-2 h-12 w-full text-base"
              disabled={busy}
            >
              {busy ? "Entering…" : "Enter"}
            </Button>
          </form>
        </div>
      </section>
      <aside
        aria-hidden="true"
        className="hidden items-center justify-center overflow-hidden border-l border-line bg-sidebar md:flex"
      >
        <Table />
      </aside>
    </main>
  );
}
