/** Numbers and times as people read them. */

import type { Usage } from '../wire/events';
import { spoken } from './language';
import type { Translation } from './translation';

/** "now", "5 minutes ago", "yesterday", or the date once it is more than a week old. */
export function relativeTime(at: string, now: number, locale = spoken()): string {
  const then = Date.parse(at);
  if (Number.isNaN(then)) {
    return '';
  }
  const seconds = Math.round((then - now) / 1000);
  const format = new Intl.RelativeTimeFormat(locale, { numeric: 'auto' });
  const ago = Math.abs(seconds);
  if (ago < 45) {
    return format.format(0, 'second');
  }
  if (ago < 3600) {
    return format.format(Math.round(seconds / 60), 'minute');
  }
  if (ago < 86_400) {
    return format.format(Math.round(seconds / 3600), 'hour');
  }
  if (ago < 7 * 86_400) {
    return format.format(Math.round(seconds / 86_400), 'day');
  }
  return new Date(then).toLocaleDateString(locale, { year: 'numeric', month: 'short', day: 'numeric' });
}

/** The date of a time, as in "data as of 3 May 2026". */
export function dateOf(at: string): string {
  const date = new Date(at);
  return Number.isNaN(date.getTime()) ? at : date.toLocaleDateString(spoken(), { dateStyle: 'medium' });
}

function decimal(value: number, digits: number): string {
  return value.toLocaleString(spoken() ?? 'en', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/** "0.4 s", "12 s", "3 min 5 s". */
export function duration(ms: number, trans: Translation): string {
  if (ms < 950) {
    return trans.__('%1 s', decimal(Math.max(ms, 100) / 1000, 1));
  }
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) {
    return trans.__('%1 s', seconds);
  }
  return trans.__('%1 min %2 s', Math.floor(seconds / 60), seconds % 60);
}

/** "840", "12.3k", "1.2M". */
export function compact(count: number): string {
  if (count < 1000) {
    return String(count);
  }
  return count < 1_000_000 ? `${decimal(count / 1000, count < 100_000 ? 1 : 0)}k` : `${decimal(count / 1_000_000, 1)}M`;
}

/** "840 B", "3.4 kB", "12.0 MB", "1.2 GB". */
export function bytes(size: number): string {
  if (size < 1000) {
    return `${size} B`;
  }
  const [value, unit] = size < 1e6 ? [size / 1000, 'kB'] : size < 1e9 ? [size / 1e6, 'MB'] : [size / 1e9, 'GB'];
  return `${decimal(value, 1)} ${unit}`;
}

/** "$1.20", "<$0.01", "$0". */
export function money(dollars: number): string {
  if (dollars === 0) {
    return '$0';
  }
  return dollars < 0.01 ? `<$${decimal(0.01, 2)}` : `$${decimal(dollars, 2)}`;
}

/** "12.3k tokens · $0.04": the cost only where the price is known; "≈" where the provider did not say how many. */
export function usageLabel(usage: Usage, trans: Translation): string {
  const tokens = usage.input_tokens + usage.output_tokens;
  if (tokens === 0) {
    return '';
  }
  const about = usage.estimated ? '≈ ' : '';
  const label = trans.__('%1 tokens', about + compact(tokens));
  return usage.cost === null ? label : `${label} · ${money(usage.cost)}`;
}

/** The same in full, for a tooltip. */
export function usageDetail(usage: Usage, trans: Translation): string {
  const lines = [
    trans.__('Input: %1 tokens (%2 from the cache)', usage.input_tokens, usage.cached_tokens),
    trans.__('Output: %1 tokens', usage.output_tokens)
  ];
  if (usage.estimated) {
    lines.push(trans.__('Estimated: the provider does not report token counts'));
  }
  lines.push(
    usage.cost === null ? trans.__('Cost: unknown for this model') : trans.__('Cost: $%1', decimal(usage.cost, 4))
  );
  return lines.join('\n');
}
