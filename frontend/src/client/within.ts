/** HTTP requests that end: with an answer that is read whole, or without one by a deadline. */

/** An answer and its body as JSON; null where there is none, or another kind of text. */
export interface Answer {
  readonly status: number;
  readonly ok: boolean;
  readonly body: unknown;
}

/**
 * Milliseconds for a request and its answer. A function that starts cold answers within some five
 * seconds, and API Gateway gives up after thirty; a network that lost the request says nothing.
 */
export const ANSWER_WITHIN = 15_000;

/** Rejects where no whole answer came by the deadline, and at once where `stop` is aborted. */
export async function answerOf(
  url: string,
  init: RequestInit,
  stop: AbortSignal | null = null,
  within = ANSWER_WITHIN,
): Promise<Answer> {
  const ended = new AbortController();
  const end = () => {
    ended.abort();
  };
  if (stop?.aborted) end();
  stop?.addEventListener("abort", end);
  const timer = setTimeout(end, within);
  try {
    const response = await fetch(url, { ...init, signal: ended.signal });
    // The deadline holds for the body too: a connection may hang in the middle of it.
    const body: unknown = response.status === 204 ? null : await response.json().catch(() => null);
    if (ended.signal.aborted) throw new DOMException("no answer in time", "TimeoutError");
    return { status: response.status, ok: response.ok, body };
  } finally {
    clearTimeout(timer);
    stop?.removeEventListener("abort", end);
  }
}
