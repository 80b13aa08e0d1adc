import { describe, expect, it } from 'vitest';
import { english } from '../controls/translation';
import { Log, snapshot } from '../testing/session';
import { EMPTY_VIEW, receive, type SessionView } from '../view/view';
import { asHtml } from './exportHtml';
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

  it('is HTML that runs nothing and fetches nothing, whatever it holds', () => {
    const page = new DOMParser().parseFromString(asHtml(view(), english), 'text/html');
    expect(page.title).toBe('Task board');
    expect(page.querySelectorAll('script, img, link, iframe, [onerror], [onclick]')).toHaveLength(0);
    expect(page.querySelector('meta[http-equiv]')?.getAttribute('content')).toContain("default-src 'none'");
    expect([...page.querySelectorAll('.request')].map(each => each.lastChild?.textContent)).toEqual([
      'a task board',
      HOSTILE
    ]);
    expect(page.querySelector('strong')?.textContent).toBe('a task board');
    expect(page.querySelector('.steps')?.textContent).toBe('Wrote src/App.tsx');
  });

  it('is searched as it is read, whatever the case', () => {
    expect(found(view(), 'TASK board', english)).toEqual([0]);
    expect(found(view(), 'app.tsx', english)).toEqual([0, 1]);
    expect(found(view(), '  ', english)).toEqual([]);
  });
});
