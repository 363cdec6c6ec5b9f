import { useCutOff } from "../useCutOff";
import { TimelineSkeleton } from "./TimelineSkeleton";

/** A room that is not loaded: it is on its way, or cannot be read without a connection. */
export function NotOpen() {
  const cutOff = useCutOff();
  if (!cutOff) return <TimelineSkeleton />;
  return (
    <div
      role="status"
      data-testid="room-unreadable"
      className="flex min-h-0 flex-1 flex-col items-center justify-center gap-1 px-8 text-center"
    >
      <p className="font-semibold">This room cannot be read right now</p>
      <p className="max-w-sm text-sm text-pretty text-soft">
        It was not opened here before the connection went. It opens by itself once the connection is
        back.
      </p>
    </div>
  );
}
