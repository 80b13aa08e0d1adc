import { afterEach, beforeAll, expect, test, vi } from 'vitest';
import { act, cleanup, fireEvent, render, screen, waitFor, within } from '@testing-library/react';
import * as React from 'react';
import { SessionStore } from '../view/store';
import { SessionPane } from './Session';
import { Log, snapshot, TestTransport } from '../testing/session';
import { SurroundingsContext } from '../controls/surroundings';
import { english } from '../controls/translation';
import { RequestFailed } from '../wire/wire';

beforeAll(() => {
  vi.stubGlobal(
    'ResizeObserver',
    class {
      observe(): void {}
      disconnect(): void {}
    }
  );
});
afterEach(cleanup);

const OUTCOMES = {
  all: true,
  outcomes: [
    { name: 'add', title: 'A task can be added', ok: true },
    { name: 'remove', title: 'A task can be removed', ok: false, message: 'There is no button "Remove".', step: 2 }
  ]
};

function tried(log: Log, scenarios: unknown): ReturnType<Log['message']>[] {
  const call = `c${Math.random()}`;
  return [
    log.message('tool.started', { call, turn: null, tool: 'try_scenarios', arguments: {}, by: 'person' }),
    log.message('tool.finished', {
      call,
      turn: null,
      tool: 'try_scenarios',
      ok: true,
      summary: '',
      text: '',
      detail: { scenarios },
      duration_ms: 1
    })
  ];
}

function open(log: Log, scenarios: unknown): TestTransport {
  const transport = new TestTransport();
  render(<SessionPane store={new SessionStore(transport)} models={[]} />);
  act(() => transport.say(...tried(log, scenarios), snapshot()));
  return transport;
}

test('what works is counted, and what fails says at which step', async () => {
  open(new Log(), OUTCOMES);
  fireEvent.click(await screen.findByRole('button', { name: '1 of 2 things work' }));
  const failing = screen.getByText('A task can be removed').closest('li') as HTMLElement;
  expect(within(failing).getByText('Step 2: There is no button "Remove".')).toBeTruthy();
});

test('one is tried by name, all without', async () => {
  const transport = open(new Log(), OUTCOMES);
  fireEvent.click(await screen.findByRole('button', { name: '1 of 2 things work' }));
  fireEvent.click(screen.getByRole('button', { name: 'Try: A task can be added' }));
  await screen.findByRole('button', { name: 'Try all' });
  fireEvent.click(screen.getByRole('button', { name: 'Try all' }));
  expect(transport.asked).toEqual([['tryScenarios', ['add']], ['tryScenarios']]);
});

test('one is watched in the preview, which is shown for it', async () => {
  const transport = new TestTransport();
  const showPreview = vi.fn();
  render(
    <SurroundingsContext.Provider value={{ trans: english, host: { showPreview } }}>
      <SessionPane store={new SessionStore(transport)} models={[]} />
    </SurroundingsContext.Provider>
  );
  act(() => transport.say(...tried(new Log(), OUTCOMES), snapshot()));
  fireEvent.click(await screen.findByRole('button', { name: '1 of 2 things work' }));
  fireEvent.click(screen.getByRole('button', { name: 'Watch it in the preview: A task can be added' }));
  await screen.findByRole('button', { name: 'Try all' });
  expect(showPreview).toHaveBeenCalled();
  expect(transport.asked).toEqual([['watchScenario', 'add']]);
});

test('a try of some changes those alone, and a removed one is gone', async () => {
  const log = new Log();
  const transport = open(log, OUTCOMES);
  await screen.findByRole('button', { name: '1 of 2 things work' });
  const again = { all: false, outcomes: [{ name: 'remove', title: 'A task can be removed', ok: true }] };
  act(() => transport.say(...tried(log, again)));
  await screen.findByRole('button', { name: '2 of 2 things work' });
  const change = { path: 'scenarios/add.yaml', change: 'deleted', by: 'person', added: 0, removed: 4 } as const;
  act(() => transport.say(log.message('file.changed', change)));
  await screen.findByRole('button', { name: '1 of 1 thing works' });
});

