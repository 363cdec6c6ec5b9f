import { useEffect, useEffectEvent, useState } from "react";
import { mayPass } from "../../client/api";
import { withPeople } from "../../store/state";
import type { FoundPerson } from "../../wire/http";
import { useChat } from "../chat";
import { useAgain } from "../useAgain";

/** Pause in typing, in milliseconds, before the server is asked. */
const PAUSE = 250;
/** Maximum of code points of a nickname, and so of a search for one. */
const LONGEST = 32;

export interface People {
  readonly found: readonly FoundPerson[];
  /** Whether the server has answered exactly this query. */
  readonly answered: boolean;
  readonly failed: boolean;
}

interface Answer {
  readonly words: string;
  readonly found: readonly FoundPerson[];
  readonly failed: boolean;
}

const NONE: Answer = { words: "", found: [], failed: false };

/** The people whom the server finds by name; people who share a room come first. */
export function usePeople(wanted: string): People {
  const chat = useChat();
  const words = Array.from(wanted.trim()).slice(0, LONGEST).join("");
  const [answer, setAnswer] = useState(NONE);
  const [turn, setTurn] = useState(0);
  const again = useAgain(() => {
    setTurn((old) => old + 1);
  });
  const take = useEffectEvent((found: readonly FoundPerson[]) => {
    again.stop();
    setAnswer({ words, found, failed: false });
    const names = Object.fromEntries(found.map(({ user, name }) => [user, name]));
    chat.store.update((state) => withPeople(state, names));
  });
  const fail = useEffectEvent((error: unknown) => {
    setAnswer({ words, found: [], failed: true });
    if (mayPass(error)) again.failed();
  });

  useEffect(() => {
    if (words === "") {
      again.stop();
      return;
    }
    let gone = false;
    const timer = setTimeout(() => {
      chat.api.people(words).then(
        ({ people }) => {
          if (!gone) take(people);
        },
        (error: unknown) => {
          if (!gone) fail(error);
        },
      );
    }, PAUSE);
    return () => {
      gone = true;
      clearTimeout(timer);
    };
  }, [chat, words, turn, again]);

  const current = words !== "" && answer.words === words;
  return {
    found: current ? answer.found : [],
    answered: current && !answer.failed,
    failed: current && answer.failed,
  };
}
