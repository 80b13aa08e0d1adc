import { act, cleanup, fireEvent, render, screen, within } from '@testing-library/react';
import axe from 'axe-core';
import * as React from 'react';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { summary } from '../testing/session';
import type {
  Api,
  Demo,
  ModelChoice,
  NewSession,
  Place,
  ProviderChoice,
  SandboxChoice,
  TemplateChoice
} from '../wire/transport';
import type { Summary } from '../wire/wire';
import { Home } from './Home';

const MODELS: ModelChoice[] = [{ id: 'openai:gpt', title: 'GPT', provider: 'openai', recorded: false }];
const TEMPLATES: TemplateChoice[] = [
  'React app',
  'Next.js app',
  'Vue app',
  'Plain website',
  'Streamlit app',
  'Panel app'
].map((title, number) => ({
  name: `t${number}`,
  title,
  summary: `What ${title} is for.`,
  icon: '<svg onload="alert(1)"/>',
  prompts: [`A first ${title}`, `Another ${title}`]
}));
const LOCAL: SandboxChoice = {
  name: 'local',
  default: true,
  available: true,
  isolation: { kind: 'bubblewrap', detail: 'own namespaces', warning: '' },
  message: '',
  hint: ''
};
const E2B: SandboxChoice = {
  ...LOCAL,
  name: 'e2b',
  default: false,
  isolation: { kind: 'e2b', detail: 'in a cloud', warning: '' }
};

const RECORDED: ModelChoice = { id: 'demo:recorded', title: 'Recorded demo', provider: 'demo', recorded: true };
const BROKEN: ProviderChoice = {
  name: 'openai',
  title: 'OpenAI',
  base_url: '',
  configured: true,
  local: false,
  native: false,
  key_source: 'panel',
  keys_url: '',
  problem: { message: 'OpenAI refused the key.', hint: 'Enter another.' }
};
const PROVIDERS: { list: ProviderChoice[] } = { list: [] };
const SESSIONS: { list: Summary[] } = { list: [] };
const DEMOS: { list: Demo[] } = { list: [] };
const onSetUp = vi.fn();

afterEach(() => {
  cleanup();
  PROVIDERS.list = [];
  DEMOS.list = [];
  SESSIONS.list = [];
  onSetUp.mockClear();
});

const PLACE: Place = { folder: '/home/jane/appbuilder', path: 'appbuilder', problem: null };

async function show(sandboxes: SandboxChoice[], models = MODELS, place = PLACE): Promise<NewSession[]> {
  const created: NewSession[] = [];
  const api = {
    sessions: async () => SESSIONS.list,
    providers: async () => PROVIDERS.list,
    place: async () => place,
    create: async (session: NewSession) => {
      created.push(session);
      return summary();
    }
  } as unknown as Api;
  const Shown = (): React.ReactElement => {
    const [draft, setDraft] = React.useState('');
    return (
      <Home
        api={api}
        models={models}
        loading={false}
        demos={DEMOS.list}
        templates={TEMPLATES}
        sandboxes={sandboxes}
        defaults={{ model: '', template: 't1' }}
        sendWithModifier={false}
        onOpen={vi.fn()}
        onRemove={async () => true}
        onSetUp={onSetUp}
        draft={draft}
        setDraft={setDraft}
      />
    );
  };
  render(<Shown />);
  await act(async () => new Promise(done => setTimeout(done, 5)));
  return created;
}

async function build(): Promise<void> {
  const box = screen.getByLabelText('Describe the app you want');
  fireEvent.change(box, { target: { value: 'a clock' } });
  await act(async () => void fireEvent.keyDown(box, { key: 'Enter' }));
}

