import { useEffect, useState } from "react";
import { useChatState } from "./chat";

/** Milliseconds without a connection that are not worth a word: most are a moment long. */
const PATIENCE = 2_000;

/** Whether there has been no connection for a while; attempts in between change nothing. */
export function useCutOff(): boolean {
  const online = useChatState(({ connection }) => connection === "online");
  const [late, setLate] = useState(false);
  useEffect(() => {
    if (online) return;
    const timer = setTimeout(() => {
      setLate(true);
    }, PATIENCE);
    return () => {
      clearTimeout(timer);
      setLate(false);
    };
  }, [online]);
  return late && !online;
}
