import { act, fireEvent, render, screen, within } from '@testing-library/react';
import * as React from 'react';
import { describe, expect, it, vi } from 'vitest';
import { readMessage, type Finding } from '../session/pageMessages';
import { Drawer, DrawerButton } from './Drawer';
import type { DrawerTab } from './looks';
import { isProblem, PageRecords, worded } from './records';

/** What a page says, as the preview takes it. */
function hear(records: PageRecords, given: readonly object[], missed: unknown = 0): void {
  const message = readMessage({ source: 'jupyter-appbuilder', type: 'records', records: given, missed });
  if (message?.type === 'records') {
    act(() => records.add(message.records, message.missed));
  }
}

const LINE = { what: 'line', at: 1000, level: 'log', text: 'hello', source: 'src/App.tsx' };
const CALL = { what: 'call', at: 1000, method: 'GET', url: '/api/tasks', status: 200, how: '', ms: 12 };

describe('what a page says of itself', () => {
  it('is bounded and of the kinds that are expected, whatever is sent', () => {
    const records = new PageRecords();
    hear(records, [
      { ...LINE, text: 'x'.repeat(9000), level: 'shout' },
      { ...LINE, text: { toString: 'no' } },
      { ...CALL, status: '200', url: ['/'], ms: -5, at: Infinity },
      { what: 'else' },
      null as unknown as object
    ]);
    const { lines, calls } = records.get();
    expect(lines.map(({ record }) => [record.level, record.text.length])).toEqual([
      ['log', 4000],
      ['log', 0]
    ]);
    expect(calls.map(({ record }) => record)).toEqual([{ ...CALL, status: 0, url: '', ms: 0, at: 0 }]);
    hear(
      records,
      Array.from({ length: 5000 }, (_, n) => ({ ...LINE, text: `${n}` }))
    );
    expect(records.get().lines).toHaveLength(102);
    for (let n = 0; n < 20; n++) {
      hear(
        records,
        Array.from({ length: 100 }, (_, m) => ({ ...LINE, text: `${n} ${m}` }))
      );
    }
    expect(records.get().lines).toHaveLength(300);
    hear(records, [], 'many');
    expect(records.get().missed).toBe(0);
  });

  it('counts what comes again in a row, and knows what went wrong', () => {
    const records = new PageRecords();
    hear(records, [LINE, LINE, { ...LINE, text: 'other' }, LINE]);
    expect(records.get().lines.map(({ times }) => times)).toEqual([2, 1, 1]);
    hear(records, [
      CALL,
      { ...CALL, status: 404 },
      { ...CALL, status: 0, how: 'aborted' },
      { ...CALL, status: 0, how: 'could not be reached' }
    ]);
    expect(records.get().calls.map(({ record }) => isProblem(record))).toEqual([false, true, false, true]);
    expect(records.get().calls.map(({ record }) => worded(record))[1]).toBe('GET /api/tasks 404 12 ms');
  });
});

const FINDINGS: Finding[] = [
  { kind: 'page', message: 'x is undefined', source: 'src/App.tsx:3:1', stack: 'at App (src/App.tsx:3:1)' },
  { kind: 'network', message: 'GET /api answered 500' }
];

function Shown({ records, onFix }: { records: PageRecords; onFix: (finding: Finding) => void }): React.ReactElement {
  const [tab, setTab] = React.useState<DrawerTab>('console');
  const [open, setOpen] = React.useState(true);
  return (
    <>
      <DrawerButton records={records} findings={2} open={open} onToggle={() => setOpen(!open)} />
      {open && (
        <Drawer
          records={records}
          findings={FINDINGS}
          tab={tab}
          setTab={setTab}
          height={220}
          setHeight={() => undefined}
          onFix={onFix}
          onClose={() => setOpen(false)}
        />
      )}
    </>
  );
}

describe('the drawer', () => {
  it('lists, filters, copies and clears, and has each finding handed over by itself', async () => {
    const records = new PageRecords();
    const fixed: Finding[] = [];
    const copied = vi.fn(() => Promise.resolve());
    vi.stubGlobal('navigator', { ...navigator, clipboard: { writeText: copied } });
    render(<Shown records={records} onFix={finding => fixed.push(finding)} />);
    const drawer = screen.getByRole('region', { name: 'What the page says' });
    expect(within(drawer).getByText('The page wrote nothing yet.')).toBeTruthy();
    hear(records, [LINE, { ...LINE, level: 'error', text: '<b>broken</b>' }, CALL, { ...CALL, status: 500 }], 7);
    expect(screen.getByRole('button', { name: 'Console, requests and findings: 3 problems' })).toBeTruthy();
    expect(within(drawer).getByText('<b>broken</b>'), 'as text').toBeTruthy();
    expect(within(drawer).getByText('7 entries came too fast and are not shown.')).toBeTruthy();
    fireEvent.click(within(drawer).getByRole('button', { name: 'Only warnings and errors' }));
    expect(within(drawer).queryByText('hello')).toBeNull();
    await act(async () => fireEvent.click(within(drawer).getByRole('button', { name: 'Copy' })));
    expect(copied).toHaveBeenCalledWith('[error] <b>broken</b> (src/App.tsx)');

    const tab = (name: RegExp): HTMLElement => within(drawer).getByRole('tab', { name });
    fireEvent.keyDown(tab(/Console/), { key: 'ArrowRight' });
    expect(document.activeElement).toBe(tab(/Requests/));
    fireEvent.click(within(drawer).getByRole('button', { name: 'Only failed requests' }));
    expect(within(drawer).getAllByText('/api/tasks')).toHaveLength(2);
    fireEvent.change(within(drawer).getByRole('searchbox', { name: 'Filter' }), { target: { value: '500' } });
    expect(within(drawer).getAllByText('/api/tasks')).toHaveLength(1);
    fireEvent.click(within(drawer).getByRole('button', { name: 'Clear' }));
    expect(within(drawer).getByText('The page asked no server yet.')).toBeTruthy();

    fireEvent.click(tab(/Findings/));
    const found = within(drawer).getAllByRole('listitem');
    expect(found, 'that the filter finds').toHaveLength(1);
    fireEvent.change(within(drawer).getByRole('searchbox', { name: 'Filter' }), { target: { value: '' } });
    for (const button of within(drawer).getAllByRole('button', { name: 'Fix it' }).slice(0, 1)) {
      fireEvent.click(button);
    }
    expect(fixed).toEqual([FINDINGS[0]]);
    fireEvent.keyDown(drawer, { key: 'Escape' });
    expect(screen.queryByRole('region', { name: 'What the page says' })).toBeNull();
    vi.unstubAllGlobals();
  });
});
