import { act, cleanup, fireEvent, render, screen, within } from '@testing-library/react';
import axe from 'axe-core';
import * as React from 'react';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { summary } from '../testing/session';
import type { Api, ModelChoice, NewSession, Place, SandboxChoice, TemplateChoice } from '../transport';
import { Home } from './Home';

const MODELS: ModelChoice[] = [{ id: 'openai:gpt', title: 'GPT', provider: 'openai', recorded: false }];
const TEMPLATES: TemplateChoice[] = ['React app', 'Next.js app', 'Vue app', 'Plain website', 'Streamlit app', 'Panel app'].map(
  (title, number) => ({ name: `t${number}`, title, summary: `What ${title} is for.`, icon: '<svg onload="alert(1)"/>' })
);
const LOCAL: SandboxChoice = {
  name: 'local',
  default: true,
  available: true,
  isolation: { kind: 'bubblewrap', detail: 'own namespaces', warning: '' },
  message: '',
  hint: ''
};
const E2B: SandboxChoice = { ...LOCAL, name: 'e2b', default: false, isolation: { kind: 'e2b', detail: 'in a cloud', warning: '' } };

afterEach(cleanup);

const PLACE: Place = { folder: '/home/jane/appbuilder', path: 'appbuilder', problem: null };

async function show(sandboxes: SandboxChoice[], models = MODELS, place = PLACE): Promise<NewSession[]> {
  const created: NewSession[] = [];
  const api = {
    sessions: async () => [],
    place: async () => place,
    create: async (session: NewSession) => {
      created.push(session);
      return summary();
    }
  } as unknown as Api;
  render(
    <Home
      api={api}
      models={models}
      loading={false}
      demos={[]}
      templates={TEMPLATES}
      sandboxes={sandboxes}
      defaults={{ model: '', template: 't1' }}
      sendWithModifier={false}
      onOpen={vi.fn()}
      onRemove={async () => true}
      onSetUp={vi.fn()}
    />
  );
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

  it('says where apps are made when the file browser does not show that', async () => {
    await show([LOCAL], MODELS, { folder: '/srv/apps/appbuilder', path: null, problem: null });
    expect(screen.getByText('Apps are made in /srv/apps/appbuilder, which the file browser does not show.')).toBeTruthy();
    await build();
    expect(screen.queryByRole('alert')).toBeNull();
  });

  it('shows the templates as cards, with the server’s choice taken', async () => {
    const created = await show([LOCAL]);
    expect(within(screen.getByRole('group', { name: 'Start from' })).getAllByRole('radio')).toHaveLength(TEMPLATES.length);
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
    const none = { ...LOCAL, available: false, isolation: null, message: 'bubblewrap is not installed.', hint: 'Install it.' };
    await show([none]);
    expect(screen.getByText('bubblewrap is not installed.')).toBeTruthy();
    expect(screen.getByText('Install it.')).toBeTruthy();
    cleanup();
    await show([{ ...LOCAL, isolation: { kind: 'none', detail: 'none', warning: 'Generated code can do what you can.' } }]);
    expect(screen.getByRole('note').textContent).toContain('Generated code can do what you can.');
  });

  it('has no accessibility faults', async () => {
    await show([LOCAL, E2B]);
    const { violations } = await axe.run(document.body, { rules: { 'color-contrast': { enabled: false }, region: { enabled: false } } });
    expect(violations.map(({ id }) => id)).toEqual([]);
  });
});
