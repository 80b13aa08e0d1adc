// @vitest-environment jsdom
import * as React from 'react';
import { cleanup, fireEvent, render, screen, waitFor, within } from '@testing-library/react';
import { afterEach, expect, test } from 'vitest';
import type { AppFunction, FunctionCalled } from '../wire/api.generated';
import type { FunctionRequest } from '../wire/transport';
import { RequestFailed } from '../wire/wire';
import { FunctionsPane, type FunctionAsks } from './FunctionsPane';

afterEach(cleanup);

const one = (name: string, change: Partial<AppFunction> = {}): AppFunction => ({
  name,
  path: `functions/${name}.ts`,
  methods: [],
  failure: '',
  said: [],
  ...change
});
const CALLED: FunctionCalled = {
  status: 200,
  ms: 12,
  body: '{"id":3}',
  kind: 'application/json',
  error: '',
  stack: '',
  source: '',
  logs: [],
  changes: [],
  missing: []
};

/** A server with these functions; what it is asked to call stands in `called`. */
function asks(
  functions: AppFunction[] | null,
  answer: () => Promise<FunctionCalled> = async () => CALLED
): FunctionAsks & { called: FunctionRequest[] } {
  const server = {
    called: [] as FunctionRequest[],
    functions: async () => functions,
    callFunction: async (request: FunctionRequest) => {
      server.called.push(request);
      return answer();
    }
  };
  return server;
}

const button = (name: string): HTMLElement => screen.getByRole('button', { name });
const type = (label: string, value: string): void => {
  fireEvent.change(screen.getByLabelText(label), { target: { value } });
};

test('a function is called as the page would, and what came of it stands below', async () => {
  const said = [{ level: 'log', text: 'Hello', at: null }];
  const server = asks([one('rain'), one('tasks', { methods: ['GET', 'POST'], said })], async () => ({
    ...CALLED,
    status: 201,
    changes: [{ table: 'tasks', inserted: 1, updated: 0, deleted: 0 }],
    logs: [{ level: 'warn', text: 'Slow', at: null }],
    missing: ['WEATHER_KEY']
  }));
  render(<FunctionsPane asks={server} changed={1} />);
  fireEvent.click(await screen.findByRole('button', { name: 'tasks' }));
  const methods = within(screen.getByLabelText('Method')).getAllByRole('option');
  expect(methods.map(each => each.textContent)).toEqual(['GET', 'POST']);
  expect(screen.queryByLabelText('Body (JSON)')).toBeNull();
  type('Method', 'POST');
  type('Rest of the path, and query', '/7?day=1&all');
  type('Body (JSON)', '{ "title": "Milk" }');
  fireEvent.click(button('Call'));
  expect(await screen.findByText('201')).toBeTruthy();
  expect(server.called).toEqual([{ name: 'tasks/7', method: 'POST', query: 'day=1&all', body: { title: 'Milk' } }]);
  expect(screen.getByText('12 ms · tasks: 1 inserted')).toBeTruthy();
  expect(screen.getByText('Not set under Secrets: WEATHER_KEY')).toBeTruthy();
  expect(screen.getByLabelText('What it answered').textContent).toBe('{\n  "id": 3\n}');
  expect(screen.getByLabelText('What the call said').textContent).toBe('warn: Slow');
  fireEvent.click(button('Last lines (1)'));
  expect(screen.getByLabelText('What it said last').textContent).toBe('log: Hello');
});

test('a body that is no JSON is not sent; an error of the function, and of the request, is shown', async () => {
  const answers = [
    async () => ({ ...CALLED, status: 500, error: 'Error: no', stack: 'Error: no\n  at tasks.ts:3' }),
    () => Promise.reject(new RequestFailed({ message: 'The app is not running.', hint: 'Start it.' }))
  ];
  const server = asks([one('tasks', { methods: ['POST'] })], () => answers.shift()?.() ?? Promise.resolve(CALLED));
  render(<FunctionsPane asks={server} changed={1} />);
  fireEvent.change(await screen.findByLabelText('Body (JSON)'), { target: { value: '{ title: 1 }' } });
  fireEvent.click(button('Call'));
  expect(screen.getByRole('alert').textContent).toMatch(/The body is no JSON.*double quotes/);
  expect(server.called).toEqual([]);
  type('Body (JSON)', '');
  fireEvent.click(button('Call'));
  expect((await screen.findByLabelText('What it answered')).textContent).toContain('at tasks.ts:3');
  expect(screen.queryByRole('alert')).toBeNull();
  fireEvent.click(button('Call'));
  expect((await screen.findByRole('alert')).textContent).toBe('The app is not running.Start it.');
  expect(screen.queryByLabelText('What it answered')).toBeNull();
});

test('the functions are asked for anew after each call and change; the newest answer counts', async () => {
  const waiting: ((told: AppFunction[]) => void)[] = [];
  let answer: (told: FunctionCalled) => void = () => undefined;
  const server = asks([], () => new Promise(resolve => (answer = resolve)));
  server.functions = () => new Promise(resolve => waiting.push(resolve));
  const { rerender } = render(<FunctionsPane asks={server} changed={1} />);
  waiting[0]?.([one('tasks')]);
  await screen.findByRole('button', { name: 'tasks' });
  fireEvent.click(button('Call'));
  fireEvent.click(button('Ask again'));
  await waitFor(() => expect(waiting).toHaveLength(2));
  answer(CALLED);
  await waitFor(() => expect(waiting).toHaveLength(3)); // what the call said is in no answer before
  rerender(<FunctionsPane asks={server} changed={2} />);
  await waitFor(() => expect(waiting).toHaveLength(4));
  waiting[3]?.([one('tasks', { methods: ['PUT'], failure: 'Unexpected }' })]);
  expect((await screen.findByRole('alert')).textContent).toContain('It cannot be compiled: Unexpected }');
  waiting[2]?.([one('old')]);
  await Promise.resolve();
  expect(screen.queryByRole('button', { name: 'old' })).toBeNull();

  // The method is one that the code answers by now.
  fireEvent.click(button('Call'));
  await waitFor(() => expect(server.called.at(-1)?.method).toBe('PUT'));
});

test('an app without functions says what to do', async () => {
  render(<FunctionsPane asks={asks(null)} changed={1} />);
  expect(await screen.findByText(/The app has no functions yet/)).toBeTruthy();
});
