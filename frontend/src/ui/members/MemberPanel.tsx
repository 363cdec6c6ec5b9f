import { useEffect, useEffectEvent, useRef, useState } from "react";
import { useVirtualizer } from "@tanstack/react-virtual";
import { mayPass } from "../../client/api";
import type { RoomState } from "../../store/state";
import { useChat, useChatState } from "../chat";
import { IconButton } from "../common/Button";
import { Modal } from "../common/Modal";
import { useAgain } from "../useAgain";
import { AddMember } from "./AddMember";
import { InvitedList } from "./InvitedList";
import { MemberRow } from "./MemberRow";
import { sortMembers } from "./sort";
import { useMembersBeside } from "./useMemberPanel";

interface MemberPanelProps {
  room: RoomState;
  open: boolean;
  onOpenChange: (open: boolean) => void;
}

/** Next to the room if there is space, otherwise a sheet over it. */
export function MemberPanel({ room, open, onOpenChange }: MemberPanelProps) {
  const beside = useMembersBeside();
  if (!beside) {
    return (
      <Modal open={open} onOpenChange={onOpenChange} title="Members" shape="sheet">
        <Members room={room} />
      </Modal>
    );
  }
  if (!open) return null;
  return (
    <aside
      aria-label="Members"
      className="flex w-68 shrink-0 flex-col border-l border-line bg-sidebar"
    >
      <header className="flex h-15 shrink-0 items-center border-b border-line pr-2.5 pl-5">
        <h2 className="flex-1 font-semibold tracking-tight">Members</h2>
        <IconButton
          icon="close"
          label="Close members"
          size={18}
          onClick={() => {
            onOpenChange(false);
          }}
        />
      </header>
      <Members room={room} />
    </aside>
  );
}

const ROW = 48;

function Members({ room }: { room: RoomState }) {
  const chat = useChat();
  const me = useChatState((state) => state.me.id);
  const people = useChatState((state) => state.people);
  const scroller = useRef<HTMLDivElement>(null);
  const [failed, setFailed] = useState(false);
  const complete = room.open?.view.membersComplete ?? false;
  const ready = room.open !== null;

  const again = useAgain(() => {
    setFailed(false);
  });
  const fail = useEffectEvent((error: unknown) => {
    setFailed(true);
    if (mayPass(error)) again.failed();
  });
  useEffect(() => {
    if (!ready || complete || failed) return;
    chat.history.members(room.room).catch(fail);
  }, [chat, room.room, ready, complete, failed]);

  const members = sortMembers(room, people);
  const virtualizer = useVirtualizer({
    count: members.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW,
    overscan: 6,
  });
  const mayAdd = room.role === "owner" || room.role === "moderator";

  return (
    <div data-testid="member-panel" className="flex min-h-0 flex-1 flex-col">
      {mayAdd && <AddMember room={room} />}
      <InvitedList room={room} />
      {/* Rows without buttons cannot have the focus, so the list has it for keyboard scrolling. */}
      <div
        ref={scroller}
        tabIndex={0}
        role="group"
        aria-label="People in the room"
        className="min-h-0 flex-1 overflow-y-auto px-2 py-2 outline-offset-[-2px]"
      >
        {failed && (
          <p className="px-3 py-2 text-sm text-soft">
            The list did not load.{" "}
            <button
              type="button"
              className="touch font-semibold text-accent underline"
              onClick={() => {
                again.stop();
                setFailed(false);
              }}
            >
              Try again
            </button>
          </p>
        )}
        {!complete && !failed && (
          <p role="status" className="px-3 py-2 text-sm text-faint">
            Loading members…
          </p>
        )}
        <ul className="relative" style={{ height: virtualizer.getTotalSize() }}>
          {complete &&
            virtualizer.getVirtualItems().map((item) => {
              const member = members[item.index];
              return (
                member && (
                  <li
                    key={member.user}
                    className="absolute left-0 w-full"
                    style={{ height: ROW, top: item.start }}
                  >
                    <MemberRow room={room} member={member} me={me} />
                  </li>
                )
              );
            })}
        </ul>
      </div>
    </div>
  );
}
