/** Times in the reader's time zone and language. */
const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const dayThisYear = new Intl.DateTimeFormat(undefined, {
  weekday: "long",
  day: "numeric",
  month: "long",
});
const dayOtherYear = new Intl.DateTimeFormat(undefined, {
  day: "numeric",
  month: "long",
  year: "numeric",
});
const short = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
const shortYear = new Intl.DateTimeFormat(undefined, { month: "short", year: "numeric" });
const full = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "medium" });

export function clockTime(at: string): string {
  return clock.format(new Date(at));
}

export function fullTime(at: string): string {
  return full.format(new Date(at));
}

/** A key that is equal for two times of one local day. */
export function dayKey(at: string): string {
  return new Date(at).toDateString();
}

export function dayName(at: string, now = new Date()): string {
  const date = new Date(at);
  const days = daysBetween(date, now);
  if (days === 0) return "Today";
  if (days === 1) return "Yesterday";
  return (date.getFullYear() === now.getFullYear() ? dayThisYear : dayOtherYear).format(date);
}

/** Short enough for a line in the list of rooms. */
export function shortTime(at: string, now = new Date()): string {
  const date = new Date(at);
  if (daysBetween(date, now) === 0) return clock.format(date);
  return (date.getFullYear() === now.getFullYear() ? short : shortYear).format(date);
}

function daysBetween(earlier: Date, later: Date): number {
  const midnight = (date: Date) =>
    new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime();
  return Math.round((midnight(later) - midnight(earlier)) / 86_400_000);
}