describe('the first screen', () => {
  it('says at once that no app can be made, and which setting mends that', async () => {
    const problem = { message: 'Apps cannot be made in /appbuilder.', hint: 'Set c.AppBuilder.root_dir.' };
    const created = await show([LOCAL], MODELS, { folder: '/appbuilder', path: null, problem });
    expect(screen.getByRole('alert').textContent).toBe('Apps cannot be made in /appbuilder.Set c.AppBuilder.root_dir.');
    await build();
    expect(created).toEqual([]);
  });

  it('says of each app whether it runs', async () => {
    const states = { ready: 'Ready', stopped: 'Not running', starting: 'Starting', asleep: 'Asleep', failed: 'Failed' };
    SESSIONS.list = [
      ...Object.keys(states).map(app => summary({ id: app, title: app, app: app as Summary['app'] })),
      summary({ id: 'busy', title: 'busy', state: 'busy', app: 'starting' })
    ];
    await show([LOCAL]);
    for (const [app, said] of Object.entries({ ...states, busy: 'Building' })) {
      const opens = screen.getByText(app, { exact: true }).closest('button');
      expect(opens?.querySelector('.jp-AppBuilder-state')?.textContent).toBe(said);
    }
  });

  it('says where apps are made when the file browser does not show that', async () => {
    await show([LOCAL], MODELS, { folder: '/srv/apps/appbuilder', path: null, problem: null });
    expect(
      screen.getByText('Apps are made in /srv/apps/appbuilder, which the file browser does not show.')
    ).toBeTruthy();
    await build();
    expect(screen.queryByRole('alert')).toBeNull();
  });

  it('shows the templates as cards, with the server’s choice taken', async () => {
    const created = await show([LOCAL]);
    expect(within(screen.getByRole('group', { name: 'Start from' })).getAllByRole('radio')).toHaveLength(
      TEMPLATES.length
    );
    expect(screen.getByRole<HTMLInputElement>('radio', { name: 'Next.js app' }).checked).toBe(true);
    expect(screen.getByText('What Vue app is for.')).toBeTruthy();
    fireEvent.click(screen.getByRole('radio', { name: 'Vue app' }));
    expect(screen.getByRole('button', { name: 'Template: Vue app' })).toBeTruthy();
    await build();
    expect(created).toEqual([{ prompt: 'a clock', template: 't2', model: 'openai:gpt' }]);
  });

  it('shows a template’s picture as an image, which cannot run anything', async () => {
    await show([LOCAL]);
    expect(document.querySelector('[onload]')).toBeNull();
    expect(document.querySelector<HTMLImageElement>('img')?.src).toMatch(/^data:image\/svg\+xml/);
  });

  it('lets one choose the sandbox where there are several', async () => {
    const created = await show([LOCAL, E2B]);
    const choice = screen.getByLabelText<HTMLSelectElement>('Sandbox');
    expect(choice.value).toBe('local');
    fireEvent.change(choice, { target: { value: 'e2b' } });
    await build();
    expect(created[0]?.sandbox).toBe('e2b');
  });

  it('asks nothing where there is one', async () => {
    await show([LOCAL, { ...E2B, available: false, isolation: null, message: 'No key.', hint: 'Set E2B_API_KEY.' }]);
    expect(screen.queryByLabelText('Sandbox')).toBeNull();
    expect(screen.queryByText('No key.')).toBeNull();
  });

  it('says what to do where there is none, and warns where nothing isolates', async () => {
    const none = {
      ...LOCAL,
      available: false,
      isolation: null,
      message: 'bubblewrap is not installed.',
      hint: 'Install it.'
    };
    const created = await show([none]);
    expect(screen.getByText('bubblewrap is not installed.')).toBeTruthy();
    expect(screen.getByText('Install it.')).toBeTruthy();
    await build();
    expect(created).toEqual([]);
    expect(screen.getByText('No app can run here yet.')).toBeTruthy();
    cleanup();
    await show([
      { ...LOCAL, isolation: { kind: 'none', detail: 'none', warning: 'Generated code can do what you can.' } }
    ]);
    expect(screen.getByRole('note').textContent).toContain('Generated code can do what you can.');
  });

  it('opens the model settings where an idea needs a model, and keeps what was written', async () => {
    const created = await show([LOCAL], [RECORDED]);
    await build();
    expect(created).toEqual([]);
    expect(onSetUp).toHaveBeenCalledWith(true);
    expect(screen.getByLabelText<HTMLTextAreaElement>('Describe the app you want').value).toBe('a clock');
  });

  it('plays a demo without a model, and keeps what was being written', async () => {
    DEMOS.list = [{ name: 'board', title: 'Board', prompt: 'A task board', after: null }];
    const created = await show([LOCAL], [RECORDED]);
    fireEvent.change(screen.getByLabelText('Describe the app you want'), { target: { value: 'a clock' } });
    await act(async () => void fireEvent.click(screen.getByRole('button', { name: /Board/ })));
    expect(created).toEqual([{ prompt: 'A task board', model: 'demo:recorded' }]);
    expect(screen.getByLabelText<HTMLTextAreaElement>('Describe the app you want').value).toBe('a clock');
  });

  it('says that a provider that is set up does not work, and leads to its settings', async () => {
    PROVIDERS.list = [BROKEN];
    await show([LOCAL], [RECORDED]);
    expect(screen.getByRole('alert').textContent).toContain('OpenAI refused the key.Enter another.');
    fireEvent.click(within(screen.getByRole('alert')).getByRole('button', { name: 'Check its settings' }));
    expect(onSetUp).toHaveBeenCalled();
    expect(screen.queryByText(/No model is set up yet/)).toBeNull();
  });

  it('tells apps of one title apart by when they were made', async () => {
    SESSIONS.list = [
      summary({ id: 'a', title: 'Clock', created_at: '2026-01-02T10:00:00Z' }),
      summary({ id: 'b', title: 'Clock', created_at: '2026-01-02T11:30:00Z' }),
      summary({ id: 'c', title: 'Board' })
    ];
    await show([LOCAL]);
    const told = screen.getAllByText(/^made /).map(element => element.textContent);
    expect(told).toHaveLength(2);
    expect(new Set(told).size).toBe(2);
  });

  it('selects the title that is to be changed', async () => {
    SESSIONS.list = [summary({ title: 'Clock' })];
    await show([LOCAL]);
    fireEvent.click(screen.getByRole('button', { name: 'Actions for Clock' }));
    await act(async () => void fireEvent.click(screen.getByRole('menuitem', { name: 'Rename' })));
    const input = screen.getByLabelText<HTMLInputElement>('New title of Clock');
    expect([input.selectionStart, input.selectionEnd]).toEqual([0, 5]);
  });

  it('has requests to begin with, of the template that is chosen: in the box, not sent', async () => {
    const created = await show([LOCAL]);
    fireEvent.click(screen.getByRole('button', { name: 'A first Next.js app' }));
    const box = screen.getByLabelText<HTMLTextAreaElement>('Describe the app you want');
    expect([box.value, document.activeElement]).toEqual(['A first Next.js app', box]);
    fireEvent.click(screen.getByRole('button', { name: 'Another Next.js app' }));
    expect(box.value).toBe('Another Next.js app');
    fireEvent.click(screen.getByRole('radio', { name: 'Vue app' }));
    expect(screen.queryByRole('button', { name: 'A first Vue app' })).toBeNull(); // something is written
    fireEvent.change(box, { target: { value: '' } });
    expect(screen.getByRole('button', { name: 'A first Vue app' })).toBeTruthy();
    expect(created).toEqual([]);
  });

  it('builds with a model that no list names', async () => {
    const created = await show([LOCAL]);
    fireEvent.click(screen.getByRole('button', { name: 'Model: GPT' }));
    fireEvent.change(screen.getByRole('combobox'), { target: { value: 'gpt-next' } });
    fireEvent.keyDown(screen.getByRole('combobox'), { key: 'Enter' });
    await build();
    expect(created[0]?.model).toBe('openai:gpt-next');
  });

  it('has no accessibility faults', async () => {
    await show([LOCAL, E2B]);
    const { violations } = await axe.run(document.body, {
      rules: { 'color-contrast': { enabled: false }, region: { enabled: false } }
    });
    expect(violations.map(({ id }) => id)).toEqual([]);
  });
});
