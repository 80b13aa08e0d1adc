import { cleanup, fireEvent, render, screen } from '@testing-library/react';
import * as React from 'react';
import { afterEach, describe, expect, it } from 'vitest';
import { Log, snapshot } from '../testing/session';
import { EMPTY_VIEW, receive, type Turn } from '../view/view';
import { Compacted } from './Compacted';

afterEach(cleanup);

const COMPACTED = {
  turn: 't1',
  upto: 40,
  summary: '## Goal\n\nA board for **tasks**.',
  written_by: 'model' as const,
  tokens_before: 182_000,
  tokens_after: 9_000
};

describe('a shortened memory', () => {
  it('is a line of its turn', () => {
    const log = new Log();
    const view = receive(EMPTY_VIEW, [
      log.message('turn.started', { turn: 't1', model: 'm' }),
      log.message('turn.briefed', { turn: 't1', project: 'Files', rules: '' }),
      log.message('history.compacted', COMPACTED),
      snapshot()
    ]);
    const turn = view.entries[0] as Turn;
    expect(turn.items.map(item => item.kind)).toEqual(['compacted']);
  });

  it('says by how much, and shows the summary on request', () => {
    render(<Compacted compacted={COMPACTED} />);
    expect(screen.getByText('Shortened what the model remembers: 182,000 → 9,000 tokens')).toBeTruthy();
    expect(screen.queryByText('tasks')).toBeNull();
    fireEvent.click(screen.getByRole('button', { expanded: false }));
    expect(screen.getByText('tasks')).toBeTruthy();
  });

  it('says when the model did not write it', () => {
    render(<Compacted compacted={{ ...COMPACTED, written_by: 'log' }} />);
    fireEvent.click(screen.getByRole('button'));
    expect(screen.getByText(/built from the log/)).toBeTruthy();
  });
});
