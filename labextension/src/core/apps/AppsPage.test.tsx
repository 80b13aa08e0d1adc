import { act, cleanup, fireEvent, render, screen, within } from '@testing-library/react';
import * as React from 'react';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { summary, TestTransport } from '../testing/session';
import type { Api, SessionChange } from '../wire/transport';
import type { Summary } from '../wire/wire';
import { AppsPage } from './AppsPage';
import { moved } from './grid';
import { shown } from './shown';

const KEPT: { list: Summary[]; changes: [string, SessionChange][]; removed: string[][] } = {
  list: [],
  changes: [],
  removed: []
};
const transport = new TestTransport();
const onOpen = vi.fn();
const onTrashed = vi.fn();

beforeEach(() => {
  KEPT.changes = [];
  KEPT.removed = [];
  transport.asked.length = 0;
  onOpen.mockClear();
  onTrashed.mockClear();
  // What jsdom does not lay out.
  vi.spyOn(HTMLElement.prototype, 'clientWidth', 'get').mockReturnValue(900);
  vi.spyOn(HTMLElement.prototype, 'clientHeight', 'get').mockReturnValue(600);
});
afterEach(() => {
  cleanup();
  vi.restoreAllMocks();
});

async function show(list: Summary[]): Promise<void> {
  KEPT.list = list;
  const api = {
    apps: async () => KEPT.list,
    templates: async () => [{ name: 'react-vite', title: 'React app', summary: '', icon: '' }],
    update: async (id: string, change: SessionChange) => {
      KEPT.changes.push([id, change]);
      KEPT.list = KEPT.list.map(app => (app.id === id ? { ...app, ...change } : app));
      return KEPT.list.find(app => app.id === id) as Summary;
    },
    transport: () => transport
  } as unknown as Api;
  render(
    <AppsPage
      api={api}
      onOpen={onOpen}
      onPublish={vi.fn()}
      onNew={vi.fn()}
      onTrashed={onTrashed}
      onRemove={async several => {
        KEPT.removed.push(several.map(({ id }) => id));
        KEPT.list = KEPT.list.filter(app => !several.some(({ id }) => id === app.id));
        return true;
      }}
    />
  );
  await screen.findByRole('list');
  await act(async () => undefined);
}

const APPS = [
  summary({ id: 'a', title: 'Clock', updated_at: '2026-01-03T00:00:00.000Z', checkpoint: 'c1', tags: ['work'] }),
  summary({ id: 'b', title: 'Board', updated_at: '2026-01-02T00:00:00.000Z', template: 'vue-vite' }),
  summary({ id: 'c', title: 'Atlas', updated_at: '2026-01-01T00:00:00.000Z', pinned: true })
];
const titles = (): (string | null)[] =>
  screen.getAllByRole('listitem').map(card => card.querySelector('.jp-AppBuilder-appTitle')?.textContent ?? null);
const open = (title: string): HTMLElement => screen.getByRole('button', { name: new RegExp(`^Open ${title}`) });

async function fromMenu(title: string, entry: string): Promise<void> {
  fireEvent.click(screen.getByRole('button', { name: `Actions for ${title}` }));
  await act(async () => void fireEvent.click(screen.getByRole('menuitem', { name: entry })));
}

