import { describe, expect, it } from 'vitest';
import { nextRequests } from './nextRequests';

describe('what may be wanted next', () => {
  it('is the lines that end what the agent says, three at most', () => {
    expect(nextRequests('It works.\n\nNext: Add a search field\n- Next: Sort by name\n')).toEqual({
      text: 'It works.',
      next: ['Add a search field', 'Sort by name']
    });
    expect(nextRequests(`Done.\n${'Next: more\n'.repeat(5)}`).next).toHaveLength(3);
  });

  it('is nothing where these lines stand elsewhere, or are none', () => {
    for (const text of ['Next: Add it\nand then it works.', 'Done.', '', 'Next:', 'Next: a']) {
      expect(nextRequests(text)).toEqual({ text, next: [] });
    }
  });
});
