import { useState } from "react";
import type { Invitation } from "../../wire/http";
import { useChat, useChatState } from "../chat";
import { Button } from "../common/Button";
import { RoomTile } from "../common/RoomTile";
import { goTo } from "../hooks";

/** Rooms that the person is invited to, above their own rooms. */
export function Invitations() {
  const invitations = useChatState((state) => state.invitations);
  if (invitations.length === 0) return null;
  return (
    <section aria-label="Invitations" className="mb-2">
      <h2 className="px-3 pt-2.5 pb-1 text-xs font-semibold text-faint">Invitations</h2>
      <ul>
        {invitations.map((invitation) => (
          <li key={invitation.room}>
            <Line invitation={invitation} />
          </li>
        ))}
      </ul>
    </section>
  );
}

function Line({ invitation }: { invitation: Invitation }) {
  const chat = useChat();
  const [busy, setBusy] = useState(false);
  const name = invitation.name ?? "[erased]";

  async function answer(accepted: boolean) {
    setBusy(true);
    const problem = await chat.commands.answer(invitation.room, invitation.version, accepted);
    setBusy(false);
    if (problem !== null) chat.toasts.show(problem);
    else if (accepted) goTo(invitation.room);
  }

  return (
    <div
      data-testid="invitation"
      data-room={invitation.room}
      className="flex flex-col gap-2 rounded-xl px-2.5 py-2"
    >
      <div className="flex items-center gap-3">
        <RoomTile room={invitation.room} kind={invitation.kind} size={38} />
        <span className="min-w-0 flex-1">
          <span className="block truncate text-[0.9063rem] font-medium">{name}</span>
          <span className="block truncate text-[0.8125rem] text-soft">
            {invitation.by_name ?? "[erased]"} invites you
          </span>
        </span>
      </div>
      <div className="flex gap-2">
        <Button
          data-testid="accept-invitation"
          className="flex-1"
          aria-label={`Accept the invitation to ${name}`}
          disabled={busy}
          onClick={() => void answer(true)}
        >
          Accept
        </Button>
        <Button
          data-testid="decline-invitation"
          className="flex-1"
          look="quiet"
          aria-label={`Decline the invitation to ${name}`}
          disabled={busy}
          onClick={() => void answer(false)}
        >
          Decline
        </Button>
      </div>
    </div>
  );
}