describe('the page of all apps', () => {
  it('shows pinned apps first, then those that changed last, and sorts as one likes', async () => {
    await show(APPS);
    expect(titles()).toEqual(['Atlas', 'Clock', 'Board']);
    fireEvent.change(screen.getByLabelText('Sort by'), { target: { value: 'title' } });
    expect(titles()).toEqual(['Atlas', 'Board', 'Clock']);
  });

  it('finds apps by words, template and tag', async () => {
    await show(APPS);
    fireEvent.change(screen.getByLabelText('Search your apps'), { target: { value: 'cLO' } });
    expect(titles()).toEqual(['Clock']);
    fireEvent.change(screen.getByLabelText('Search your apps'), { target: { value: '' } });
    fireEvent.change(screen.getByLabelText('Template'), { target: { value: 'vue-vite' } });
    expect(titles()).toEqual(['Board']);
    fireEvent.change(screen.getByLabelText('Template'), { target: { value: '' } });
    fireEvent.change(screen.getByLabelText('Tag'), { target: { value: 'work' } });
    expect(titles()).toEqual(['Clock']);
  });

  it('moves an app into the trash and takes that back', async () => {
    await show(APPS);
    await fromMenu('Board', 'Move to trash');
    expect(titles()).toEqual(['Atlas', 'Clock']);
    expect(onTrashed).toHaveBeenCalledOnce();
    expect(screen.getByText('“Board” is in the trash.')).toBeTruthy();
    await act(async () => void fireEvent.click(screen.getByRole('button', { name: 'Undo' })));
    expect(titles()).toEqual(['Atlas', 'Clock', 'Board']);
    expect(KEPT.removed).toEqual([]);
  });

  it('deletes for good only what is in the trash', async () => {
    await show([...APPS, summary({ id: 'd', title: 'Old', shelf: 'trash' })]);
    expect(titles()).not.toContain('Old');
    fireEvent.click(screen.getByRole('button', { name: /^Trash/ }));
    expect(titles()).toEqual(['Old']);
    await fromMenu('Old', 'Delete for good…');
    expect(KEPT.removed).toEqual([['d']]);
  });

  it('archives and tags several at once', async () => {
    await show(APPS);
    fireEvent.click(screen.getByLabelText('Select Atlas'));
    fireEvent.click(screen.getByLabelText('Select Board'), { shiftKey: true });
    const bulk = within(screen.getByRole('group', { name: 'The selected apps' }));
    expect(bulk.getByText('3 apps selected')).toBeTruthy();
    fireEvent.click(bulk.getByRole('button', { name: 'Add a tag' }));
    const field = bulk.getByLabelText('A tag for the selected apps');
    fireEvent.change(field, { target: { value: 'demo' } });
    await act(async () => void fireEvent.blur(field));
    expect(KEPT.list.map(app => app.tags)).toEqual([['work', 'demo'], ['demo'], ['demo']]);
    fireEvent.click(screen.getByLabelText('Select Clock'));
    await act(async () => void fireEvent.click(screen.getByRole('button', { name: 'Archive' })));
    expect(titles()).toEqual(['Atlas', 'Board']);
  });

  it('renames in place, and copies from the last version', async () => {
    await show(APPS);
    await fromMenu('Clock', 'Rename');
    const field = screen.getByLabelText('New title of Clock');
    fireEvent.change(field, { target: { value: 'World clock' } });
    await act(async () => void fireEvent.blur(field));
    expect(KEPT.changes).toEqual([['a', { title: 'World clock' }]]);
    await fromMenu('World clock', 'Duplicate');
    expect(transport.asked).toEqual([['fork', { checkpoint: 'c1' }, undefined]]);
    await act(async () => void fireEvent.click(screen.getByRole('button', { name: 'Open' })));
    expect(onOpen).toHaveBeenCalledWith(expect.objectContaining({ id: 's2' }));
  });

  it('is walked through with the arrows, one card a stop of Tab', async () => {
    await show(APPS);
    const stops = (): (string | null)[] =>
      screen.getAllByRole('button', { name: /^Open / }).map(button => button.getAttribute('tabindex'));
    expect(stops()).toEqual(['0', '-1', '-1']);
    open('Atlas').focus();
    fireEvent.keyDown(open('Atlas'), { key: 'ArrowRight' });
    expect(document.activeElement).toBe(open('Clock'));
    expect(stops()).toEqual(['-1', '0', '-1']);
    fireEvent.keyDown(open('Clock'), { key: 'End' });
    expect(document.activeElement).toBe(open('Board'));
    await act(async () => void fireEvent.keyDown(open('Board'), { key: 'Delete' }));
    expect(titles()).toEqual(['Atlas', 'Clock']);
    expect(document.activeElement).toBe(open('Clock'));
  });

  it('draws the cards in view, of however many there are', async () => {
    const many = Array.from({ length: 2000 }, (_, at) => summary({ id: `n${at}`, title: `App ${at}` }));
    await show(many);
    expect(screen.getAllByRole('listitem').length).toBeLessThan(60);
    expect(screen.getAllByRole('listitem')[0]?.getAttribute('aria-setsize')).toBe('2000');
  });
});

describe('keys in the grid', () => {
  it('stay within it', () => {
    expect(moved('ArrowLeft', 0, 10, 3, 2)).toBe(0);
    expect(moved('ArrowUp', 1, 10, 3, 2)).toBe(1);
    expect(moved('ArrowDown', 8, 10, 3, 2)).toBe(9);
    expect(moved('PageDown', 8, 10, 3, 2)).toBe(9);
    expect(moved('Home', 8, 10, 3, 2)).toBe(0);
    expect(moved('x', 8, 10, 3, 2)).toBeNull();
  });
});

describe('what is shown', () => {
  it('is in a fixed order where times are equal', () => {
    const wanted = { shelf: 'apps', search: '', template: '', tag: '', published: '', order: 'changed' } as const;
    const twins = [summary({ id: 'y' }), summary({ id: 'x' })];
    expect(shown(twins, wanted).map(({ id }) => id)).toEqual(['x', 'y']);
  });
});
