import { act, cleanup, fireEvent, render, screen } from '@testing-library/react';
import * as React from 'react';
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { Log, snapshot, TestTransport } from '../testing/session';
import { SessionStore } from '../view/store';
import { RequestFailed } from '../wire/wire';
import { claimOf } from './pointed';
import { Queue } from './queue';
import { SessionPane } from './Session';

beforeAll(() => {
  vi.stubGlobal('ResizeObserver', class { observe = vi.fn(); disconnect = vi.fn(); }); // prettier-ignore
});
beforeEach(() => window.localStorage.clear());
afterEach(cleanup);

const told = (): void => void window.dispatchEvent(new StorageEvent('storage', { key: null }));
const texts = (queue: Queue): string[] => queue.get().map(item => item.text);

describe('requests that wait', () => {
  it('are there after a reload and in the other pages, in the order of the last who changed it', () => {
    const [one, other] = [new Queue('a'), new Queue('a')];
    one.add('First', 'build');
    other.add('Second', 'plan', { files: [], refused: [] });
    told();
    expect(texts(one)).toEqual(['First', 'Second']);
    one.move(one.get()[1]?.key ?? '', -1);
    told();
    expect(texts(new Queue('a'))).toEqual(['Second', 'First']);
    expect(new Queue('a').get()[0]).toMatchObject({ mode: 'plan', pointed: [] });
    expect(texts(new Queue('b'))).toEqual([]);
    other.remove(other.get()[0]?.key ?? '');
    told();
    expect(texts(one)).toEqual(['First']);
  });

  it('are taken as far as they have the shape', () => {
    const kept = [
      null,
      3,
      { key: 'a' },
      { key: 'b', text: ' ' },
      { key: 'c', text: 'Go', mode: 'x', files: 3, pointed: 4 },
      {
        key: 'd',
        text: 'On',
        files: { files: [null, {}, { key: 1 }] },
        pointed: [null, 3, {}, { claim: { tag: 'b' } }]
      }
    ];
    window.localStorage.setItem('jupyter-appbuilder:queue:a', JSON.stringify(kept));
    expect(new Queue('a').get()).toEqual([
      { key: 'c', text: 'Go', mode: 'build', files: undefined, pointed: [] },
      { key: 'd', text: 'On', mode: 'build', files: { files: [], refused: [] }, pointed: [] }
    ]);
    window.localStorage.setItem('jupyter-appbuilder:queue:a', '{');
    expect(texts(new Queue('a'))).toEqual([]);
  });

  it('are there for this page where the browser has no room, and come back with pictures and what was pointed at', () => {
    const gone = vi.fn();
    vi.stubGlobal('URL', Object.assign(URL, { revokeObjectURL: gone }));
    const queue = new Queue('a');
    queue.add('First', 'build');
    const full = vi.spyOn(Storage.prototype, 'setItem').mockImplementation(() => {
      throw new DOMException('full', 'QuotaExceededError');
    });
    const files = { files: [{ key: 1, name: 'a.png', size: 3, picture: 'blob:a', sent: null }], refused: [] };
    const picture = { name: 'f'.repeat(32), address: `data:image/png;base64,${'A'.repeat(1000)}`, width: 2, height: 2 };
    const chip = { key: 1, claim: { tag: 'h1' }, found: { tag: 'h1', text: '', path: '/' }, literal: false, picture };
    queue.add('Second', 'build', files, [chip]);
    queue.add('Third', 'build');
    told();
    queue.move(queue.get()[2]?.key ?? '', -1);
    expect(texts(queue)).toEqual(['First', 'Third', 'Second']);
    full.mockRestore();
    queue.mark(queue.get()[0]?.key ?? '', null);
    expect(texts(new Queue('a'))).toEqual(['First', 'Third', 'Second']);
    expect(window.localStorage.getItem('jupyter-appbuilder:queue:a')).not.toContain('data:image');
    expect(window.localStorage.getItem('jupyter-appbuilder:queue:a')).not.toContain('blob:');
    const [second] = new Queue('a').get().slice(-1);
    expect(second?.pointed.map(claimOf)).toEqual([{ tag: 'h1', picture: picture.name }]);
    expect(queue.take(second?.key ?? '')?.files).toEqual(files);
    expect(gone).not.toHaveBeenCalled();
    queue.add('Fourth', 'build', files);
    queue.remove(queue.get()[2]?.key ?? '');
    expect(gone).toHaveBeenCalledWith('blob:a');
  });

  it('are settled by what the log says of them', () => {
    const queue = new Queue('a');
    queue.add('Arrived', 'build');
    queue.add('Overtaken', 'build');
    queue.add('Under way', 'build');
    const [arrived, overtaken, going] = queue.get().map(item => item.key);
    queue.mark(arrived ?? '', 't1');
    queue.mark(overtaken ?? '', 't2');
    queue.mark(going ?? '', 't3');
    queue.settle(turn => ({ t1: 'Arrived ', t2: 'Another' })[turn] ?? null);
    expect(new Queue('a').get().map(({ text, sent }) => [text, sent])).toEqual([
      ['Overtaken', undefined],
      ['Under way', 't3']
    ]);
  });

  it('go out once after each turn, and stay where that failed', async () => {
    const log = new Log();
    const pages = [new TestTransport(), new TestTransport()] as const;
    const queues = [new Queue('a'), new Queue('a')] as const;
    queues[0].add('Blue', 'build');
    queues[0].add('Round', 'build');
    told();
    // The server takes the first; the other page is refused.
    pages[1].failWith = new RequestFailed({ message: 'Not the last.', reason: 'another_turn' });
    const first = log.turn('t1', 'A clock');
    for (const at of [0, 1] as const) {
      render(<SessionPane store={new SessionStore(pages[at], flush => act(flush))} models={[]} queue={queues[at]} />);
    }
    await act(async () => {
      for (const page of pages) {
        page.say({ kind: 'events', events: first }, snapshot());
      }
    });
    told();
    expect(pages.map(page => page.asked.filter(([what]) => what === 'send'))).toEqual([
      [['send', 'Blue', 't1']],
      [['send', 'Blue', 't1']]
    ]);
    expect(queues.map(texts)).toEqual([['Round'], ['Round']]);
    expect(screen.queryByText('Not the last.')).toBeNull();

    pages[0].failWith = new RequestFailed({ message: 'The server does not answer.' });
    const second = log.turn('t2', 'Blue');
    await act(async () => pages[0].say({ kind: 'events', events: second }));
    expect(screen.getByText('The server does not answer.')).toBeTruthy();
    expect(texts(queues[0])).toEqual(['Round']);
    pages[0].failWith = null;
    await act(
      async () => void fireEvent.click(screen.getAllByRole('button', { name: 'Send now: Round' })[0] as Element)
    );
    expect(texts(queues[0])).toEqual([]);
  });
});