test('one whose steps were changed, or that nobody tried yet, does not count as working', async () => {
  const log = new Log();
  const transport = open(log, OUTCOMES);
  fireEvent.click(await screen.findByRole('button', { name: '1 of 2 things work' }));
  const change = { path: 'scenarios/add.yaml', change: 'modified', by: 'person', added: 1, removed: 1 } as const;
  act(() => transport.say(log.message('file.changed', change)));
  await screen.findByRole('button', { name: '0 of 2 things work, 1 not tried' });
  const changed = screen.getByText('A task can be added').closest('li') as HTMLElement;
  expect(within(changed).getByText('Not tried since something changed.')).toBeTruthy();
  const patch = '--- /dev/null\n+++ b/scenarios/by-hand.yaml\n@@ -0,0 +1,2 @@\n+title: Written by hand\n+steps: []\n';
  const made = { ...change, path: 'scenarios/by-hand.yaml', change: 'created', patch } as const;
  act(() => transport.say(log.message('file.changed', made)));
  await screen.findByRole('button', { name: '0 of 3 things work, 2 not tried' });
  expect(screen.getByText('Written by hand')).toBeTruthy();
  act(() => transport.say(...tried(log, { all: false, outcomes: [OUTCOMES.outcomes[0]] })));
  await screen.findByRole('button', { name: '1 of 3 things work, 1 not tried' });
});

test('a first one by hand can be tried', async () => {
  const log = new Log();
  const transport = new TestTransport();
  render(<SessionPane store={new SessionStore(transport)} models={[]} />);
  const made = { path: 'scenarios/first.yaml', change: 'created', by: 'person', added: 4, removed: 0 } as const;
  act(() => transport.say(log.message('file.changed', made), snapshot()));
  fireEvent.click(await screen.findByRole('button', { name: 'Try all' }));
  expect(transport.asked).toEqual([['tryScenarios']]);
});

test('in another version they are those of that version, and none was tried', async () => {
  const log = new Log();
  const transport = open(log, OUTCOMES);
  await screen.findByRole('button', { name: '1 of 2 things work' });
  const patch = [
    'diff --git a/scenarios/add.yaml b/scenarios/add.yaml\ndeleted file mode 100644\n--- a/scenarios/add.yaml\n+++ /dev/null\n',
    'diff --git a/scenarios/old.yaml b/scenarios/old.yaml\nnew file mode 100644\n--- /dev/null\n+++ b/scenarios/old.yaml\n@@ -0,0 +1 @@\n+title: As it was\n',
    'diff --git a/src/App.tsx b/src/App.tsx\nindex 1..2 100644\n--- a/src/App.tsx\n+++ b/src/App.tsx\n'
  ].join('');
  act(() => transport.say(log.message('session.restored', { checkpoint: 'c', tree: 'x', previous: 'p', patch })));
  fireEvent.click(await screen.findByRole('button', { name: '0 of 2 things work, 2 not tried' }));
  expect(screen.getByText('A task can be removed')).toBeTruthy();
  expect(screen.getByText('As it was')).toBeTruthy();
  act(() => transport.say(...tried(log, { all: true, outcomes: [] })));
  await waitFor(() => expect(screen.queryByText('As it was')).toBeNull());
});

test('they stand in the order of their numbers', async () => {
  const titles = ['Step 10 works', 'Step 2 works'];
  open(new Log(), { all: true, outcomes: titles.map(title => ({ name: title, title, ok: true })) });
  fireEvent.click(await screen.findByRole('button', { name: '2 of 2 things work' }));
  expect(screen.getAllByText(/^Step/).map(one => one.lastChild?.textContent)).toEqual([
    'Step 2 works',
    'Step 10 works'
  ]);
});

