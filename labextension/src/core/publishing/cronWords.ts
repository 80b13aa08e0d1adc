/** Cron's five fields in words, and as the quick choices of the form. */

import { spoken } from '../controls/language';
import type { Translation } from '../controls/translation';

export const CHOICES = ['hourly', 'daily', 'weekdays', 'weekly', 'monthly'] as const;

export type Choice = (typeof CHOICES)[number];

interface At {
  minute: number;
  hour: number;
}

const SIX: At = { minute: 0, hour: 6 };

/** The cron text of a quick choice. */
export function cronOf(choice: Choice, at: At = SIX): string {
  const { minute, hour } = at;
  return {
    hourly: `${minute} * * * *`,
    daily: `${minute} ${hour} * * *`,
    weekdays: `${minute} ${hour} * * 1-5`,
    weekly: `${minute} ${hour} * * 1`,
    monthly: `${minute} ${hour} 1 * *`
  }[choice];
}

export function choiceTitle(choice: Choice, trans: Translation): string {
  return {
    hourly: trans.__('Every hour'),
    daily: trans.__('Every day'),
    weekdays: trans.__('Monday to Friday'),
    weekly: trans.__('Every week'),
    monthly: trans.__('Every month')
  }[choice];
}

/** Which quick choice a cron text is; "" for another. */
export function choiceOf(cron: string): Choice | '' {
  const at = timeOf(cron) ?? { minute: number(fields(cron)?.[0] ?? '', 59) ?? 0, hour: 0 };
  return CHOICES.find(choice => cronOf(choice, at) === fields(cron)?.join(' ')) ?? '';
}

/** The one time of day at which it comes; null where there are more. */
export function timeOf(cron: string): At | null {
  const [minutes = '', hours = ''] = fields(cron) ?? [];
  const [minute, hour] = [number(minutes, 59), number(hours, 23)];
  return minute === null || hour === null ? null : { minute, hour };
}

/** The same cron text at another time of day, of an input: `06:30`. */
export function atTime(cron: string, time: string): string {
  const [, hour, minute] = /^(\d\d):(\d\d)/.exec(time) ?? [];
  const [, , ...rest] = fields(cron) ?? [];
  return hour && minute ? [Number(minute), Number(hour), ...rest].join(' ') : cron;
}

/** "Monday to Friday at 06:00"; "" for what has no short words. */
export function inWords(cron: string, trans: Translation): string {
  const told = fields(cron);
  if (!told) {
    return '';
  }
  const [minutes, hours, day, month, weekday] = told;
  const minute = number(minutes, 59);
  const every = (field: string): number | null => (field.startsWith('*/') ? number(field.slice(2), 59) : null);
  if (month !== '*') {
    return '';
  }
  if (day === '*' && weekday === '*') {
    const step = every(minutes);
    if (step !== null && step > 0 && 60 % step === 0 && hours === '*') {
      return trans._n('Every minute', 'Every %1 minutes', step, step);
    }
    const steps = every(hours);
    if (minute !== null && steps !== null && steps > 1 && 24 % steps === 0) {
      return trans.__('Every %1 hours, at minute %2', steps, minute);
    }
    if (minute !== null && hours === '*') {
      return trans.__('Every hour, at minute %1', minute);
    }
  }
  const at = timeOf(cron);
  if (!at) {
    return '';
  }
  const time = clock(at);
  if (day === '*' && weekday === '*') {
    return trans.__('Every day at %1', time);
  }
  if (day === '*' && weekday === '1-5') {
    return trans.__('Monday to Friday at %1', time);
  }
  const days = weekday.split(',').map(one => number(one, 7));
  if (day === '*' && days.every(one => one !== null)) {
    return trans.__('%1 at %2', list([...new Set(days.map(one => (one ?? 0) % 7))].map(weekdayName)), time);
  }
  const date = number(day, 31);
  return weekday === '*' && date ? trans.__('On day %1 of each month at %2', date, time) : '';
}

/** "Mon, 1 Dec, 06:00" in a zone; "" where there is no such zone in this browser. */
export function moment(at: string, zone: string): string {
  try {
    return new Date(at).toLocaleString(spoken(), {
      weekday: 'short',
      day: 'numeric',
      month: 'short',
      hour: '2-digit',
      minute: '2-digit',
      timeZone: zone
    });
  } catch {
    return new Date(at).toLocaleString(spoken());
  }
}

/** How long data may be old, in words: "2 days". */
export function promised(seconds: number): string {
  const [unit, size] =
    seconds % 604_800 === 0
      ? (['week', 604_800] as const)
      : seconds % 86_400 === 0
        ? (['day', 86_400] as const)
        : seconds % 3600 === 0
          ? (['hour', 3600] as const)
          : (['minute', 60] as const);
  const count = Math.round(seconds / size);
  return count.toLocaleString(spoken(), { style: 'unit', unit, unitDisplay: 'long' });
}

/** As the server reads it. */
export function promiseText(seconds: number): string {
  return seconds % 86_400 === 0
    ? `${seconds / 86_400}d`
    : seconds % 3600 === 0
      ? `${seconds / 3600}h`
      : `${Math.round(seconds / 60)}min`;
}

function fields(cron: string): [string, string, string, string, string] | null {
  const found = cron.trim().split(/\s+/);
  return found.length === 5 ? (found as [string, string, string, string, string]) : null;
}

function number(text: string, most: number): number | null {
  return /^\d{1,2}$/.test(text) && Number(text) <= most ? Number(text) : null;
}

function clock({ minute, hour }: At): string {
  return new Date(2026, 0, 5, hour, minute).toLocaleTimeString(spoken(), { hour: '2-digit', minute: '2-digit' });
}

function weekdayName(day: number): string {
  // The 4th of January 2026 was a Sunday.
  return new Date(2026, 0, 4 + day, 12).toLocaleDateString(spoken(), { weekday: 'long' });
}

function list(words: readonly string[]): string {
  return new Intl.ListFormat(spoken(), { type: 'conjunction' }).format(words);
}
