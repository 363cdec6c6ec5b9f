import { Logo } from "../common/Logo";

/** For the operator of Parley: it is shown only if nothing would work. */
export function NotConfigured({ what }: { what: string }) {
  return (
    <main className="flex h-full flex-col items-center justify-center gap-4 bg-canvas p-6 text-center">
      <Logo size={40} />
      <h1 className="text-xl font-semibold tracking-tight">Parley is not set up yet</h1>
      <p role="alert" className="max-w-sm text-soft">
        config.json: {what}.
      </p>
    </main>
  );
}
