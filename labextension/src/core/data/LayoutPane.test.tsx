// @vitest-environment jsdom
import * as React from 'react';
import { cleanup, fireEvent, render, screen, waitFor, within } from '@testing-library/react';
import { afterEach, expect, test } from 'vitest';
import type { Layout } from '../wire/api.generated';
import { RequestFailed } from '../wire/wire';
import { added, found, fresh, moved, outlined, set, type Change, type Json, type Step } from './layout';
import { LayoutPane, type LayoutAsks } from './LayoutPane';

afterEach(cleanup);

const LAYOUT = {
  title: 'Tasks',
  pages: [
    {
      path: '/',
      top: [{ component: 'Heading', props: { text: 'Hello', level: 1 } }],
      main: [
        { component: 'Card', props: { title: 'One' }, children: [{ component: 'Text', props: { text: 'In it' } }] },
        { component: 'TaskList', props: { tasks: { bind: 'tasks' } } }
      ]
    }
  ]
};
const PARTS = [
  { name: 'TaskList', own: true, known: true, props: [{ name: 'tasks', needed: true }] },
  {
    name: 'Heading',
    own: false,
    known: true,
    props: [
      { name: 'text', needed: true },
      { name: 'level', needed: false }
    ]
  },
  { name: 'Card', own: false, known: true, props: [{ name: 'children', needed: false }] }
];

/** The steps of a JSON Patch, carried out as RFC 6902 says. */
function patched(document: Json, patch: readonly Step[]): Json {
  const root = structuredClone(document);
  for (const { op, path, from, value } of patch) {
    const place = (at: string): [Record<string, Json> & Json[], string] => [
      found(root, at.slice(0, at.lastIndexOf('/'))) as Record<string, Json> & Json[],
      at.slice(at.lastIndexOf('/') + 1)
    ];
    const take = (at: string): Json => {
      const [holder, name] = place(at);
      const taken = holder[name as unknown as number];
      if (Array.isArray(holder)) {
        holder.splice(Number(name), 1);
      } else {
        Reflect.deleteProperty(holder, name);
      }
      return taken;
    };
    const put = (at: string, one: Json): void => {
      const [holder, name] = place(at);
      if (Array.isArray(holder)) {
        holder.splice(Number(name), 0, one);
      } else {
        (holder as Record<string, Json>)[name] = one;
      }
    };
    if (op === 'test') {
      expect(found(root, path)).toEqual(value);
    } else if (op === 'remove') {
      take(path);
    } else if (op === 'move') {
      put(path, take(from ?? ''));
    } else {
      if (op === 'replace') {
        take(path);
      }
      put(path, structuredClone(value));
    }
  }
  return root;
}

test('each change does what it says, and its undo puts back exactly what was there', () => {
  const changes: [Change | null, (after: Json) => void][] = [
    [set(LAYOUT, '/title', 'New'), after => expect(found(after, '/title')).toBe('New')],
    [set(LAYOUT, '/pages/0/main/0', undefined), after => expect(found(after, '/pages/0/main/1')).toBeUndefined()],
    [
      set(LAYOUT, '/pages/0/main/0/on/onClick', { say: 'Yes' }),
      after => expect(found(after, '/pages/0/main/0/on/onClick/say')).toBe('Yes')
    ],
    [set(LAYOUT, '/pages/0/title', 'T'), after => expect(found(after, '/pages/0/title')).toBe('T')],
    [
      added(LAYOUT, '/pages/0/main', { component: 'Text' }),
      after => expect(found(after, '/pages/0/main/2/component')).toBe('Text')
    ],
    [
      added(LAYOUT, '/pages/0/main/1/children', { component: 'Text' }),
      after => expect(found(after, '/pages/0/main/1/children/0/component')).toBe('Text')
    ],
    [moved(LAYOUT, '/pages/0/main/1', -1), after => expect(found(after, '/pages/0/main/0/component')).toBe('TaskList')]
  ];
  for (const [change, holds] of changes) {
    const after = patched(LAYOUT, change?.patch ?? []);
    holds(after);
    expect(patched(after, change?.undo ?? [])).toEqual(LAYOUT);
  }
  expect(moved(LAYOUT, '/pages/0/main/0', -1)).toBeNull();
  expect(moved(LAYOUT, '/pages/0/main/1', 1)).toBeNull();
});

