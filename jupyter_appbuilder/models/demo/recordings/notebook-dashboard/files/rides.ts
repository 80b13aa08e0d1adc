import type { RidesRow } from "@/datasets/rides";

export const stations = [
  { key: "bridge", name: "Harbour bridge", color: "var(--chart-1)" },
  { key: "park", name: "City park", color: "var(--chart-2)" },
  { key: "road", name: "Station road", color: "var(--chart-4)" },
] as const;

export type Station = (typeof stations)[number];

export const weekdays = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/** 0 is Monday. */
function weekday(row: RidesRow): number {
  return (new Date(row.date).getUTCDay() + 6) % 7;
}

export const sum = (rows: readonly RidesRow[]) => rows.reduce((total, row) => total + row.rides, 0);

/** The Monday of a row's week, as 2025-04-07. */
function week(row: RidesRow): string {
  return new Date(Date.parse(row.date) - weekday(row) * 86_400_000).toISOString().slice(0, 10);
}

function mean(rows: readonly RidesRow[]): number {
  return rows.length ? Math.round(sum(rows) / rows.length) : 0;
}

/** The mean of a day, by week and the key of the counter. */
export function byWeek(rows: readonly RidesRow[]) {
  return [...grouped(rows, week)].map(([monday, inside]) => ({ monday, ...perStation(inside) }));
}

/** The mean of a day, by weekday and the key of the counter. */
export function byWeekday(rows: readonly RidesRow[]) {
  return weekdays.map((day, number) => ({ day, ...perStation(rows.filter((row) => weekday(row) === number)) }));
}

/** The mean of a day at work and at the weekend, by the key of the counter. */
export function workAndWeekend(rows: readonly RidesRow[]) {
  const [work, weekend] = [true, false].map((early) => perStation(rows.filter((row) => weekday(row) < 5 === early)));
  return { work: work!, weekend: weekend! };
}

/** All rides of a day against its temperature. */
export function byDay(rows: readonly RidesRow[]) {
  const days = grouped(rows, (row) => row.date);
  return [...days].map(([date, inside]) => ({ date, rides: sum(inside), temperature: inside[0]!.temperature }));
}

function grouped(rows: readonly RidesRow[], key: (row: RidesRow) => string): Map<string, RidesRow[]> {
  const groups = new Map<string, RidesRow[]>();
  for (const row of rows) {
    const group = groups.get(key(row));
    if (group) group.push(row);
    else groups.set(key(row), [row]);
  }
  return groups;
}

function perStation(rows: readonly RidesRow[]): Record<Station["key"], number> {
  const of = (name: string) => mean(rows.filter((row) => row.station === name));
  return { bridge: of("Harbour bridge"), park: of("City park"), road: of("Station road") };
}

export function shortDate(date: Date): string {
  return new Date(date).toLocaleDateString("en", { day: "numeric", month: "short", timeZone: "UTC" });
}
