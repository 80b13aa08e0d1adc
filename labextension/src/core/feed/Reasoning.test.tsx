import { cleanup, fireEvent, render, screen } from '@testing-library/react';
import * as React from 'react';
import { afterEach, describe, expect, it } from 'vitest';
import { Log, snapshot } from '../testing/session';
import { EMPTY_VIEW, receive, type Turn } from '../view/view';
import type { LiveMessage, WireMessage } from '../wire/wire';
import { Reasoning } from './Reasoning';

afterEach(cleanup);

const ANSWER = {
  turn: 't1',
  response: 'r1',
  model: 'm',
  recorded: false,
  text: 'All is done.',
  tool_calls: [],
  finish_reason: 'stop',
  usage: { input_tokens: 1, output_tokens: 1, cached_tokens: 0, cost: null },
  reasoning: 'First **I look**.',
  reasoning_ms: 12_400
};

function thought(n: number, text: string): LiveMessage {
  return { kind: 'live', n, type: 'reasoning.delta', data: { turn: 't1', response: 'r1', text } };
}

function turnOf(messages: WireMessage[]): Turn {
  return receive(EMPTY_VIEW, messages).entries[0] as Turn;
}

describe('what a model thinks', () => {
  it('comes piece by piece, apart from its text', () => {
    const log = new Log();
    const begun = [log.message('turn.started', { turn: 't1', model: 'm' }), snapshot()];
    const turn = turnOf([...begun, thought(1, 'First '), thought(2, 'I look.')]);
    expect(turn.partial).toMatchObject({ reasoning: 'First I look.', text: '' });
  });

  it('is known to who comes later', () => {
    const log = new Log();
    const partial = { turn: 't1', response: 'r1', reasoning: 'First ', text: '', tool_calls: [] };
    const begun = [log.message('turn.started', { turn: 't1', model: 'm' }), snapshot({ n: 1, response: partial })];
    expect(turnOf([...begun, thought(2, 'I look.')]).partial?.reasoning).toBe('First I look.');
  });

  it('stands before what it says', () => {
    const log = new Log();
    const turn = turnOf([
      log.message('turn.started', { turn: 't1', model: 'm' }),
      log.message('response.completed', ANSWER),
      snapshot()
    ]);
    expect(turn.items.map(item => item.kind)).toEqual(['reasoning', 'text']);
    expect(turn.partial).toBeNull();
  });

  it('is folded, and says how long it took', () => {
    render(<Reasoning item={{ kind: 'reasoning', key: 'r1.reasoning', text: ANSWER.reasoning, ms: 12_400 }} />);
    expect(screen.queryByText('I look')).toBeNull();
    fireEvent.click(screen.getByRole('button', { name: 'Thought for 12 s', expanded: false }));
    expect(screen.getByText('I look')).toBeTruthy();
  });

  it('can be followed while it comes, and stays open at its end', () => {
    const item = { kind: 'reasoning' as const, key: 'r1.reasoning', text: 'First', ms: null };
    const { rerender } = render(<Reasoning item={item} />);
    fireEvent.click(screen.getByRole('button', { name: 'Thinking…' }));
    rerender(<Reasoning item={{ ...item, text: 'First, then', ms: 300 }} />);
    expect(screen.getByRole('button', { name: 'Thought', expanded: true })).toBeTruthy();
    expect(screen.getByText('First, then')).toBeTruthy();
  });
});