test('a layout of any shape has an outline', () => {
  expect(outlined(LAYOUT).map(({ depth, name, label }) => `${depth} ${name} ${label}`.trim())).toEqual([
    '0  Tasks',
    '1 /',
    '2 top',
    '3 Heading Hello',
    '2 main',
    '3 Card One',
    '4 Text In it',
    '3 TaskList'
  ]);
  for (const odd of [
    {},
    { pages: 7 },
    { pages: [null, [], { main: 'x', top: [1, { component: {}, props: [], children: {} }] }] }
  ]) {
    expect(outlined(odd).length).toBeGreaterThan(0);
  }
});

test('a new part has what it needs', () => {
  const props = ['text', 'onClick', 'children', 'other'].map(name => ({ name, needed: name !== 'other' }));
  expect(fresh({ name: 'X', own: true, known: true, props })).toEqual({
    component: 'X',
    props: { text: 'Text' },
    on: { onClick: { say: 'Done' } }
  });
});

function app(change: Partial<LayoutAsks> = {}): LayoutAsks & { now: () => Json } {
  let layout: Json = LAYOUT;
  return {
    now: () => layout,
    layout: async () => ({ layout, problems: [], parts: PARTS, functions: ['tasks'] }) as Layout,
    changeLayout: async patch => {
      layout = patched(layout, patch as Step[]);
    },
    ...change
  };
}

test('a property is changed, a part removed, and both are taken back', async () => {
  const asks = app();
  render(<LayoutPane asks={asks} changed={1} />);
  const outline = await screen.findByRole('list', { name: 'Outline' });
  fireEvent.click(within(outline).getByRole('button', { name: 'Heading Hello' }));
  const text = screen.getByRole('textbox', { name: 'text' });
  fireEvent.change(text, { target: { value: 'Good day' } });
  fireEvent.keyDown(text, { key: 'Enter' });
  await within(outline).findByRole('button', { name: 'Heading Good day' });
  fireEvent.click(screen.getByRole('button', { name: 'Remove it' }));
  await waitFor(() => expect(within(outline).queryByRole('button', { name: /Heading/ })).toBeNull());
  for (const left of ['Heading Good day', 'Heading Hello']) {
    fireEvent.click(screen.getByRole('button', { name: 'Undo' }));
    await within(outline).findByRole('button', { name: left });
  }
  await waitFor(() => expect(asks.now()).toEqual(LAYOUT));
});

test('what the app refuses is said, and what was typed stays', async () => {
  const asks = app({
    changeLayout: async () => {
      throw new RequestFailed({ message: 'There is no page /nowhere.' });
    }
  });
  render(<LayoutPane asks={asks} changed={1} />);
  fireEvent.change(await screen.findByRole('textbox', { name: 'title' }), { target: { value: 'Better' } });
  fireEvent.blur(screen.getByRole('textbox', { name: 'title' }));
  await screen.findByText('There is no page /nowhere.');
  expect(screen.getByRole<HTMLInputElement>('textbox', { name: 'title' }).value).toBe('Better');
  expect(screen.getByRole<HTMLButtonElement>('button', { name: 'Undo' }).disabled).toBe(true);
});

test('a binding stays one, and JSON that is none is not sent', async () => {
  const asks = app();
  render(<LayoutPane asks={asks} changed={1} />);
  fireEvent.click(await screen.findByRole('button', { name: 'TaskList' }));
  const tasks = screen.getByRole('textbox', { name: 'tasks bound to' });
  fireEvent.change(tasks, { target: { value: 'others' } });
  fireEvent.blur(tasks);
  await waitFor(() => expect(found(asks.now(), '/pages/0/main/1/props/tasks')).toEqual({ bind: 'others' }));
  fireEvent.click(screen.getByRole('button', { name: 'App Tasks' }));
  const navigation = screen.getByRole('textbox', { name: 'navigation' });
  fireEvent.change(navigation, { target: { value: '[{' } });
  fireEvent.blur(navigation);
  await screen.findByText(/This is no JSON/);
  expect(found(asks.now(), '/navigation')).toBeUndefined();
});
