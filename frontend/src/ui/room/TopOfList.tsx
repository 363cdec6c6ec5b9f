import type { RoomState } from "../../store/state";
import { Button } from "../common/Button";
import type { Older } from "./usePaging";

interface TopOfListProps {
  room: RoomState;
  height: number;
  atBeginning: boolean;
  older: Older;
}

/** The content above the oldest loaded message. */
export function TopOfList({ room, height, atBeginning, older }: TopOfListProps) {
  return (
    <div
      className="absolute inset-x-0 top-0 flex flex-col justify-center px-5 md:px-7"
      style={{ height }}
    >
      {older.failed ? (
        <div className="flex items-center justify-center gap-3 text-sm text-soft">
          Older messages could not be loaded.
          <Button look="quiet" onClick={older.retry}>
            Try again
          </Button>
        </div>
      ) : atBeginning ? (
        <>
          <p className="text-lg font-semibold tracking-tight">{room.name ?? "This room"}</p>
          <p className="text-sm text-soft">This is where the room begins.</p>
        </>
      ) : (
        <p role="status" className="text-center text-sm text-faint">
          Loading older messages…
        </p>
      )}
    </div>
  );
}
