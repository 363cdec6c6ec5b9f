import { useState } from "react";
import * as Menu from "@radix-ui/react-dropdown-menu";
import type { Role } from "../../fold/room";
import type { RoomState } from "../../store/state";
import { useChat } from "../chat";
import { Avatar } from "../common/Avatar";
import { IconButton } from "../common/Button";
import { Confirm } from "../common/Confirm";
import { outranks, type PanelMember } from "./sort";

interface MemberRowProps {
  room: RoomState;
  member: PanelMember;
  me: string;
}

const roleNames: Readonly<Record<Role, string>> = {
  owner: "Owner",
  moderator: "Moderator",
  member: "Member",
};
const roles: readonly Role[] = ["owner", "moderator", "member"];

export function MemberRow({ room, member, me }: MemberRowProps) {
  const own = member.user === me;
  const mayRemove = !own && outranks(room.role, member.role);
  const maySetRole = room.role === "owner";
  return (
    <div
      data-testid="member"
      data-user={member.user}
      data-role={member.role}
      className="flex h-12 items-center gap-3 rounded-xl px-2.5 hover:bg-line/50"
    >
      <Avatar id={member.user} name={member.name} size={34} online={member.online} />
      <div className="min-w-0 flex-1">
        <div className="truncate text-sm leading-[1.125rem] font-medium">
          {member.name}
          {own && <span className="text-faint"> (you)</span>}
        </div>
        <div className="text-xs leading-4 text-soft">{about(member)}</div>
      </div>
      {(mayRemove || maySetRole) && (
        <MemberMenu room={room} member={member} mayRemove={mayRemove} />
      )}
    </div>
  );
}

/**
 * A person's role, and whether they are online. For others it is unknown whether they will come
 * back.
 */
function about({ role, online }: PanelMember): string {
  if (!online) return roleNames[role];
  return role === "member" ? "Online" : `${roleNames[role]} · online`;
}

interface MemberMenuProps {
  room: RoomState;
  member: PanelMember;
  mayRemove: boolean;
}

const itemLook =
  "touch flex items-center rounded-lg px-3 py-1.5 text-sm outline-none data-disabled:text-faint data-highlighted:bg-wash";

function MemberMenu({ room, member, mayRemove }: MemberMenuProps) {
  const chat = useChat();
  const [removing, setRemoving] = useState(false);
  const owners = [...(room.open?.view.members.values() ?? [])].filter((role) => role === "owner");
  const onlyOwner = member.role === "owner" && owners.length === 1;
  async function run(command: Promise<string | null>) {
    const problem = await command;
    if (problem !== null) chat.toasts.show(problem);
  }
  return (
    // Not modal: to lock the page, Radix adds a <style> element, which the CSP refuses.
    <Menu.Root modal={false}>
      <Menu.Trigger asChild>
        <IconButton
          data-testid="member-menu"
          icon="more"
          label={`Actions for ${member.name}`}
          box="small"
        />
      </Menu.Trigger>
      <Menu.Content
        align="end"
        sideOffset={4}
        collisionPadding={8}
        className="z-50 min-w-44 animate-rise rounded-xl border border-line bg-raised p-1 shadow-float"
      >
        {room.role === "owner" &&
          roles.map((role) => (
            <Menu.Item
              key={role}
              data-testid={`make-${role}`}
              disabled={role === member.role || onlyOwner}
              className={itemLook}
              onSelect={() => void run(chat.commands.setRole(room.room, member.user, role))}
            >
              {role === member.role ? `Is ${role}` : `Make ${role}`}
            </Menu.Item>
          ))}
        {mayRemove && (
          <Menu.Item
            data-testid="remove-member"
            className={`${itemLook} text-danger`}
            onSelect={() => {
              setRemoving(true);
            }}
          >
            Remove from the room
          </Menu.Item>
        )}
      </Menu.Content>
      <Confirm
        open={removing}
        onOpenChange={setRemoving}
        title={`Remove ${member.name}?`}
        text="They leave the room at once. They can come back by invitation, or by joining if the room is open."
        action="Remove"
        testId="remove-confirm"
        onConfirm={() => void run(chat.commands.removeMember(room.room, member.user))}
      />
    </Menu.Root>
  );
}
