import { describe, expect, it } from 'vitest';
import { english } from '../controls/translation';
import { atTime, choiceOf, cronOf, inWords, promised, promiseText, timeOf } from './cronWords';

describe('cron in words', () => {
  it('says what has short words, and nothing of what has none', () => {
    const said = (cron: string): string => inWords(cron, english).replace(/\u202f/g, ' ');
    expect(said('30 6 * * 1-5')).toBe('Monday to Friday at 06:30 AM');
    expect(said('0 6 * * 1,4')).toBe('Monday and Thursday at 06:00 AM');
    expect(said('0 6 * * 7')).toBe('Sunday at 06:00 AM');
    expect(said('5 * * * *')).toBe('Every hour, at minute 5');
    expect(said('*/15 * * * *')).toBe('Every 15 minutes');
    expect(said('0 */6 * * *')).toBe('Every 6 hours, at minute 0');
    expect(said('0 6 15 * *')).toBe('On day 15 of each month at 06:00 AM');
    for (const cron of ['', '0 6 * *', '*/7 * * * *', '0 6 1 1 *', '0 6 1 * 1', '61 6 * * *', '0 6 * * mon']) {
      expect(said(cron)).toBe('');
    }
  });

  it('knows the quick choices, and changes the time alone', () => {
    expect(choiceOf(cronOf('weekdays'))).toBe('weekdays');
    expect(choiceOf(' 7  *  * * *')).toBe('hourly');
    expect(choiceOf('0 6 2 * *')).toBe('');
    expect(atTime('0 6 2 * *', '17:05')).toBe('5 17 2 * *');
    expect(atTime('0 6 2 * *', '')).toBe('0 6 2 * *');
    expect(timeOf('*/5 6 * * *')).toBeNull();
    expect(promiseText(172_800)).toBe('2d');
    expect(promiseText(5400)).toBe('90min');
    expect(promised(172_800)).toBe('2 days');
  });
});
