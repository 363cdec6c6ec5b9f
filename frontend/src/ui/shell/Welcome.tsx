import { useChatState } from "../chat";
import { Logo } from "../common/Logo";

/** Shown while no room is open. */
export function Welcome() {
  const listed = useChatState((state) => state.listed);
  const any = useChatState((state) => state.rooms.size > 0);
  return (
    <div className="m-auto flex max-w-sm flex-col items-center gap-4 px-8 text-center">
      <Logo size={56} />
      <h1 className="text-xl font-semibold tracking-tight">Nice to see you</h1>
      <p className="text-soft">
        {listed && !any
          ? "Create a room with the plus at the top, or wait for a room to appear in the list."
          : "Choose a room on the left, or create one with the plus."}
      </p>
    </div>
  );
}
