import { act, cleanup, fireEvent, render, screen } from '@testing-library/react';
import axe from 'axe-core';
import * as React from 'react';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import type { AppEvent } from '../wire/events';
import { SessionStore } from '../view/store';
import { Log, snapshot, summary, TestTransport, USAGE } from '../testing/session';
import { english } from '../controls/translation';
import type { WireMessage } from '../wire/wire';
import { SessionPane } from '../session/Session';
import { SurroundingsContext } from '../controls/surroundings';

beforeAll(() => {
  vi.stubGlobal(
    'ResizeObserver',
    class {
      observe = vi.fn();
      disconnect = vi.fn();
    }
  );
});
afterEach(cleanup);

const PLAN = '# Dark mode\n\n- [ ] a switch\n- [ ] colours';

function planned(log: Log, turn = 't1', plan = 'p1', text = PLAN): AppEvent[] {
  const response = `r${turn}`;
  return [
    log.event('turn.started', { turn, model: 'openai:gpt', mode: 'plan' }),
    log.event('message.user', { turn, text: 'Add a dark mode' }),
    log.event('response.completed', {
      turn,
      response,
      model: 'openai:gpt',
      recorded: false,
      text: '',
      tool_calls: [{ call: `${response}.0`, id: 'x', tool: 'write_plan', arguments: JSON.stringify({ text }) }],
      finish_reason: 'tool_calls',
      usage: USAGE
    }),
    log.event('tool.started', { turn, call: `${response}.0`, tool: 'write_plan', arguments: { text }, by: 'agent' }),
    log.event('plan.written', { plan, turn, text, source: `${response}.0` }),
    log.event('turn.finished', { turn, reason: 'done', message: '', hint: '' })
  ];
}

function open(...messages: WireMessage[]): TestTransport {
  const transport = new TestTransport();
  const store = new SessionStore(transport, flush => act(flush));
  render(
    <SurroundingsContext.Provider value={{ trans: english, host: {} }}>
      <SessionPane store={store} models={[]} />
    </SurroundingsContext.Provider>
  );
  transport.say(...messages);
  return transport;
}

function type(label: string, text: string): void {
  fireEvent.change(screen.getByLabelText(label), { target: { value: text } });
}

function mode(): string {
  return screen.getAllByRole<HTMLInputElement>('radio').find(radio => radio.checked)?.value ?? '';
}

