import { describe, expect, it } from 'vitest';
import { NO_HISTORY, SessionStore } from './store';
import { Log, snapshot, TestTransport, USAGE } from '../testing/session';

function frames(): { schedule: (flush: () => void) => void; run: () => void; count: () => number } {
  const waiting: (() => void)[] = [];
  let count = 0;
  return {
    schedule: flush => {
      count += 1;
      waiting.push(flush);
    },
    run: () => waiting.splice(0).forEach(flush => flush()),
    count: () => count
  };
}

describe('the store', () => {
  it('draws a long history once, when all of it is there', () => {
    const transport = new TestTransport();
    const clock = frames();
    const store = new SessionStore(transport, clock.schedule);
    let drawn = 0;
    store.subscribe(() => (drawn += 1));
    const log = new Log();
    for (let at = 0; at < 20; at++) {
      transport.say({ kind: 'events', events: log.turn(`t${at}`, 'x') });
    }
    expect(clock.count()).toBe(0);
    transport.say(snapshot());
    clock.run();
    expect(drawn).toBe(1);
    expect(store.get().view.entries).toHaveLength(20);
  });

  it('shows the end of a history until all of it is there', () => {
    const transport = new TestTransport();
    const clock = frames();
    const store = new SessionStore(transport, clock.schedule);
    const log = new Log();
    const events = Array.from({ length: 20 }, (_, at) => log.turn(`t${at}`, 'x'));
    transport.say({ kind: 'tail', events: events.slice(-2).flat() });
    const keys = (): string[] => store.get().view.entries.map(entry => entry.key);
    expect(keys()).toEqual(['t18', 't19']);
    expect(store.get().view.caughtUp).toBe(false);
    expect(store.lastSeq()).toBe(0);
    transport.say({ kind: 'events', events: events.flat() });
    expect(keys()).toEqual(['t18', 't19']);
    transport.say(snapshot());
    clock.run();
    expect(keys()).toEqual(events.map((_, at) => `t${at}`));
    expect(store.get().view.usage.input_tokens).toBe(events.length * USAGE.input_tokens);
    transport.say({ kind: 'tail', events: events.slice(-2).flat() }); // of a connection made anew
    expect(keys()).toHaveLength(20);
  });

  it('tells its views once a frame, however many tokens came', () => {
    const transport = new TestTransport();
    const clock = frames();
    const store = new SessionStore(transport, clock.schedule);
    transport.say(new Log().message('turn.started', { turn: 't1', model: 'm' }), snapshot());
    clock.run();
    let drawn = 0;
    store.subscribe(() => (drawn += 1));
    for (let n = 0; n < 50; n++) {
      transport.say({ kind: 'live', n, type: 'text.delta', data: { turn: 't1', response: 'r1', text: 'x' } });
    }
    clock.run();
    expect(drawn).toBe(1);
  });

  it('asks for what follows the last event it was sent, drawn or not', () => {
    const transport = new TestTransport();
    const store = new SessionStore(transport, () => undefined);
    const log = new Log();
    transport.say({ kind: 'events', events: log.turn('t1', 'x') });
    expect(store.lastSeq()).toBe(log.seq);
  });
  it('tells a view without history that something happened, each time', () => {
    const transport = new TestTransport();
    const store = new SessionStore(transport, () => undefined, NO_HISTORY);
    transport.say(snapshot());
    const log = new Log();
    const told = ['t1', 't2', 't3'].map(turn => {
      transport.say({ kind: 'events', events: log.turn(turn, 'x') });
      return store.news();
    });
    expect(new Set([0, ...told]).size).toBe(4);
  });
});
