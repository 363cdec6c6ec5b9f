import { useEffect } from "react";
import { useChatState } from "../chat";

/** The tab's title: the number of unread messages, and the open room. */
export function useTitle(): void {
  const rooms = useChatState((state) => state.rooms);
  const active = useChatState((state) => state.active);
  let unread = 0;
  for (const room of rooms.values()) if (room.role !== null) unread += room.unread;
  const name = active === null ? null : rooms.get(active)?.name;
  const title = `${unread > 0 ? `(${unread}) ` : ""}${name ? `${name} · ` : ""}Parley`;
  useEffect(() => {
    document.title = title;
  }, [title]);
}
