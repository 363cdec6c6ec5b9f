import { useEffect } from "react";
import { useChat, useChatState } from "../chat";
import { useMedia, useRoomInAddress } from "../hooks";
import { RoomScreen } from "../room/RoomScreen";
import { Sidebar } from "../sidebar/Sidebar";
import { Toasts } from "./Toasts";
import { useTitle } from "./useTitle";
import { Welcome } from "./Welcome";

/** The rooms next to the open room; on a phone one or the other. */
export function Shell({ guest, logOut }: { guest: boolean; logOut: () => void }) {
  const chat = useChat();
  const room = useRoomInAddress();
  const wide = useMedia("(min-width: 48rem)");
  const active = useChatState((state) => state.active);
  useTitle();

  useEffect(() => {
    chat.openRoom(room);
  }, [chat, room]);

  return (
    <div className="flex h-dvh">
      {wide ? (
        <Sidebar active={room} guest={guest} logOut={logOut} />
      ) : (
        room === null && (
          <main className="min-w-0 flex-1">
            <h1 className="sr-only">Rooms</h1>
            <Sidebar active={null} guest={guest} logOut={logOut} />
          </main>
        )
      )}
      {(wide || room !== null) && (
        <main className="flex min-w-0 flex-1 flex-col">
          {room === null ? <Welcome /> : active === room && <RoomScreen key={room} room={room} />}
        </main>
      )}
      <Toasts />
    </div>
  );
}
