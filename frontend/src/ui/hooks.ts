import { useCallback, useEffect, useState, useSyncExternalStore } from "react";

/** The room in the address: #/room-id. */
export function useRoomInAddress(): string | null {
  const hash = useSyncExternalStore(subscribeHash, () => location.hash);
  return /^#\/([a-z0-9-]{1,64})$/.exec(hash)?.[1] ?? null;
}

export function roomAddress(room: string): string {
  return `#/${room}`;
}

export function goTo(room: string | null): void {
  location.hash = room === null ? "#/" : roomAddress(room);
}

export function useMedia(query: string): boolean {
  const subscribe = useCallback(
    (listener: () => void) => {
      const media = matchMedia(query);
      media.addEventListener("change", listener);
      return () => {
        media.removeEventListener("change", listener);
      };
    },
    [query],
  );
  return useSyncExternalStore(subscribe, () => matchMedia(query).matches);
}

/** True while this tab can be visible. */
export function useAttention(): boolean {
  const [attention, setAttention] = useState(hasAttention);
  useEffect(() => {
    const update = () => {
      setAttention(hasAttention());
    };
    addEventListener("focus", update);
    addEventListener("blur", update);
    document.addEventListener("visibilitychange", update);
    return () => {
      removeEventListener("focus", update);
      removeEventListener("blur", update);
      document.removeEventListener("visibilitychange", update);
    };
  }, []);
  return attention;
}

function hasAttention(): boolean {
  return document.visibilityState === "visible" && document.hasFocus();
}

function subscribeHash(listener: () => void): () => void {
  addEventListener("hashchange", listener);
  return () => {
    removeEventListener("hashchange", listener);
  };
}