test('after a check that could not try them none counts as working', async () => {
  const log = new Log();
  const transport = open(log, OUTCOMES);
  await screen.findByRole('button', { name: '1 of 2 things work' });
  const said = { turn: null, tool: 'check_app', ok: true, summary: '', text: '', duration_ms: 1 };
  const stopped = { looked: true, untried: 'The person stopped it in their preview' };
  act(() => transport.say(log.message('tool.finished', { ...said, call: 'c8', detail: { looked: true } })));
  await screen.findByRole('button', { name: '1 of 2 things work' });
  act(() => transport.say(log.message('tool.finished', { ...said, call: 'c9', detail: stopped })));
  await screen.findByRole('button', { name: '0 of 2 things work, 2 not tried' });
});

test('after a change by hand it is said that things worked before it, until they are tried again', async () => {
  const log = new Log();
  const transport = open(log, OUTCOMES);
  fireEvent.click(await screen.findByRole('button', { name: '1 of 2 things work' }));
  const change = { path: 'src/App.tsx', change: 'modified', by: 'person', added: 1, removed: 1 } as const;
  act(() => transport.say(log.message('file.changed', change)));
  await screen.findByRole('button', { name: '1 of 2 things worked before the last change' });
  const [worked, failed] = ['A task can be added', 'A task can be removed'].map(
    title => screen.getByText(title).closest('li') as HTMLElement
  ) as [HTMLElement, HTMLElement];
  expect(within(worked).getByText('Worked before the last change.')).toBeTruthy();
  expect(within(failed).getByText('Before the last change: Step 2: There is no button "Remove".')).toBeTruthy();
  act(() => transport.say(...tried(log, { all: false, outcomes: [OUTCOMES.outcomes[0]] })));
  await screen.findByRole('button', { name: '1 of 2 things work, 1 not tried' });
  act(() => transport.say(...tried(log, OUTCOMES)));
  await screen.findByRole('button', { name: '1 of 2 things work' });
});

test('a try that was begun can be stopped, and says nothing went wrong', async () => {
  const log = new Log();
  const transport = open(log, OUTCOMES);
  await screen.findByRole('button', { name: '1 of 2 things work' });
  expect(screen.queryByRole('button', { name: 'Stop trying' })).toBeNull();
  let stopped: (error: Error) => void = () => undefined;
  transport.tryScenarios = () => new Promise((_, reject) => (stopped = reject));
  fireEvent.click(screen.getByRole('button', { name: 'Try all' }));
  const call = { call: 'c7', turn: null, tool: 'try_scenarios' } as const;
  act(() => transport.say(log.message('tool.started', { ...call, arguments: {}, by: 'person' })));
  fireEvent.click(await screen.findByRole('button', { name: 'Stop trying' }));
  expect(transport.asked).toContainEqual(['stop']);
  const end = { ok: false, summary: 'Stopped', text: 'Stopped', detail: { reason: 'stopped' }, duration_ms: 1 };
  act(() => transport.say(log.message('tool.finished', { ...call, ...end })));
  stopped(new RequestFailed({ message: 'try_scenarios was stopped.', reason: 'stopped' }));
  await screen.findByRole('button', { name: 'Try all' });
  expect(screen.getByRole('button', { name: '1 of 2 things work' })).toBeTruthy();
  expect(screen.queryByRole('alert')).toBeNull();
});

test.each([
  ['+title: Written by hand', 'Written by hand'],
  ['+title: "It says \\"Hi\\""  # a remark', 'It says "Hi"'],
  ["+title: 'It''s there'", "It's there"],
  [' title: As it was', 'As it was'],
  ['+steps: []', 'first']
])('one that nobody tried yet has the title that its file has: %s', async (line, title) => {
  const transport = new TestTransport();
  render(<SessionPane store={new SessionStore(transport)} models={[]} />);
  const patch = `diff --git a/scenarios/first.yaml b/scenarios/first.yaml\n@@ -1 +1,2 @@\n${line}\n+# more\n`;
  const made = { path: 'scenarios/first.yaml', change: 'created', by: 'person', added: 4, removed: 0, patch } as const;
  act(() => transport.say(new Log().message('file.changed', made), snapshot()));
  fireEvent.click(await screen.findByRole('button', { name: '0 of 1 thing works, 1 not tried' }));
  expect(screen.getByText(title)).toBeTruthy();
});
