import { act, render, screen } from '@testing-library/react';
import * as React from 'react';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { english } from '../controls/translation';
import { byName, ToolsContext } from '../feed/toolLabel';
import { Log, snapshot } from '../testing/session';
import TOOLS from '../testing/tools.json';
import { EMPTY_VIEW, receive, type SessionView } from '../view/view';
import type { Tool } from '../wire/api.generated';
import type { AppEvent, EventData } from '../wire/events';
import { announcement, Announcer, PAUSE_MS, spokenText } from './Announcer';

const tools = byName(TOOLS as Tool[]);
const after = (events: readonly AppEvent[]): SessionView =>
  receive(EMPTY_VIEW, [{ kind: 'events', events: [...events] }, snapshot()]);

it('says a turn as one tells it: it begins, what was done, how it ended', () => {
  const events = new Log().turn('t1', 'a board');
  const said = events.map((_event, at) => announcement(after(events.slice(0, at + 1)), tools, english).text);
  expect(said.filter((text, at) => text !== said[at - 1])).toEqual([
    'The agent is working.',
    'Wrote src/App.tsx.',
    'The agent has finished. 1 file changed. Working on a board.'
  ]);
});

it('says what failed, and what is asked', () => {
  const log = new Log();
  const call = { turn: 't1', call: 'r1.0', tool: 'run_command' };
  const events = [
    log.event('turn.started', { turn: 't1', model: 'openai:gpt' }),
    log.event('tool.started', { ...call, arguments: { command: 'npm test' }, by: 'agent' }),
    log.event('tool.finished', { ...call, ok: false, summary: 'Exit code 1', text: '', detail: {}, duration_ms: 1 })
  ];
  expect(announcement(after(events), tools, english)).toEqual({
    text: 'Did not work: Running npm test. Exit code 1.',
    now: false
  });
  const question = log.event('approval.requested', {
    approval: 'a1',
    turn: 't1',
    question: 'May the agent run this command?',
    kind: 'command'
  } as EventData['approval.requested']);
  expect(announcement(after([...events, question]), tools, english)).toEqual({
    text: 'The agent asks: May the agent run this command? Answer with the buttons in the conversation.',
    now: true
  });
});

it('is text, without marks and without code', () => {
  expect(
    spokenText('# Done\n\nThe **page** is at [home](https://x.y):\n\n- one\n- `two`\n\n```js\nlet a;\n```\n')
  ).toBe('Done The page is at home: one two');
  expect(spokenText('Begun\n\n```\nnever closed')).toBe('Begun');
  expect(spokenText('`'.repeat(20_000))).toBe('');
});

describe('while it works', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('leaves time to listen: of steps that end one after the other the newest is said', () => {
    const log = new Log();
    const events = [log.event('turn.started', { turn: 't1', model: 'openai:gpt' })];
    const shown = (): string => screen.getByRole('status').textContent ?? '';
    const draw = (): React.ReactElement => (
      <ToolsContext.Provider value={tools}>
        <Announcer view={after(events)} />
      </ToolsContext.Provider>
    );
    const { rerender } = render(draw());
    for (const path of ['a.ts', 'b.ts', 'c.ts']) {
      const call = { turn: 't1', call: path, tool: 'read_file' };
      events.push(log.event('tool.started', { ...call, arguments: { path }, by: 'agent' }));
      events.push(log.event('tool.finished', { ...call, ok: true, summary: '', text: '', detail: {}, duration_ms: 1 }));
      rerender(draw());
      expect(shown()).toBe('The agent is working.');
    }
    act(() => void vi.advanceTimersByTime(PAUSE_MS));
    expect(shown()).toBe('Read c.ts.');
    events.push(log.event('turn.finished', { turn: 't1', reason: 'done', message: '', hint: '' }));
    rerender(draw());
    expect(shown()).toBe('The agent has finished.');
  });
});
