import { describe, expect, it } from 'vitest';
import { Log, snapshot, summary, USAGE } from '../testing/session';
import { EMPTY_VIEW, receive, type SessionView, type ToolItem, type Turn } from './view';
import { DEMO } from '../wire/events';
import type { WireMessage } from '../wire/wire';

function turnOf(view: SessionView, at = 0): Turn {
  const entry = view.entries[at];
  if (entry?.kind !== 'turn') {
    throw new Error(`entry ${at} is no turn`);
  }
  return entry;
}

function play(...messages: WireMessage[]): SessionView {
  return receive(EMPTY_VIEW, messages);
}

describe('a turn', () => {
  it('is put together from its events', () => {
    const log = new Log();
    const view = play({ kind: 'events', events: log.turn('t1', 'a board') }, snapshot());
    const turn = turnOf(view);
    expect(turn.request).toBe('a board');
    expect(turn.items.map(item => item.kind)).toEqual(['text', 'tool']);
    expect(turn.items[1]).toMatchObject({ state: 'done', arguments: { path: 'src/App.tsx' } });
    expect((turn.items[1] as ToolItem).files).toHaveLength(1);
    expect(turn.reason).toBe('done');
    expect(turn.checkpoint?.checkpoint).toBe('commit-t1');
    expect(view.usage).toEqual(USAGE);
    expect(view.seq).toBe(log.seq);
  });

  it('is the same however its messages are cut into batches', () => {
    const log = new Log();
    const ask = {
      turn: 't2',
      call: 'r9.0',
      kind: 'command' as const,
      subject: 'rm -r src',
      question: 'May it?',
      reason: '',
      remember: false
    };
    const error = { kind: 'page', message: 'x is not defined' } as never;
    const first = log.turn('t1', 'a board');
    const messages: WireMessage[] = [
      { kind: 'events', events: first },
      snapshot(),
      log.message('file.changed', { path: 'a', change: 'edited', by: 'person', added: 1, removed: 0 } as never),
      log.message('preview.error', error),
      log.message('turn.started', { turn: 't2', model: 'openai:gpt' }),
      log.message('message.user', { turn: 't2', text: 'more' }),
      ...['I ', 'am ', 'on it'].map(
        (text, n) =>
          ({
            kind: 'live',
            n,
            type: 'text.delta',
            data: { turn: 't2', response: 'r9', text }
          }) as unknown as WireMessage
      ),
      ...['{"comm', 'and":"ls"}'].map(
        (piece, n) =>
          ({
            kind: 'live',
            n: n + 5,
            type: 'tool.delta',
            data: { turn: 't2', response: 'r9', index: 0, call: 'r9.0', tool: 'run_command', arguments: piece }
          }) as unknown as WireMessage
      ),
      log.message('approval.requested', { approval: 'r9.0.a1', ...ask } as never),
      log.message('approval.given', { approval: 'r9.0.a1', granted: true, remember: false } as never),
      log.message('tool.started', {
        turn: 't2',
        call: 'r9.0',
        tool: 'run_command',
        arguments: { command: 'ls' },
        by: 'agent'
      }),
      ...['one\n', 'two\n'].map(
        (text, n) =>
          ({ kind: 'live', n: n + 9, type: 'tool.output', data: { call: 'r9.0', text } }) as unknown as WireMessage
      ),
      log.message('preview.error', error),
      { kind: 'events', events: first }, // once more, as after a reconnection
      snapshot({ outputs: { 'r9.0': 'one\ntwo\n' } }),
      log.message('turn.finished', { turn: 't2', reason: 'stopped', message: 'Stopped.', hint: '' })
    ];
    const together = play(...messages);
    for (let cut = 1; cut < messages.length; cut += 1) {
      for (let size = 1; size <= 3; size += 1) {
        let view = play(...messages.slice(0, cut));
        const held = JSON.stringify(view.entries);
        const before = view;
        for (let at = cut; at < messages.length; at += size) {
          view = receive(view, messages.slice(at, at + size));
        }
        expect(view).toEqual(together);
        expect(JSON.stringify(before.entries)).toBe(held); // what was drawn is not changed under the page
      }
    }
  });

  it('is the same whether its events come one by one or in one batch', () => {
    const events = new Log().turn('t1', 'a board');
    const together = play({ kind: 'events', events });
    const apart = events.reduce(
      (view, event) => receive(view, [{ kind: 'events', events: [event] }]),
      EMPTY_VIEW as SessionView
    );
    expect(apart).toEqual(together);
  });

  it('that ended without a result for a tool says it was interrupted', () => {
    const log = new Log();
    const view = play(
      log.message('turn.started', { turn: 't1', model: 'm' }),
      log.message('tool.started', { turn: 't1', call: 'c', tool: 'run_command', arguments: {}, by: 'agent' }),
      log.message('turn.finished', { turn: 't1', reason: 'stopped', message: '', hint: '' })
    );
    expect(turnOf(view).items[0]).toMatchObject({ state: 'interrupted' });
  });

  it('of the demo says from its start that its answers are recorded', () => {
    const started = (model: string): SessionView => play(new Log().message('turn.started', { turn: 't1', model }));
    expect(turnOf(started(DEMO)).recorded).toBe(true);
    expect(turnOf(started('openai:demo')).recorded).toBe(false);
  });

  it('that another server took up goes on, and says so', () => {
    const log = new Log();
    const view = play(
      log.message('turn.started', { turn: 't1', model: 'm' }),
      log.message('tool.started', { turn: 't1', call: 'c', tool: 'read_file', arguments: {}, by: 'agent' }),
      log.message('turn.resumed', { turn: 't1' })
    );
    expect(turnOf(view).reason).toBeNull();
    expect(turnOf(view).items.map(item => item.kind)).toEqual(['tool', 'resumed']);
    expect(turnOf(view).items[0]).toMatchObject({ state: 'running' });
  });
});

