import { useEffect, useEffectEvent, useState } from "react";
import { Again } from "../client/again";
import { useChatState } from "./chat";

/**
 * Plans what failed once more: ever more seldom, at once when the connection is back, and not after
 * the component is gone. `failed()` plans, `stop()` tells that it succeeded.
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
