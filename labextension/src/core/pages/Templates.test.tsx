import { act, cleanup, fireEvent, render, screen, within } from '@testing-library/react';
import axe from 'axe-core';
import * as React from 'react';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { SurroundingsContext } from '../controls/surroundings';
import { english } from '../controls/translation';
import { summary } from '../testing/session';
import type { Api, Setting, TemplateChoice } from '../wire/transport';
import { RequestFailed } from '../wire/wire';
import { SaveTemplatePage } from './SaveTemplate';
import { SettingsPage } from './Settings';
import { TemplatesPage } from './Templates';

const SHIPPED: TemplateChoice = {
  ...{ name: 'react-vite', title: 'React app', summary: 'A web app.', icon: '', prompts: [] },
  ...{ picture: true, origin: 'default', source: '', default: true }
};
const OWN: TemplateChoice = {
  ...{ name: 'board-1', title: 'Sales board', summary: 'Numbers.', icon: '', prompts: [] },
  ...{ picture: false, origin: 'person', source: 'https://git.example.org/t.git', default: false }
};
const setting = (change: Partial<Setting>): Setting => ({
  ...{ page: 'usage', name: 'day_budget', value: 0, origin: 'default', trait: 'c.AppBuilder.day_budget' },
  ...change
});

const preferences = { model: '', template: '', set: vi.fn(async () => undefined), showAll: vi.fn() };

function within_(children: React.ReactNode): HTMLElement {
  const host = { preferences };
  return render(
    <SurroundingsContext.Provider value={{ trans: english, host }}>{children}</SurroundingsContext.Provider>
  ).container;
}

beforeAll(() => {
  URL.revokeObjectURL = () => undefined;
});
afterEach(cleanup);

describe('the gallery', () => {
  const api = {
    templatePicture: vi.fn(async () => 'data:,'),
    addTemplate: vi.fn(async () => OWN),
    removeTemplate: vi.fn(async () => undefined),
    settings: async () => []
  };
  const used = vi.fn();
  const changed = vi.fn();
  const open = async (): Promise<HTMLElement> => {
    const shared = { onChanged: changed, onUse: used, onClose: vi.fn() };
    const shown = within_(<TemplatesPage api={api as unknown as Api} templates={[SHIPPED, OWN]} {...shared} />);
    await act(async () => undefined);
    return shown;
  };

  it('offers each to start from, and only what one added to be removed, after asking', async () => {
    const shown = await open();
    fireEvent.click(screen.getByRole('button', { name: 'Start an app from Sales board' }));
    expect(used).toHaveBeenCalledWith('board-1');
    expect(screen.queryByRole('button', { name: 'Remove React app' })).toBeNull();
    fireEvent.click(screen.getByRole('button', { name: 'Remove Sales board' }));
    expect(api.removeTemplate).not.toHaveBeenCalled();
    fireEvent.click(within(screen.getByRole('group', { name: 'Remove it?' })).getByText('Remove'));
    await act(async () => undefined);
    expect(api.removeTemplate).toHaveBeenCalledWith('board-1');
    expect(changed).toHaveBeenCalled();
    expect((await axe.run(shown)).violations.map(({ id }) => id)).toEqual([]);
  });

  it('adds one, and says why it could not be', async () => {
    await open();
    const field = screen.getByLabelText<HTMLInputElement>('Git address or folder');
    api.addTemplate.mockRejectedValueOnce(
      new RequestFailed({ message: 'No template there.', hint: 'Name the folder.' })
    );
    fireEvent.change(field, { target: { value: ' /srv/board ' } });
    fireEvent.click(screen.getByRole('button', { name: 'Add' }));
    await act(async () => undefined);
    expect(screen.getByRole('alert').textContent).toContain('Name the folder.');
    expect(field.value).toBe(' /srv/board ');
    fireEvent.click(screen.getByRole('button', { name: 'Add' }));
    await act(async () => undefined);
    expect(api.addTemplate).toHaveBeenLastCalledWith('/srv/board', expect.anything());
    expect(screen.queryByRole('alert')).toBeNull();
    expect(field.value).toBe('');
  });

  it('keeps which one new apps start from', async () => {
    await open();
    fireEvent.click(screen.getByRole('button', { name: 'Use Sales board unless another is chosen' }));
    expect(preferences.set).toHaveBeenCalledWith({ template: 'board-1' });
  });
});

describe('an app as a template', () => {
  it('says what stays out, and what went wrong keeps what was written', async () => {
    const left = [{ what: 'data', names: ['data/sales.csv'], count: 3 }];
    const api = {
      templateOf: async () => ({ files: 2, bytes: 5000, left_out: left }),
      saveTemplate: vi.fn(async () => OWN)
    };
    api.saveTemplate.mockRejectedValueOnce(new RequestFailed({ message: 'src/a.ts holds a secret.' }));
    const acts = { onSaved: vi.fn(), onUse: vi.fn(), onGallery: vi.fn(), onClose: vi.fn() };
    within_(<SaveTemplatePage api={api as unknown as Api} session={summary({ title: 'Sales' })} {...acts} />);
    await act(async () => undefined);
    expect(screen.getByText(/2 files of the app, 5.0 kB/)).toBeTruthy();
    expect(screen.getByText('data/sales.csv and 2 more')).toBeTruthy();
    fireEvent.change(screen.getByLabelText('Description'), { target: { value: 'Numbers.' } });
    for (const said of ['holds a secret', 'is among the templates now']) {
      fireEvent.click(screen.getByRole('button', { name: 'Save as template' }));
      await act(async () => undefined);
      expect(screen.getByText(new RegExp(said))).toBeTruthy();
    }
    expect(api.saveTemplate).toHaveBeenLastCalledWith('s1', 'Sales', 'Numbers.');
    fireEvent.click(screen.getByRole('button', { name: 'Start an app from it' }));
    expect(acts.onUse).toHaveBeenCalledWith('board-1');
  });
});

describe('the settings', () => {
  it('say each value and who set it', async () => {
    const found = [
      setting({}),
      setting({ name: 'max_tokens', value: 2_000_000, origin: 'administrator', trait: 'c.AppBuilder.max_tokens' }),
      setting({ page: 'templates', name: 'template', value: 'react-vite' })
    ];
    const api = { settings: async () => found } as unknown as Api;
    preferences.template = 'board-1';
    within_(<SettingsPage api={api} models={[]} templates={[SHIPPED, OWN]} onClose={vi.fn()} />);
    await act(async () => undefined);
    const row = (term: string): string => screen.getByText(term).parentElement?.textContent ?? '';
    expect(row('Cost per day')).toBe('Cost per dayno limitDefault');
    expect(row('Tokens per request')).toContain('2.0M tokens');
    expect(row('Tokens per request')).toContain('Administrator');
    expect(row('Template of new apps')).toBe('Template of new appsboard-1You');
  });
});