describe('streaming', () => {
  const started = (): { log: Log; view: SessionView } => {
    const log = new Log();
    const view = play(log.message('turn.started', { turn: 't1', model: 'm' }), snapshot());
    return { log, view };
  };
  const delta = (n: number, text: string): WireMessage => ({
    kind: 'live',
    n,
    type: 'text.delta',
    data: { turn: 't1', response: 'r1', text }
  });

  it('adds tokens to the partial response and drops it when the response is complete', () => {
    const { log, view } = started();
    const streaming = receive(receive(view, [delta(2, 'Hel'), delta(3, 'lo')]), [delta(4, '!')]);
    expect(turnOf(streaming).partial?.text).toBe('Hello!');
    const done = receive(streaming, [
      log.message('response.completed', {
        turn: 't1',
        response: 'r1',
        model: 'm',
        recorded: true,
        text: 'Hello!',
        tool_calls: [],
        finish_reason: 'stop',
        usage: USAGE
      })
    ]);
    expect(turnOf(done).partial).toBeNull();
    expect(turnOf(done).items).toHaveLength(1);
    expect(turnOf(done).recorded).toBe(true);
  });

  it('leaves an earlier view as it was', () => {
    const { view } = started();
    const first = receive(view, [delta(2, 'one')]);
    const second = receive(first, [delta(3, ' two')]);
    expect(turnOf(first).partial?.text).toBe('one');
    expect(turnOf(second).partial?.text).toBe('one two');
  });

  it('collects the arguments of several tool calls', () => {
    const { view } = started();
    const piece = (index: number, text: string, tool = 'write_file'): WireMessage => ({
      kind: 'live',
      n: 9,
      type: 'tool.delta',
      data: { turn: 't1', response: 'r1', index, call: `r1.${index}`, tool, arguments: text }
    });
    const seen = receive(receive(view, [piece(0, '{"pa'), piece(1, '{}')]), [piece(0, 'th":1}')]);
    expect(turnOf(seen).partial?.tool_calls.map(call => call.arguments)).toEqual(['{"path":1}', '{}']);
    expect(turnOf(view).partial).toBeNull();
  });

  it('after a reconnection goes on from the snapshot: no token lost, none doubled', () => {
    const { view } = started();
    const before = receive(view, [delta(2, 'Hel')]);
    const after = receive(before, [
      snapshot({ n: 5, response: { turn: 't1', response: 'r1', reasoning: '', text: 'Hello', tool_calls: [] } }),
      delta(6, '!')
    ]);
    expect(turnOf(after).partial?.text).toBe('Hello!');
  });

  it('after a reconnection forgets a response that the server no longer knows', () => {
    const { view } = started();
    const before = receive(view, [delta(2, 'half a th')]);
    expect(turnOf(receive(before, [snapshot()])).partial).toBeNull();
  });

  it('shows a running command’s output, and not after it has ended', () => {
    const { log, view } = started();
    const running = receive(view, [
      log.message('tool.started', {
        turn: 't1',
        call: 'c',
        tool: 'run_command',
        arguments: { command: 'ls' },
        by: 'agent'
      }),
      { kind: 'live', n: 2, type: 'tool.output', data: { call: 'c', stream: 'stdout', text: 'a\n' } },
      { kind: 'live', n: 3, type: 'tool.output', data: { call: 'c', stream: 'stderr', text: 'b\n' } }
    ]);
    expect((turnOf(running).items[0] as ToolItem).output).toBe('a\nb\n');
  });
});

