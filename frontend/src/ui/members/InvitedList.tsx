import { useState } from "react";
import type { RoomState } from "../../store/state";
import { useChat, useChatState } from "../chat";
import { Avatar } from "../common/Avatar";
import { IconButton } from "../common/Button";
import { Confirm } from "../common/Confirm";
import { nameOf } from "../common/person";

/** Maximum of people in the short list. */
const SHOWN = 50;

/** People with pending invitations, above the members. */
export function InvitedList({ room }: { room: RoomState }) {
  const chat = useChat();
  const people = useChatState((state) => state.people);
  const [withdrawing, setWithdrawing] = useState<string | null>(null);
  const invited = room.open?.view.invited;
  if (!invited || invited.size === 0) return null;
  const mayWithdraw = room.role === "owner" || room.role === "moderator";

  async function withdraw(user: string) {
    const problem = await chat.commands.removeMember(room.room, user);
    if (problem !== null) chat.toasts.show(problem);
  }

  return (
    <div
      tabIndex={0}
      role="group"
      aria-label="Invited people"
      className="max-h-40 shrink-0 overflow-y-auto border-b border-line px-2 py-1 outline-offset-[-2px]"
    >
      <ul>
        {[...invited.keys()].slice(0, SHOWN).map((user) => (
          <li
            key={user}
            data-testid="invited"
            data-user={user}
            className="flex h-12 items-center gap-3 rounded-xl px-2.5"
          >
            <Avatar id={user} name={nameOf(people, user)} size={34} />
            <div className="min-w-0 flex-1">
              <div className="truncate text-sm leading-[1.125rem] font-medium">
                {nameOf(people, user)}
              </div>
              <div className="text-xs leading-4 text-soft">Invited</div>
            </div>
            {mayWithdraw && (
              <IconButton
                data-testid="withdraw-invitation"
                icon="close"
                box="small"
                label={`Withdraw the invitation of ${nameOf(people, user)}`}
                onClick={() => {
                  setWithdrawing(user);
                }}
              />
            )}
          </li>
        ))}
        {invited.size > SHOWN && (
          <li className="px-2.5 py-2 text-xs text-soft">{invited.size - SHOWN} more</li>
        )}
      </ul>
      <Confirm
        open={withdrawing !== null}
        onOpenChange={() => {
          setWithdrawing(null);
        }}
        title={`Withdraw the invitation of ${nameOf(people, withdrawing ?? "")}?`}
        text="Nobody can invite them to this room again for seven days."
        action="Withdraw"
        testId="withdraw-confirm"
        onConfirm={() => {
          if (withdrawing !== null) void withdraw(withdrawing);
        }}
      />
    </div>
  );
}
