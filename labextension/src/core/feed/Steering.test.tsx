import { act, cleanup, fireEvent, render, screen } from '@testing-library/react';
import axe from 'axe-core';
import * as React from 'react';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { SessionStore } from '../view/store';
import { Log, snapshot, summary, TestTransport } from '../testing/session';
import { english } from '../controls/translation';
import { RequestFailed, type WireMessage } from '../wire/wire';
import { SessionPane } from '../session/Session';
import { SurroundingsContext, type Host } from '../controls/surroundings';

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

function open(host: Host, ...messages: WireMessage[]): { transport: TestTransport; container: HTMLElement } {
  const transport = new TestTransport();
  const store = new SessionStore(transport, flush => act(flush));
  const { container } = render(
    <SurroundingsContext.Provider value={{ trans: english, host }}>
      <SessionPane store={store} models={[]} />
    </SurroundingsContext.Provider>
  );
  transport.say(...messages);
  return { transport, container };
}

/** A turn that was retried, with what the person had changed after it. */
function retried(log: Log): WireMessage[] {
  return [
    { kind: 'events', events: log.turn('t1', 'a board') },
    log.message('file.changed', { path: 'src/mine.ts', change: 'created', by: 'person', added: 1, removed: 0 }),
    log.message('turn.dropped', { turn: 't1', checkpoint: 'first' }),
    log.message('session.restored', { checkpoint: 'first', tree: 't', previous: 'kept' }),
    { kind: 'events', events: log.turn('t2', 'a board') },
    snapshot()
  ];
}

describe('a request that was retried', () => {
  it('is one line that opens, and can be brought back', () => {
    const { transport } = open({}, ...retried(new Log()));
    const line = screen.getByRole('button', { name: /Dropped attempt and edits/ });
    expect(screen.getAllByText('a board', { selector: 'div' })).toHaveLength(1);
    fireEvent.click(line);
    expect(screen.getAllByText('a board', { selector: 'div' })).toHaveLength(2);
    fireEvent.click(screen.getByRole('button', { name: 'Bring back' }));
    expect(transport.asked).toEqual([['restore', 'kept']]);
    expect(screen.queryByText(/Went back to/)).toBeNull();
  });

  it('leaves only the new one to be retried', () => {
    const { transport } = open({}, ...retried(new Log()));
    fireEvent.click(screen.getByRole('button', { name: 'Retry' }));
    expect(transport.asked).toEqual([['retry']]);
    expect(screen.queryByRole('button', { name: 'Continue' })).toBeNull();
  });
});

describe('a message', () => {
  it('can be edited: that asks it in a fork, which is opened', async () => {
    const openSession = vi.fn();
    const log = new Log();
    const { transport, container } = open(
      { openSession },
      { kind: 'events', events: log.turn('t1', 'a board') },
      { kind: 'events', events: log.turn('t2', 'in blue') },
      snapshot()
    );
    fireEvent.click(screen.getByRole('button', { name: 'Edit: in blue' }));
    const box = screen.getByRole<HTMLTextAreaElement>('textbox', { name: 'Edited message' });
    expect(box.value).toBe('in blue');
    fireEvent.change(box, { target: { value: 'in green' } });
    expect((await axe.run(container, { rules: { 'color-contrast': { enabled: false } } })).violations).toEqual([]);
    await act(async () => fireEvent.click(screen.getByRole('button', { name: 'Ask in a copy' })));
    expect(transport.asked).toEqual([['fork', { message: 11 }, 'in green']]);
    expect(openSession).toHaveBeenCalledWith('s2', expect.objectContaining({ name: 'task-board-fork' }));
  });

  it('keeps what was typed when the fork fails', async () => {
    const log = new Log();
    const { transport } = open(
      { openSession: vi.fn() },
      { kind: 'events', events: log.turn('t1', 'a board') },
      snapshot()
    );
    transport.failWith = new RequestFailed({ message: 'The version is gone.', hint: 'Fork at a later one.' });
    fireEvent.click(screen.getByRole('button', { name: 'Edit: a board' }));
    const box = screen.getByRole<HTMLTextAreaElement>('textbox', { name: 'Edited message' });
    fireEvent.change(box, { target: { value: 'a clock' } });
    await act(async () => fireEvent.click(screen.getByRole('button', { name: 'Ask in a copy' })));
    expect(screen.getByText('The version is gone.')).toBeTruthy();
    expect(box.value).toBe('a clock');
    fireEvent.keyDown(box, { key: 'Escape' });
    expect(screen.getByText('a board', { selector: 'div' })).toBeTruthy();
  });

  it('cannot be edited where no other session can be opened', () => {
    open({}, { kind: 'events', events: new Log().turn('t1', 'a board') }, snapshot());
    expect(screen.queryByRole('button', { name: /^Edit/ })).toBeNull();
  });
});

describe('a fork', () => {
  it('says where it is from, leads back there, and counts only what it used itself', () => {
    const openSession = vi.fn();
    const log = new Log();
    open(
      { openSession },
      { kind: 'events', events: log.turn('t1', 'a board') },
      log.message('session.forked', { source: 's0', name: 'tasks' }),
      snapshot({ session: summary({ forked: { source: 's0', name: 'tasks' } }) })
    );
    fireEvent.click(screen.getByRole('button', { name: 'tasks' }));
    expect(openSession).toHaveBeenCalledWith('s0');
    expect(document.querySelector('header')?.textContent).not.toContain('tokens');
  });
});