describe('events', () => {
  it('that come twice around a reconnection count once', () => {
    const events = new Log().turn('t1', 'a board');
    const once = play({ kind: 'events', events });
    expect(receive(once, [{ kind: 'events', events }])).toEqual(once);
  });

  it('of a newer server are passed over', () => {
    const odd = { kind: 'events', events: [{ seq: 1, at: '', type: 'future.thing', v: 1, data: {} }] };
    expect(play(odd as unknown as WireMessage).seq).toBe(1);
  });

  it('of a person between turns stand between them', () => {
    const log = new Log();
    const view = play(
      { kind: 'events', events: log.turn('t1', 'one') },
      log.message('file.changed', { path: 'a.ts', change: 'modified', by: 'person', added: 1, removed: 0, patch: '' }),
      log.message('session.restored', { checkpoint: 'commit-t1', tree: 'x', previous: 'y' }),
      { kind: 'events', events: log.turn('t2', 'two') }
    );
    expect(view.entries.map(entry => entry.kind)).toEqual(['turn', 'aside', 'turn']);
    expect(view.entries[1]?.items.map(item => item.kind)).toEqual(['file', 'restore']);
  });

  it('repeated page errors are one problem with a count', () => {
    const log = new Log();
    const error = { kind: 'page', message: 'x is undefined' } as const;
    const view = play(log.message('preview.error', error), log.message('preview.error', error));
    expect(view.entries[0]?.items).toMatchObject([{ kind: 'problem', times: 2 }]);
  });

  it('leave untouched turns the same objects, so that they are not drawn again', () => {
    const log = new Log();
    const before = play({ kind: 'events', events: [...log.turn('t1', 'one'), ...log.turn('t2', 'two')] });
    const after = receive(before, [{ kind: 'events', events: log.turn('t3', 'three') }]);
    expect(after.entries[0]).toBe(before.entries[0]);
    expect(after.entries[1]).toBe(before.entries[1]);
  });

  it('come with live messages that look at none of those before', () => {
    const log = new Log();
    const events = Array.from({ length: 500 }, (_, at) => log.turn(`t${at}`, `request ${at}`)).flat();
    const whole = play(
      { kind: 'events', events },
      log.message('turn.started', { turn: 'now', model: 'm' }),
      snapshot()
    );
    let looked = 0;
    const counted = whole.entries.map(
      entry =>
        new Proxy(entry, {
          get(of, name): unknown {
            looked += 1;
            return Reflect.get(of, name);
          }
        })
    );
    const say = (view: SessionView, text: string): SessionView =>
      receive(view, [{ kind: 'live', n: 1, type: 'text.delta', data: { turn: 'now', response: 'r', text } }]);
    let view = say({ ...whole, entries: counted }, 'a');
    looked = 0;
    for (let piece = 0; piece < 100; piece++) {
      view = say(view, 'b');
    }
    expect(looked).toBeLessThan(500);
    expect(turnOf(view, 500).partial?.text).toHaveLength(101);
    const next = log.message('tool.started', { turn: 'now', call: 'c', tool: 'x', arguments: {}, by: 'agent' });
    expect(receive({ ...view, entries: [...view.entries] }, [next])).toEqual(receive(view, [next]));
  });

  it('go on from an older view as well as from the last one', () => {
    const log = new Log();
    const first = play({ kind: 'events', events: log.turn('t1', 'one') });
    const seq = log.seq;
    const one = receive(first, [log.message('turn.started', { turn: 'a', model: 'm' })]);
    log.seq = seq;
    const other = receive(first, [log.message('turn.started', { turn: 'b', model: 'm' })]);
    expect(turnOf(one, 1).turn).toBe('a');
    expect(turnOf(other, 1).turn).toBe('b');
    expect(first.entries).toHaveLength(1);
  });

  it('ten thousand of them are reduced in one pass, not one copy each', () => {
    const log = new Log();
    const events = Array.from({ length: 1112 }, (_, at) => log.turn(`t${at}`, `request ${at}`)).flat();
    expect(events.length).toBeGreaterThan(10_000);
    const view = play({ kind: 'events', events }, snapshot({ session: summary({ title: 'Long' }) }));
    expect(view.entries).toHaveLength(1112);
    expect(view.session?.title).toBe('Long');
  });
});
