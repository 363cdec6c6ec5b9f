import { useMemo, useState } from "react";
import type { RoomState } from "../../store/state";
import { useChat, useChatState } from "../chat";
import { Button } from "../common/Button";
import { MemberPanel } from "../members/MemberPanel";
import { useMemberPanel } from "../members/useMemberPanel";
import { Composer } from "./Composer";
import { GuestBar } from "./GuestBar";
import { OfflineBar } from "./OfflineBar";
import { RoomHeader } from "./RoomHeader";
import { Timeline, type Wanted } from "./Timeline";
import { TypingLine } from "./TypingLine";
import { useCompose } from "./useCompose";

export function RoomScreen({ room: id }: { room: string }) {
  const room = useChatState((state) => state.rooms.get(id));
  const [panel, setPanel] = useMemberPanel();
  const [wanted, setWanted] = useState<Wanted | null>(null);
  const me = useChatState((state) => state.me.id);
  const [compose, setCompose] = useCompose(me, id);
  const hooks = useMemo(
    () => ({
      reply: (version: number) => {
        setCompose({ mode: "new", replyTo: version });
      },
      edit: (version: number) => {
        setCompose({ mode: "edit", version });
      },
    }),
    [setCompose],
  );
  if (!room) return null;
  if (room.refused !== null) return <Refused room={room} />;
  const mayPost = room.role !== null && (room.kind !== "broadcast" || room.role !== "member");
  return (
    <div className="flex min-h-0 flex-1">
      <section className="flex min-w-0 flex-1 flex-col" aria-label={room.name ?? "Room"}>
        <RoomHeader
          room={room}
          panel={panel}
          togglePanel={() => {
            setPanel(!panel);
          }}
          jump={(version) => {
            setWanted({ version });
          }}
        />
        <Timeline
          room={room}
          mayPost={mayPost}
          wanted={wanted}
          onReply={hooks.reply}
          onEdit={hooks.edit}
        />
        <TypingLine room={room} />
        <OfflineBar mayPost={mayPost} />
        {mayPost ? (
          <Composer room={room} compose={compose} setCompose={setCompose} />
        ) : (
          <GuestBar room={room} />
        )}
      </section>
      <MemberPanel room={room} open={panel} onOpenChange={setPanel} />
    </div>
  );
}

function Refused({ room }: { room: RoomState }) {
  const chat = useChat();
  const missing = room.refused === "not_found" || room.refused === "forbidden";
  return (
    <div className="m-auto flex max-w-sm flex-col items-center gap-3 px-8 text-center">
      <h1 className="text-xl font-semibold tracking-tight">
        {missing ? "There is no such room" : "This room could not be opened"}
      </h1>
      <p className="text-soft">
        {missing
          ? "It may be private, and you are not in it."
          : "The server could not show it right now."}
      </p>
      <div className="mt-2 flex gap-2">
        <Button
          look="quiet"
          onClick={() => {
            chat.reloadRoom(room.room);
          }}
        >
          Try again
        </Button>
        <a
          href="#/"
          className="touch inline-flex h-9 items-center rounded-[10px] bg-accent px-3.5 text-sm font-semibold text-on-accent hover:bg-accent-strong"
        >
          All rooms
        </a>
      </div>
    </div>
  );
}
