import { describe, expect, it } from 'vitest';
import { summary } from '../testing/session';
import type { Summary } from '../wire/wire';
import type { RefreshItem } from './items';
import { isNewsOfRefreshing, newsOf } from './news';

const turn = (reason: NonNullable<Summary['turn']>['reason'], message = ''): Summary =>
  summary({
    state: reason === null ? 'busy' : 'ready',
    turn: { turn: 't1', mode: 'build', reason, message, hint: '', started_at: '2026-01-01T00:00:00.000Z' }
  });

describe('news of an app', () => {
  it('is the end of a request that ran, a failure with its message, and a question', () => {
    expect(newsOf(turn(null), turn('done'))?.kind).toBe('done');
    expect(newsOf(turn(null), turn('failed', 'No model.'))).toMatchObject({ kind: 'failed', message: 'No model.' });
    expect(newsOf(turn(null), { ...turn(null), state: 'waiting' })?.kind).toBe('asks');
  });

  it('is told once, not of what was there before, and not of what the person stopped', () => {
    expect(newsOf(undefined, turn('done'))).toBeNull();
    expect(newsOf(turn('done'), turn('done'))).toBeNull();
    expect(newsOf(turn(null), turn('stopped'))).toBeNull();
    const waiting: Summary = { ...turn(null), state: 'waiting' };
    expect(newsOf(waiting, waiting)).toBeNull();
    expect(newsOf(waiting, turn(null))).toBeNull();
  });
});

describe('news of readers’ data', () => {
  const item = (key: string, state: RefreshItem['refreshed']['state']): RefreshItem =>
    ({ kind: 'refresh', key, refreshed: { state } }) as RefreshItem;

  it('is a refresh that failed since, once', () => {
    const failed = item('e2', 'failed');
    expect(isNewsOfRefreshing(null, failed)).toBe(true);
    expect(isNewsOfRefreshing(item('e1', 'failed'), failed)).toBe(true);
    expect(isNewsOfRefreshing(failed, failed)).toBe(false);
    expect(isNewsOfRefreshing(failed, item('e3', 'done'))).toBe(false);
    expect(isNewsOfRefreshing(failed, item('e3', 'stopped'))).toBe(false);
  });
});
