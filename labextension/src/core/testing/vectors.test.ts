/** Rules that stand in Python and in TypeScript, on the same examples (tests/test_vectors.py has the other half). */

import { describe, expect, it } from 'vitest';
import { plainly } from '../feed/plainly';
import { checklist } from '../view/checklist';
import { addUsage, NO_USAGE } from '../view/usage';
import type { Usage } from '../wire/events';

async function vectors<T>(name: string): Promise<T[]> {
  const loaded: { default: T[] } = await import(`../../../../tests/vectors/${name}.json`);
  return loaded.default;
}

interface Checklist {
  case: string;
  text: string;
  items: string[];
  done: number[];
  ticked: string;
}

describe('the items of a plan', async () => {
  it.each(await vectors<Checklist>('checklist'))('$case', ({ text, items, done, ticked }) => {
    expect(checklist(text, done)).toEqual({ items: items.length, text: ticked });
  });
});

describe('letters that hide or turn text', () => {
  it("are the server's", async () => {
    const spans = await vectors<{ first: string; last: string }>('disguises');
    const expected = spans.flatMap(({ first, last }) => {
      const start = parseInt(first, 16);
      return Array.from({ length: parseInt(last, 16) - start + 1 }, (_, at) => start + at);
    });
    const letters = Array.from({ length: 0x10000 }, (_, code) => code);
    expect(letters.filter(code => plainly(String.fromCharCode(code)) !== String.fromCharCode(code))).toEqual(expected);
  });
});

describe('the sum of usage', async () => {
  const usages = await vectors<{ case: string; requests: Usage[]; sum: Usage }>('usage');
  it.each(usages)('$case', ({ requests, sum }) => {
    const total = requests.reduce(addUsage, NO_USAGE);
    const known = sum.cost === null ? null : (expect.closeTo(sum.cost) as number);
    expect(total).toEqual({ ...sum, cost: known });
  });
});
