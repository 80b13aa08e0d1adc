import { cleanup, fireEvent, render, screen } from '@testing-library/react';
import * as React from 'react';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { EventData } from '../wire/events';
import { english } from '../controls/translation';
import { NewProblems, withoutNews } from './NewProblems';
import { SurroundingsContext } from '../controls/surroundings';

afterEach(cleanup);

function result(diagnostics: object, text = ''): EventData['tool.finished'] {
  return {
    turn: 't1',
    call: 'r1.0',
    tool: 'list_files',
    ok: true,
    summary: '',
    text,
    detail: { diagnostics },
    duration_ms: 1
  };
}

function show(diagnostics: object, openFile = vi.fn()): typeof openFile {
  render(
    <SurroundingsContext.Provider value={{ trans: english, host: { openFile } }}>
      <NewProblems result={result(diagnostics)} />
    </SurroundingsContext.Provider>
  );
  return openFile;
}

const problem = (n: number): object => ({
  path: `src/${n}.ts`,
  line: n,
  column: 1,
  code: 'TS2322',
  message: `Wrong ${n}`
});

describe('problems found in the background', () => {
  it('are listed, the first few at once, with their files a click away', () => {
    const openFile = show({ problems: [1, 2, 3, 4, 5].map(problem), more: 7, gone: 0, remaining: 0 });
    expect(screen.getByText('12 new problems in the code')).toBeTruthy();
    expect(screen.queryByText('Wrong 4')).toBeNull();
    fireEvent.click(screen.getByRole('button', { name: 'Show 2 more' }));
    expect(screen.getByText('Wrong 5')).toBeTruthy();
    expect(screen.getByText('and 7 more')).toBeTruthy();
    fireEvent.click(screen.getByRole('button', { name: 'Open src/1.ts in the editor' }));
    expect(openFile).toHaveBeenCalledWith('src/1.ts');
  });

  it('are told to be gone', () => {
    show({ problems: [], more: 0, gone: 2, remaining: 0 });
    expect(screen.getByText('The new problems in the code are gone.')).toBeTruthy();
  });

  it('stand beside what the page reported, which is no part of the result either', () => {
    const text = "Read a.ts\n\n[The app's page reported meanwhile: …]\n> x is not a function";
    const findings = [{ kind: 'page', message: 'x is not a function', source: 'src/App.tsx:3:7' }];
    const told = { ...result({}, text), detail: { page_news: { findings, more: 1, length: 1 } } };
    const openFile = vi.fn();
    render(
      <SurroundingsContext.Provider value={{ trans: english, host: { openFile } }}>
        <NewProblems result={told} />
      </SurroundingsContext.Provider>
    );
    expect(screen.getByText('2 new errors of the page')).toBeTruthy();
    expect(screen.getByText('x is not a function')).toBeTruthy();
    fireEvent.click(screen.getByRole('button', { name: 'Open src/App.tsx in the editor' }));
    expect(openFile).toHaveBeenCalledWith('src/App.tsx');
    expect(withoutNews(told)).toBe('Read a.ts');
  });

  it('leave a result’s own text as it was', () => {
    const news = '\n\n[Checked in the background: 1 new problem since your last changes.]\n- x';
    expect(withoutNews(result({ problems: [problem(1)] }, `a.txt 🎈\nb.txt${news}`))).toBe('a.txt 🎈\nb.txt');
    expect(withoutNews({ ...result({}), detail: {}, text: `quoted${news}` })).toBe(`quoted${news}`);
  });
});
