import { useState } from "react";
import type { RoomState } from "../../store/state";
import { useChat } from "../chat";
import { Button } from "../common/Button";

/** Replaces the composer for people who cannot post. */
export function GuestBar({ room }: { room: RoomState }) {
  const chat = useChat();
  const [busy, setBusy] = useState(false);

  async function join() {
    setBusy(true);
    const problem = await chat.commands.join(room.room);
    setBusy(false);
    if (problem !== null) chat.toasts.show(problem);
  }

  return (
    <div className="mx-3 mb-3 flex min-h-13 items-center justify-between gap-3 rounded-2xl bg-sunken py-2 pr-2 pl-4 text-sm text-soft md:mx-5 md:mb-5">
      {room.role !== null ? (
        <p>Only owners and moderators post here. You can react to what they say.</p>
      ) : room.kind === "private" ? (
        <p>You are not in this room any more.</p>
      ) : (
        <>
          <p>You are reading along.</p>
          <Button
            data-testid="join-button"
            onClick={() => void join()}
            disabled={busy || !room.open}
          >
            {busy ? "Joining…" : "Join the room"}
          </Button>
        </>
      )}
    </div>
  );
}
