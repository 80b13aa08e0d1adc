import { describe, expect, it } from 'vitest';
import { english } from '../controls/translation';
import type { AppEvent } from '../wire/events';
import { Log, snapshot } from '../testing/session';
import { EMPTY_VIEW, receive, type SessionView } from '../view/view';
import { asMarkdown, found } from './transcript';

const HOSTILE = '<img src=x onerror="alert(1)"> **a clock**';

function view(): SessionView {
  const log = new Log();
  const events = [...log.turn('t1', 'a task board'), ...log.turn('t2', HOSTILE)];
  return receive(EMPTY_VIEW, [{ kind: 'events', events }, snapshot()]);
}

describe('the conversation as a text', () => {
  it('is Markdown with requests as quotations and steps as lines', () => {
    const text = asMarkdown(view(), english);
    expect(text).toMatch(
      /^# Task board\n\n> a task board\n\nWorking on \*\*a task board\*\*\.\n\n- Wrote src\/App\.tsx\n/
    );
  });

  it('says whose each request is once several take part', () => {
    const log = new Log();
    const said = (id: string): AppEvent =>
      log.event('message.user', { turn: `t${id}`, text: 'go', by_whom: { id, name: `*${id}*` } });
    const events = [said('ada'), said('bob'), log.event('message.user', { turn: 't3', text: 'from a notebook' })];
    const shown = receive(EMPTY_VIEW, [{ kind: 'events', events }]);
    const text = '> **\\*ada\\***\n>\n> go\n\n> **\\*bob\\***\n>\n> go\n\n> from a notebook\n';
    expect(asMarkdown(shown, english)).toContain(text);
    expect(asMarkdown(receive(EMPTY_VIEW, [{ kind: 'events', events: events.slice(0, 1) }]), english)).toContain(
      '\n> go'
    );
  });

  it('is searched as it is read, whatever the case', () => {
    expect(found(view(), 'TASK board', english)).toEqual([0]);
    expect(found(view(), 'app.tsx', english)).toEqual([0, 1]);
    expect(found(view(), '  ', english)).toEqual([]);
  });
});
