const FIRST = 250;
const LONGEST = 10_000;

/**
 * Milliseconds to wait before attempt number `attempt` (0 for the first retry): full jitter, so
 * that all clients of a restarted server do not reconnect at once.
 */
export function backoff(attempt: number, random: () => number): number {
  return random() * Math.min(LONGEST, FIRST * 2 ** Math.min(attempt, 16));
}
