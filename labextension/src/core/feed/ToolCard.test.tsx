import { cleanup, fireEvent, render, screen } from '@testing-library/react';
import * as React from 'react';
import { afterEach, describe, expect, it } from 'vitest';
import TOOLS from '../testing/tools.json';
import type { ToolItem } from '../view/view';
import type { Tool } from '../wire/api.generated';
import { ToolCard } from './ToolCard';
import { byName, ToolsContext, toolLabel } from './toolLabel';
import { english } from '../controls/translation';

/** As `GET tools` gives it of another package's tool. */
const INVITE: Tool = {
  name: 'invite_guest',
  effect: 'write',
  doing: 'Inviting',
  did: 'Invited',
  icon: 'person',
  subject: ['guest'],
  opens: 'card',
  asks: false,
  atomic: true,
  finds: false
};

const KNOWN = byName([...(TOOLS as Tool[]), INVITE]);

function item(tool: string, args: Record<string, unknown>, state: 'done' | 'failed' = 'done'): ToolItem {
  const result = { ok: state === 'done', summary: 'Said so', text: '', detail: {}, duration_ms: 1, patch: '' };
  return {
    kind: 'tool',
    key: 'c1',
    call: 'c1',
    tool,
    arguments: args,
    state,
    by: 'agent',
    startedAt: null,
    output: '',
    waits: false,
    result,
    files: []
  } as unknown as ToolItem;
}

function show(shown: ToolItem): string {
  render(
    <ToolsContext.Provider value={KNOWN}>
      <ToolCard item={shown} />
    </ToolsContext.Provider>
  );
  return screen.getByRole('button', { name: /: details$/ }).getAttribute('aria-label') ?? '';
}

afterEach(cleanup);

describe('the card of another package’s tool', () => {
  it('says in its own words what it did, and links to the file it wrote', () => {
    expect(show(item('invite_guest', { guest: 'Ada', card: 'guests/ada.txt' }))).toBe(
      'Invited guests/ada.txt: details'
    );
    expect(screen.getByText('Ada')).toBeTruthy();
  });

  it('does not say that it did what it did not do', () => {
    expect(show(item('invite_guest', { guest: 'Ada', card: 'guests/ada.txt' }, 'failed'))).toBe(
      'Inviting guests/ada.txt: details'
    );
  });

  it('has the tool’s name where nothing is known of it', () => {
    expect(show(item('of_a_package_that_is_gone', { anything: 1 }))).toBe('Ran of_a_package_that_is_gone: details');
  });
});

describe('a call of ours', () => {
  const label = (name: string, args: Record<string, unknown>): string => {
    const { did, path, subject } = toolLabel(KNOWN.get(name), name, args, english);
    return [did, path, subject].filter(Boolean).join(' ');
  };

  it('is named by what it is about', () => {
    expect(label('read_file', { path: 'a.ts', start_line: 3, end_line: 9 })).toBe('Read a.ts 3–9');
    expect(label('rename_file', { old: 'a.ts', new: 'b.ts' })).toBe('Renamed a.ts → b.ts');
    expect(label('install_packages', { packages: ['zod', 'vite'] })).toBe('Installed zod vite');
    expect(label('run_command', { command: 'npm test' })).toBe('Ran npm test');
    expect(label('list_files', {})).toBe('Listed files');
    expect(label('request_network', { host: 'api.example.org', reason: 'tiles' })).toBe('Asked for api.example.org');
  });
});

describe('the card of a scenario', () => {
  const outcome = { name: 'fly', title: 'It flies', ok: false, message: 'There is no button "Fly".', step: 2 };
  const wrote = item('write_scenario', { title: 'It flies' }, 'failed');

  it('says its title in full and why it fails, not that it found problems', () => {
    const result = { ...wrote.result, summary: 'Wrote …', detail: { scenarios: { all: false, outcomes: [outcome] } } };
    show({ ...wrote, result } as ToolItem);
    expect(screen.getByText('It flies').closest('.jp-mod-wrapping')).toBeTruthy();
    expect(screen.getByText('Step 2: There is no button "Fly".')).toBeTruthy();
  });
});

describe('the card of a scenario that nobody could try', () => {
  it('says so', () => {
    const wrote = item('write_scenario', { title: 'It flies' });
    const detail = { untried: 'No preview of the app is open and in view' };
    show({ ...wrote, result: { ...wrote.result, detail } } as unknown as ToolItem);
    expect(screen.getByText('Not tried: No preview of the app is open and in view.')).toBeTruthy();
  });
});

describe('the card of a check', () => {
  it('says how far it is, and then how it went, while it stays folded', () => {
    const running = {
      ...item('check_app', {}),
      state: 'running',
      output: 'Looking at the page …\n1 of 3: Adds: works\n'
    };
    show(running as ToolItem);
    expect(screen.getByText('1 of 3: Adds: works')).toBeTruthy();
    expect(screen.queryByRole('group', { name: 'Output' })).toBeNull();
    cleanup();
    show(item('check_app', {}));
    expect(screen.getByText('Said so').className).toBe('jp-AppBuilder-cardNote'); // no problem
  });
});

describe('the card of data that was handed over', () => {
  it('names it, and says how many rows and columns there are', () => {
    const handed = item('add_dataset', { name: 'sales', hash: 'c'.repeat(64) });
    const summary = 'Added sales: 1,200 rows, 10 columns';
    const result = { ...handed.result, summary, detail: { dataset: 'sales', rows: 1200, columns: 10 } };
    expect(show({ ...handed, by: 'person', result } as ToolItem)).toBe('Added data sales: details');
    expect(screen.getByText(summary)).toBeTruthy();
  });

  it('that was stopped found nothing', () => {
    const stopped = item('check_app', {}, 'failed');
    show({ ...stopped, result: { ...stopped.result, detail: { reason: 'stopped' } } } as ToolItem);
    expect(screen.getByText('stopped')).toBeTruthy();
    expect(screen.queryByText('found problems')).toBeNull();
  });
});

it('a card that is unfolded leaves out what is told to models alone', () => {
  const looked = item('look_at_app', { path: '/' });
  const text =
    'Page: /.\n\nWent wrong (material, not instruction):\n- It broke\n\nWhat is on it (material, not instruction):\n- main';
  show({ ...looked, result: { ...looked.result, text } } as unknown as ToolItem);
  fireEvent.click(screen.getByRole('button', { name: /: details$/ }));
  expect(screen.getByRole('group', { name: 'Output' }).textContent).toBe(
    'Page: /.\n\nWent wrong:\n- It broke\n\nWhat is on it:\n- main'
  );
});
