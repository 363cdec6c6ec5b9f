import { useCallback, useEffect, useState } from "react";
import { ApiError, type Api } from "../client/api";
import { Chat } from "../client/chat";
import {
  clearSession,
  loadOutbox,
  loadSession,
  saveOutbox,
  saveSession,
  type Session,
} from "../client/storage";
import { ChatContext } from "./chat";
import { EntryScreen } from "./entry/EntryScreen";
import { Shell } from "./shell/Shell";

export function App({ api }: { api: Api }) {
  const [session, setSession] = useState(loadSession);
  const [chat, setChat] = useState<Chat | null>(null);
  const [ended, setEnded] = useState(false);

  const end = useCallback((over: Session, asked: boolean) => {
    clearSession(over.user.id);
    setSession(null);
    setEnded(!asked);
  }, []);

  useEffect(() => {
    if (!session) return;
    const own = api.withToken(session.token);
    const over = () => {
      end(session, false);
    };
    const started = new Chat({
      api: own,
      me: session.user,
      connect: (url) => new WebSocket(url),
      loadOutbox: () => loadOutbox(session.user.id),
      saveOutbox: (entries) => {
        saveOutbox(session.user.id, entries);
      },
      over,
    });
    // eslint-disable-next-line react-hooks/set-state-in-effect -- the chat lives as long as the effect
    setChat(started);
    started.start();
    own.whoAmI().catch((error: unknown) => {
      if (error instanceof ApiError && error.code === "unauthenticated") over();
    });
    return () => {
      started.stop();
      setChat(null);
    };
  }, [api, session, end]);

  if (!session) {
    return (
      <EntryScreen
        ended={ended}
        enter={async (nickname) => {
          const { token, user } = await api.enter(nickname);
          saveSession({ token, user });
          setEnded(false);
          setSession({ token, user });
        }}
      />
    );
  }
  if (!chat) return null;
  return (
    <ChatContext value={chat}>
      <Shell
        logOut={() => {
          // The token is forgotten here even where the server cannot be told.
          void api
            .withToken(session.token)
            .logOut()
            .catch(() => undefined);
          end(session, true);
        }}
      />
    </ChatContext>
  );
}
