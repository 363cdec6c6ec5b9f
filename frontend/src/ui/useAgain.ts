import { useEffect, useEffectEvent, useState } from "react";
import { Again } from "../client/again";
import { useChatState } from "./chat";

/**
 * Repeats a failed action: with growing pauses, at once when the connection is back, and not after
 * the component is removed. `failed()` plans the next attempt, `stop()` reports success.
 */
export function useAgain(read: () => void): Again {
  const online = useChatState(({ connection }) => connection === "online");
  const [again] = useState(() => new Again(() => undefined));
  const latest = useEffectEvent(read);
  useEffect(() => {
    again.reads(() => {
      latest();
    });
    return () => {
      again.stop();
    };
  }, [again]);
  useEffect(() => {
    if (online) again.now();
  }, [again, online]);
  return again;
}
