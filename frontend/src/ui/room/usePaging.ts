import { useEffect, useEffectEvent, useState } from "react";
import { mayPass } from "../../client/api";
import type { Range } from "../../fold/history";
import { useChat } from "../chat";
import { useAgain } from "../useAgain";
import { isMessage, type Entry } from "./entries";

/**
 * Distance from an edge, in entries, at which the next page is requested: more than a snapshot has.
 */
const AHEAD = 120;

export interface Older {
  readonly failed: boolean;
  readonly retry: () => void;
}

/** Reads more of the log when the reader comes near an edge of the loaded messages. */
export function usePaging(
  room: string,
  entries: readonly Entry[],
  range: Range,
  /** The indexes in view. */
  shown: { readonly startIndex: number; readonly endIndex: number } | null,
  /** False until the list is at its start: a page above it would move it before that. */
  arrived: boolean,
): Older {
  const { history } = useChat();
  const [failed, setFailed] = useState(false);
  const again = useAgain(() => {
    setFailed(false);
  });
  const nearTop = shown !== null && shown.startIndex < AHEAD;
  const nearBottom = shown !== null && shown.endIndex > entries.length - AHEAD;
  const oldest = entries.find(isMessage)?.version;

  const well = useEffectEvent(() => {
    again.stop();
  });
  const fail = useEffectEvent((error: unknown) => {
    setFailed(true);
    if (mayPass(error)) again.failed();
  });

  useEffect(() => {
    if (!arrived || failed || !nearTop || range.from <= 1 || oldest === undefined) return;
    history.older(room, oldest).then(well, fail);
  }, [history, room, arrived, failed, nearTop, range.from, oldest]);

  useEffect(() => {
    if (!arrived || failed || !nearBottom || range.to === Infinity) return;
    history.newer(room, range.to).then(well, fail);
  }, [history, room, arrived, failed, nearBottom, range.to]);

  return {
    failed,
    retry: () => {
      again.stop();
      setFailed(false);
    },
  };
}
