import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { act, cleanup, fireEvent, render, screen } from '@testing-library/react';
import * as React from 'react';
import { SessionStore, type LookRequest } from '../view/store';
import { snapshot, TestTransport } from '../testing/session';
import { PreviewPane } from './Preview';

const URL = '/appbuilder/preview/own/';
let inView = 800;

beforeEach(() => {
  inView = 800;
  vi.stubGlobal(
    'ResizeObserver',
    class {
      observe(): void {}
      disconnect(): void {}
    }
  );
  vi.spyOn(HTMLElement.prototype, 'clientWidth', 'get').mockImplementation(() => inView);
});
afterEach(() => {
  cleanup();
  vi.restoreAllMocks();
});

let n = 1;
function look(change: Partial<LookRequest>): void {
  const data: LookRequest = { number: 0, viewer: '', act: 'offer', details: {}, ...change };
  act(() => transport.say({ kind: 'live', n: ++n, type: 'look', data }));
}

let transport: TestTransport;
/** A preview that runs, and was offered and taken: what it is called. */
function open(state: 'ready' | 'stopped' = 'ready'): string {
  transport = new TestTransport();
  const viewers: string[] = [];
  const { answerLook } = transport;
  transport.answerLook = (number, viewer, answer) => {
    viewers.push(viewer);
    return answerLook(number, viewer, answer);
  };
  render(<PreviewPane store={new SessionStore(transport, flush => flush())} resolve={url => url} />);
  act(() => transport.say(snapshot({ preview: { state, url: URL, message: '', fraction: null, log: '' } })));
  look({ number: 1 });
  return viewers[0] ?? '';
}

const answers = (): unknown[][] => transport.asked.filter(([name]) => name === 'answerLook').map(([, ...rest]) => rest);
const frame = (): HTMLIFrameElement => screen.getByTitle('The app as it is being tried');
const says = (number: number, answer: string): void => {
  const data = { source: 'jupyter-appbuilder', type: 'looked', number, answer };
  act(() => void window.dispatchEvent(new MessageEvent('message', { data, source: frame().contentWindow })));
};
const opened = (viewer: string, title = ''): void =>
  look({ number: 2, viewer, act: 'open', details: { url: '/appbuilder/preview/apart/', width: 1280, title } });

test('a preview in view offers to look, one out of view or not running does not', () => {
  open();
  expect(answers()).toEqual([[1, { idle: expect.any(Number) }]]);
  cleanup();
  open('stopped');
  expect(answers()).toEqual([]);
  cleanup();
  inView = 0;
  open();
  expect(answers()).toEqual([]);
});

test('it shows the app in a frame of its own, passes on what its page answers, and goes away', () => {
  const viewer = open();
  opened(viewer);
  expect(frame().getAttribute('src')).toBe('/appbuilder/preview/apart/');
  expect(frame().hasAttribute('inert')).toBe(true);
  expect(screen.getByTitle('Preview of Task board').getAttribute('src')).toBe(URL);
  screen.getByText(/The agent is trying the app/);
  says(0, '');
  look({ number: 3, viewer, act: 'describe' });
  says(9, '{"description":"not asked"}');
  says(3, '{"description":"- heading"}');
  expect(answers().slice(1)).toEqual([
    [2, {}],
    [3, { description: '- heading' }]
  ]);
  look({ viewer, act: 'end' });
  expect(screen.queryByTitle('The app as it is being tried')).toBeNull();
});

test('what is asked of another preview is not done here', () => {
  open();
  opened('another');
  expect(screen.queryByTitle('The app as it is being tried')).toBeNull();
});

test('a person who stops it is rid of it at once, and so is who waits', () => {
  const viewer = open();
  opened(viewer, 'A task can be added');
  says(0, '');
  look({ number: 3, viewer, act: 'step', details: { step: { do: 'click' }, said: '1/2: click button "Add"' } });
  screen.getByText('A task can be added – 1/2: click button "Add"');
  fireEvent.click(screen.getByRole('button', { name: 'Stop' }));
  expect(screen.queryByTitle('The app as it is being tried')).toBeNull();
  look({ number: 4, viewer, act: 'step', details: {} });
  expect(answers().slice(2)).toEqual([
    [3, { stopped: true }],
    [4, { stopped: true }]
  ]);
});

test('a preview that is closed says so to who waits', () => {
  const viewer = open();
  opened(viewer);
  cleanup();
  expect(answers().at(-1)).toEqual([2, { gone: true }]);
});

test('how a watched scenario went stays until it is dismissed', () => {
  const viewer = open();
  look({ viewer, act: 'outcome', details: { ok: false, title: 'All can go', message: 'It is visible' } });
  screen.getByText('Fails: All can go. It is visible');
  fireEvent.click(screen.getByRole('button', { name: 'Dismiss' }));
  expect(screen.queryByText(/^Fails/)).toBeNull();
});

test('a long title leaves room for the step that is watched', () => {
  const viewer = open();
  opened(viewer, 'A scenario with a title that is much longer than the line above a narrow preview');
  says(0, '');
  look({ number: 3, viewer, act: 'step', details: { step: { do: 'click' }, said: '1/2: click button "Add"' } });
  screen.getByText('A scenario with a title that is much lo… – 1/2: click button "Add"');
});
