/** What became of an app's request, told to whoever looks elsewhere. */

import type { PublishingStatus } from '../wire/events.generated';
import type { Summary } from '../wire/wire';
import type { RefreshItem } from './items';

export interface News {
  kind: 'done' | 'asks' | 'failed';
  session: Summary;
  /** What ended it, in the server's words. */
  message: string;
}

/** What is new in a session since it was looked at last; what the person did themself, stopping it, is no news. */
export function newsOf(before: Summary | undefined, now: Summary): News | null {
  if (!before) {
    return null;
  }
  if (now.state === 'waiting') {
    return before.state === 'waiting' ? null : { kind: 'asks', session: now, message: '' };
  }
  const { turn } = now;
  const ran = before.turn?.reason === null;
  if (!turn || turn.reason === null || !ran || turn.reason === 'stopped') {
    return null;
  }
  return { kind: turn.reason === 'done' ? 'done' : 'failed', session: now, message: turn.message };
}

/** What is new of a publishing that was seen to go on; one that the person cancelled is no news. */
export function newsOfPublishing(
  before: PublishingStatus | null,
  now: PublishingStatus | null
): 'done' | 'asks' | 'failed' | null {
  if (!now || before?.publish !== now.publish || before.state === now.state) {
    return null;
  }
  switch (now.state) {
    case 'done':
      return 'done';
    case 'waiting':
      return 'asks';
    case 'failed':
      return 'failed';
    default:
      return null;
  }
}

/** Whether a refresh of readers' data is news: one that failed since it was looked at last. They have what they had, so
 * that nobody else would tell. */
export function isNewsOfRefreshing(before: RefreshItem | null, now: RefreshItem | null): now is RefreshItem {
  return now !== null && now.key !== before?.key && now.refreshed.state === 'failed';
}