describe('a plan', () => {
  it('stands in the place of the call that wrote it, and is built as it is', async () => {
    const transport = open({ kind: 'events', events: planned(new Log()) }, snapshot());
    expect(screen.getByRole('heading', { name: 'Dark mode' })).toBeTruthy();
    expect(screen.queryByText('Wrote a plan')).toBeNull();
    expect((await axe.run(document.body, { rules: { region: { enabled: false } } })).violations).toEqual([]);
    await act(async () => void fireEvent.click(screen.getByRole('button', { name: 'Build this plan' })));
    expect(transport.asked).toEqual([['accept', 'p1', undefined]]);
  });

  it('is built as the person edited it', async () => {
    const transport = open({ kind: 'events', events: planned(new Log()) }, snapshot());
    fireEvent.click(screen.getByRole('button', { name: 'Edit' }));
    type('The plan, in Markdown', '# Light mode');
    fireEvent.click(screen.getByRole('button', { name: 'Show it' }));
    expect(screen.getByRole('heading', { name: 'Light mode' })).toBeTruthy();
    await act(async () => void fireEvent.click(screen.getByRole('button', { name: 'Build this plan' })));
    expect(transport.asked).toEqual([['accept', 'p1', '# Light mode']]);
  });

  it('folds once it is accepted, and the request that builds it holds it', () => {
    const log = new Log();
    const events = [
      ...planned(log),
      log.event('turn.started', { turn: 't2', model: 'openai:gpt' }),
      log.event('plan.accepted', { plan: 'p1', turn: 't2', edited: true, by: 'person' }),
      log.event('message.user', { turn: 't2', text: 'Build this plan: Light mode\n\n# Light mode\n\nAll of it.' })
    ];
    open({ kind: 'events', events }, snapshot());
    expect(screen.queryByRole('button', { name: 'Build this plan' })).toBeNull();
    expect(screen.getByText('Plan accepted, with edits')).toBeTruthy();
    expect(screen.getByText('The plan, as edited')).toBeTruthy();
    expect(mode()).toBe('build');
  });

  it('shows what is ticked off, less what a dropped turn ticked', () => {
    const log = new Log();
    const tick = (turn: string, call: string, done: number[], items: string[]): AppEvent[] => [
      log.event('tool.started', { turn, call, tool: 'tick_plan', arguments: { items: done }, by: 'agent' }),
      log.event('tool.finished', {
        turn,
        call,
        tool: 'tick_plan',
        ok: true,
        summary: '',
        text: '',
        detail: { plan: 'p1', done, items },
        duration_ms: 1
      })
    ];
    const events = [
      ...planned(log),
      log.event('turn.started', { turn: 't2', model: 'openai:gpt' }),
      log.event('plan.accepted', { plan: 'p1', turn: 't2', edited: false, by: 'person' }),
      log.event('message.user', { turn: 't2', text: `Build this plan: Dark mode\n\n${PLAN}` }),
      ...tick('t2', 'r2.0', [2], ['colours'])
    ];
    const transport = open({ kind: 'events', events }, snapshot());
    expect(screen.getByRole('button', { name: /^The plan/ }).getAttribute('aria-expanded')).toBe('true');
    expect(screen.getByText('· 1 of 2 done')).toBeTruthy();
    expect(screen.getByRole('group', { name: 'Ticked off' }).textContent).toContain('colours');
    const boxes = (): string[] => screen.getAllByRole('listitem').map(item => item.textContent?.slice(0, 1) ?? '');
    expect(boxes()).toEqual(['☐', '☑', '☑']);
    const more = [
      log.event('turn.finished', { turn: 't2', reason: 'done', message: '', hint: '' }),
      log.event('turn.started', { turn: 't3', model: 'openai:gpt' }),
      log.event('message.user', { turn: 't3', text: 'And the rest' }),
      ...tick('t3', 'r3.0', [1], ['a switch'])
    ];
    transport.say({ kind: 'events', events: more });
    expect(screen.getByText('· 2 of 2 done')).toBeTruthy();
    transport.say({ kind: 'events', events: [log.event('turn.dropped', { turn: 't3', checkpoint: 'c1' })] });
    expect(screen.getByText('· 1 of 2 done')).toBeTruthy();
  });

  it('gives way to a later one', () => {
    const log = new Log();
    const events = [...planned(log), ...planned(log, 't2', 'p2', '# Smaller')];
    open({ kind: 'events', events }, snapshot());
    expect(screen.getByText('Earlier plan')).toBeTruthy();
    expect(screen.getAllByRole('button', { name: 'Build this plan' })).toHaveLength(1);
  });

  it('is shown while it arrives', () => {
    const log = new Log();
    const transport = open({ kind: 'events', events: planned(log).slice(0, 2) }, snapshot());
    transport.say({
      kind: 'live',
      n: 2,
      type: 'tool.delta',
      data: { turn: 't1', response: 'r1', index: 0, call: 'r1.0', tool: 'write_plan', arguments: '{"text": "# Da' }
    });
    expect(screen.getByRole('heading', { name: 'Da' })).toBeTruthy();
  });
});

describe('the mode', () => {
  it('goes with the request, and stays for the next one', () => {
    const log = new Log();
    const transport = open(snapshot());
    fireEvent.click(screen.getByRole('radio', { name: 'Ask' }));
    type('Your request', 'What is this?');
    fireEvent.click(screen.getByRole('button', { name: 'Ask' }));
    expect(transport.asked).toEqual([['send', 'What is this?', 'ask']]);
    transport.say({ kind: 'events', events: [log.event('turn.started', { turn: 't1', model: 'm', mode: 'ask' })] });
    transport.say({
      kind: 'events',
      events: [log.event('turn.finished', { turn: 't1', reason: 'done', message: '', hint: '' })]
    });
    expect(mode()).toBe('ask');
  });

  it('is planning once a plan is to be changed', () => {
    open({ kind: 'events', events: planned(new Log()) }, snapshot());
    fireEvent.click(screen.getByRole('radio', { name: 'Build' }));
    fireEvent.click(screen.getByRole('button', { name: 'Change it…' }));
    expect(mode()).toBe('plan');
    expect(document.activeElement).toBe(screen.getByLabelText('Your request'));
  });

  it('cannot be changed under a running request, nor for a recording', () => {
    const log = new Log();
    open({ kind: 'events', events: planned(log).slice(0, 2) }, snapshot());
    expect(screen.getByRole<HTMLInputElement>('radio', { name: 'Build' }).disabled).toBe(true);
    cleanup();
    open(snapshot({ session: summary({ recorded: true }) }));
    expect(screen.getByRole<HTMLInputElement>('radio', { name: 'Plan' }).disabled).toBe(true);
    expect(mode()).toBe('build');
  });
});
