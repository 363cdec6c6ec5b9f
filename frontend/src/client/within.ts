/** HTTP requests with a deadline: they end with a complete answer, or without one. */

/** An answer and its body as JSON; null if there is none, or it is not JSON. */
export interface Answer {
  readonly status: number;
  readonly ok: boolean;
  readonly body: unknown;
}

/**
 * Milliseconds for a request and its answer. A cold function answers within about five seconds, and
 * API Gateway gives up after thirty; if the network lost the request, there is no answer.
 */
export const ANSWER_WITHIN = 15_000;

/** Rejects if no complete answer arrives by the deadline, and at once if `stop` is aborted. */
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
    // The deadline includes the body: a connection may hang in the middle of it.
    const body: unknown = response.status === 204 ? null : await response.json().catch(() => null);
    if (ended.signal.aborted) throw new DOMException("no answer in time", "TimeoutError");
    return { status: response.status, ok: response.ok, body };
  } finally {
    clearTimeout(timer);
    stop?.removeEventListener("abort", end);
  }
}
