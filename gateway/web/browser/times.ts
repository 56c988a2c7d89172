const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const day = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long" });
const dayOfYear = new Intl.DateTimeFormat(undefined, { dateStyle: "long" });
const full = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

export function timeText(at: number): string {
  return clock.format(at);
}

export function fullTimeText(at: number): string {
  return full.format(at);
}

export function sameDay(a: number, b: number): boolean {
  return new Date(a).toDateString() === new Date(b).toDateString();
}

/** "Today", "Yesterday", or the date. */
export function dayText(at: number): string {
  const now = new Date();
  if (sameDay(at, now.getTime())) return "Today";
  if (sameDay(at, new Date().setDate(now.getDate() - 1))) return "Yesterday";
  return new Date(at).getFullYear() === now.getFullYear() ? day.format(at) : dayOfYear.format(at);
}
