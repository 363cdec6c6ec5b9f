import { useCallback, useEffect, useState, useSyncExternalStore } from "react";
import type { Api } from "../client/api";
import { Chat } from "../client/chat";
import type { Config } from "../client/config";
import { Keeper } from "../client/keeper";
import { forgetKept, sharedShelf } from "../client/shelf";
import type { Links } from "../client/link";
import { leaveToSignIn, signOutUrl, type Arrived } from "../client/signIn";
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
import { LinkScreen } from "./entry/LinkScreen";
import { Shell } from "./shell/Shell";

interface AppProps {
  api: Api;
  config: Config;
  /** A sign-in that returned to this page. */
  arriving: Promise<Arrived> | null;
  /** Links for another device that this page is opened with. */
  links: Links;
}

export function App({ api, config, arriving, links }: AppProps) {
  const { cognito, quietPosts } = config;
  const [session, setSession] = useState(loadSession);
  const [chat, setChat] = useState<Chat | null>(null);
  const [ended, setEnded] = useState(false);
  const [waiting, setWaiting] = useState(arriving && "Signing you in…");
  const [refused, setRefused] = useState("");
  const link = useSyncExternalStore(links.subscribe, links.get);

  const begin = useCallback((begun: Session) => {
    saveSession(begun);
    setEnded(false);
    setRefused("");
    setSession(begun);
  }, []);

  const end = useCallback((over: Session, asked: boolean) => {
    clearSession(over.user.id);
    void forgetKept(over.user.id);
    setSession(null);
    setEnded(!asked);
  }, []);

  useEffect(() => {
    let gone = false;
    void arriving?.then((arrived) => {
      if (gone) return;
      setWaiting(null);
      if ("entered" in arrived) begin({ ...arrived.entered, hosted: true });
      else setRefused(arrived.problem);
    });
    return () => {
      gone = true;
    };
  }, [arriving, begin]);

  useEffect(() => {
    // Back from the hosted pages by the browser's button: nothing is in progress any more.
    const shown = (event: PageTransitionEvent) => {
      if (event.persisted) setWaiting(null);
    };
    addEventListener("pageshow", shown);
    return () => {
      removeEventListener("pageshow", shown);
    };
  }, []);

  useEffect(() => {
    if (!session) return;
    const ended = new AbortController();
    const shared = sharedShelf();
    const own = api.withToken(session.token, ended.signal);
    const over = () => {
      // First: what it would still keep is to be forgotten.
      started.stop();
      end(session, false);
    };
    const started = new Chat({
      api: own,
      me: session.user,
      quietPosts,
      connect: (url) => new WebSocket(url),
      loadOutbox: () => loadOutbox(session.user.id),
      saveOutbox: (entries) => {
        saveOutbox(session.user.id, entries);
      },
      keeper: shared && new Keeper(session.user.id, crypto.randomUUID(), shared.shelf, shared.tabs),
      over,
    });
    // eslint-disable-next-line react-hooks/set-state-in-effect -- the chat lives as long as the effect
    setChat(started);
    started.start();
    return () => {
      started.stop();
      ended.abort();
      setChat(null);
    };
  }, [api, quietPosts, session, end]);

  if (link !== null) {
    return (
      <LinkScreen
        present={session && (session.user.name ?? "somebody")}
        redeem={async () => {
          const { token, user } = await api.enterByLink(link);
          begin({ token, user });
          links.done();
        }}
        close={() => {
          links.done();
        }}
      />
    );
  }
  if (!session) {
    return (
      <EntryScreen
        guests={config.guests}
        enter={async (nickname) => {
          const { token, user } = await api.enter(nickname);
          begin({ token, user });
        }}
        signIn={cognito && ((nickname) => leaveToSignIn(cognito, nickname))}
        waiting={waiting}
        refused={refused}
        ended={ended}
      />
    );
  }
  if (!chat) return null;
  return (
    <ChatContext value={chat}>
      <Shell
        guest={session.hosted !== true}
        logOut={() => {
          chat.stop();
          // The token is deleted here even if the server cannot be reached.
          const told = api
            .withToken(session.token)
            .logOut()
            .catch(() => undefined);
          if (session.hosted && cognito) {
            setWaiting("Signing you out…");
            void told.then(() => {
              location.assign(signOutUrl(cognito, location.origin));
            });
          }
          end(session, true);
        }}
      />
    </ChatContext>
  );
}
