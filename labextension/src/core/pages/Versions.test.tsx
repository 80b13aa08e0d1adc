import { act, cleanup, fireEvent, render, screen, within } from '@testing-library/react';
import * as React from 'react';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { PanelModel } from '../panel';
import { Log, snapshot, TestTransport } from '../testing/session';
import type { Catalog } from '../wire/catalog';
import type { Api } from '../wire/transport';
import { versions } from './Versions';

afterEach(cleanup);

async function show(): Promise<TestTransport> {
  const transport = new TestTransport();
  const model = new PanelModel({ transport: () => transport } as unknown as Api);
  model.open('s1');
  const log = new Log();
  const [started, said, ...rest] = log.turn('t1', 'a task board');
  const check = log.event('tool.finished', {
    turn: 't2',
    call: 'c',
    tool: 'check_app',
    ok: true,
    summary: 'No errors',
    text: '',
    detail: { scenarios: { all: true, outcomes: [{ name: 'a', title: 'A', ok: true }] } },
    duration_ms: 1
  });
  const second = log.turn('t2', 'a clock');
  const events = [started, said, ...rest, second[0], second[1], check, ...second.slice(2)].map(
    (event, at) => ({ ...event, seq: at + 1 }) as typeof check
  );
  const { Body } = versions;
  render(<Body model={model} session={null} catalog={{} as Catalog} />);
  await act(async () => {
    transport.say({ kind: 'events', events }, snapshot());
    await new Promise(done => requestAnimationFrame(done));
  });
  await screen.findByRole('heading', { name: '2 a clock' }, { timeout: 20_000 });
  return transport;
}

describe('the versions of an app', () => {
  it('are told the newest first, with their requests and checks, and lead back', async () => {
    const transport = await show();
    const items = screen.getAllByRole('listitem').filter(item => item.classList.contains('jp-AppBuilder-version'));
    expect(items.map(item => item.querySelector('h3')?.textContent)).toEqual(['2 a clock', '1 a task board']);
    expect(within(items[0] as HTMLElement).getByText('current version')).toBeTruthy();
    await act(
      async () => void fireEvent.click(within(items[1] as HTMLElement).getByRole('button', { name: 'Restore' }))
    );
    expect(transport.asked).toContainEqual(['restore', 'commit-t1']);
  });

  it('have names, which are changed and taken away', async () => {
    const transport = await show();
    const [newest] = screen.getAllByRole('listitem') as [HTMLElement];
    fireEvent.click(within(newest).getByRole('button', { name: 'Name the version' }));
    const field = within(newest).getByRole('textbox', { name: 'Name of the version' });
    fireEvent.change(field, { target: { value: ' Before the demo ' } });
    fireEvent.blur(field);
    expect(transport.asked).toContainEqual(['nameVersion', 'commit-t2', 'Before the demo']);
    const log = new Log();
    log.seq = 100;
    const named = (name: string): void =>
      act(() => transport.say(log.message('version.named', { checkpoint: 'commit-t2', name })));
    named('Before the demo');
    await screen.findByRole('heading', { name: '2 Before the demo' }, { timeout: 20_000 });
    expect(newest.textContent).toContain('a clock');
    expect(screen.getAllByRole('option', { name: '2 Before the demo' })).toHaveLength(2);
    named('');
    await screen.findByRole('heading', { name: '2 a clock' }, { timeout: 20_000 });
  });

  it('are drawn in parts where there are many, and reached with the keyboard', async () => {
    const transport = await show();
    const log = new Log();
    log.seq = 100;
    const many = Array.from({ length: 120 }, (_, at) => log.turn(`x${at}`, `request ${at}`)).flat();
    await act(async () => transport.say({ kind: 'events', events: many }));
    const newest = await screen.findByRole('heading', { name: '122 request 119' }, { timeout: 20_000 });
    const rows = (): HTMLElement[] => Array.from(document.querySelectorAll('.jp-AppBuilder-version'));
    expect(rows()).toHaveLength(60);
    const [first, second] = rows() as [HTMLElement, HTMLElement];
    first.focus();
    fireEvent.keyDown(first, { key: 'ArrowDown' });
    expect(document.activeElement).toBe(second);
    fireEvent.keyDown(second, { key: 'End' });
    expect(document.activeElement).toBe(rows()[59]);
    fireEvent.click(screen.getByRole('button', { name: 'Show older versions (62)' }));
    expect(rows()).toHaveLength(120);
    // What streams draws none of them anew.
    await act(async () => transport.say({ kind: 'live', n: 9, type: 'preview', data: snapshot().preview }));
    expect(screen.getByRole('heading', { name: '122 request 119' })).toBe(newest);
  });

  it('are compared, any two', async () => {
    const transport = await show();
    await act(async () => void fireEvent.click(screen.getByRole('button', { name: 'Compare files' })));
    expect(transport.asked).toContainEqual(['compare', 'commit-t1', 'commit-t2']);
    const told = screen.getByRole('region', { name: 'Compare two versions' });
    await vi.waitFor(() => expect(told.textContent).toContain('App.tsx'), 20_000);
  });
});
