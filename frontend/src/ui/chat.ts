/** The chat of this tab, for components. */
import { createContext, useContext, useSyncExternalStore } from "react";
import type { Chat } from "../client/chat";
import type { State } from "../store/state";

export const ChatContext = createContext<Chat | null>(null);

export function useChat(): Chat {
  const chat = useContext(ChatContext);
  if (!chat) throw new Error("no chat around this component");
  return chat;
}

/** A part of the state. The selector must return an object of the state, not a copy. */
export function useChatState<T>(select: (state: State) => T): T {
  const { store } = useChat();
  return useSyncExternalStore(store.subscribe, () => select(store.get()));
}
