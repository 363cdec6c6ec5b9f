import { useState } from "react";
import { Logo } from "../common/Logo";
import { ThemeToggle } from "../shell/ThemeToggle";
import { GuestForm } from "./GuestForm";
import { SignInButton } from "./SignInButton";
import { Table } from "./Table";

interface EntryScreenProps {
  /** Whether a nickname alone opens a session. */
  guests: boolean;
  enter: (nickname: string) => Promise<void>;
  /** Goes to the hosted sign-in; null if there is none. */
  signIn: ((nickname: string) => Promise<void>) | null;
  /** A message about the current step, instead of the forms. */
  waiting: string | null;
  /** Why a sign-in failed. */
  refused: string;
  /** True if the previous session ended without a logout. */
  ended: boolean;
}

export function EntryScreen({ guests, enter, signIn, waiting, refused, ended }: EntryScreenProps) {
  const [nickname, setNickname] = useState("");
  const again = guests ? "Enter" : "Sign in";
  const over = ended ? `Your session has ended. ${again} again to continue.` : "";

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
          {waiting === null ? (
            <>
              <p className="mt-3 text-pretty text-soft">
                <Words guests={guests} signIn={signIn !== null} />
              </p>
              {guests && (
                <GuestForm
                  nickname={nickname}
                  onNickname={setNickname}
                  enter={enter}
                  label={signIn ? "Enter as a guest" : "Enter"}
                  note={over}
                />
              )}
              {guests && signIn && <Or />}
              {signIn && (
                <SignInButton
                  signIn={() => signIn(nickname.trim())}
                  alone={!guests}
                  note={refused || (guests ? "" : over)}
                />
              )}
            </>
          ) : (
            <Waiting text={waiting} />
          )}
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

function Words({ guests, signIn }: { guests: boolean; signIn: boolean }) {
  if (!signIn) {
    return (
      <>
        Pick a nickname and enter. No password, no <span className="whitespace-nowrap">e-mail</span>
        ; you stay signed in on this device.
      </>
    );
  }
  return guests
    ? "Pick a nickname and enter as a guest, or sign in and be the same person on every device."
    : "Sign in and be the same person on every device. If you are new, the next page makes you an account.";
}

function Or() {
  return (
    <div className="mt-6 flex items-center gap-3 text-sm text-faint" aria-hidden="true">
      <span className="h-px flex-1 bg-line" />
      or
      <span className="h-px flex-1 bg-line" />
    </div>
  );
}

function Waiting({ text }: { text: string }) {
  return (
    <p role="status" className="mt-6 flex items-center gap-3 text-soft" data-testid="entry-waiting">
      <span className="size-4 rounded-full border-2 border-line border-t-accent motion-safe:animate-spin" />
      {text}
    </p>
  );
}
