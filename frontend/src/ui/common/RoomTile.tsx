import type { RoomKind } from "../../fold/room";
import { Icon, type IconName } from "./Icon";
import { hueStyle } from "./person";

const icons: Record<RoomKind, IconName> = {
  public: "hash",
  private: "lock",
  broadcast: "megaphone",
};

interface RoomTileProps {
  room: string;
  kind: RoomKind;
  size: number;
}

/** A room's picture: its colour and kind. */
export function RoomTile({ room, kind, size }: RoomTileProps) {
  return (
    <span
      className="person-tile inline-flex shrink-0 items-center justify-center rounded-full"
      style={{ ...hueStyle(room), width: size, height: size }}
    >
      <Icon name={icons[kind]} size={Math.round(size * 0.47)} />
    </span>
  );
}
