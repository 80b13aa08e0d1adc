import { act, cleanup, fireEvent, render, screen } from '@testing-library/react';
import axe from 'axe-core';
import * as React from 'react';
import { afterEach, describe, expect, it } from 'vitest';
import type { ModelReport } from './modelReport';
import type { Api, ModelChoice, ProviderChoice } from '../wire/transport';
import { RequestFailed } from '../wire/wire';
import { ModelTest } from './ModelTest';

const MODELS: ModelChoice[] = [
  { id: 'ollama:tiny', title: 'tiny', provider: 'ollama', recorded: false },
  { id: 'ollama:able', title: 'able', provider: 'ollama', recorded: false },
  { id: 'openai:gpt', title: 'GPT', provider: 'openai', recorded: false }
];

const REPORT: ModelReport = {
  model: 'ollama:tiny',
  usable: true,
  verdict: 'Its answers are held to a JSON schema, with the small profile.',
  tokens_used: 1234,
  checks: [
    { name: 'answers', title: 'Answers', outcome: 'yes', detail: 'one, two', hint: '' },
    { name: 'tools', title: 'Tool calls', outcome: 'no', detail: 'refused', hint: 'Nothing to do.' },
    { name: 'later', title: 'Something new', outcome: 'unknown', detail: 'not told', hint: '' }
  ]
};

afterEach(cleanup);

interface Asked {
  model: string;
  signal: AbortSignal;
  answer: (report: ModelReport) => void;
  fail: (error: unknown) => void;
}

function provider(name: string, configured = true): ProviderChoice {
  return { name, title: name, base_url: '', configured, local: false, native: false, key_source: '', keys_url: '' };
}

async function show(
  chosen = provider('ollama')
): Promise<{ asked: Asked[]; container: HTMLElement; look: (at: ProviderChoice) => void }> {
  const asked: Asked[] = [];
  const api = {
    models: async () => MODELS,
    testModel: (model: string, signal: AbortSignal) =>
      new Promise<ModelReport>((answer, fail) => asked.push({ model, signal, answer, fail }))
  } as unknown as Api;
  const { container, rerender } = render(<ModelTest api={api} provider={chosen} />);
  await act(async () => undefined);
  return { asked, container, look: at => rerender(<ModelTest api={api} provider={at} />) };
}

function offered(): string[] {
  fireEvent.click(screen.getByRole('button', { name: /^Model to test: / }));
  const ids = screen.getAllByRole('option').map(option => option.getAttribute('data-model') ?? '');
  fireEvent.keyDown(screen.getByRole('combobox'), { key: 'Escape' });
  return ids;
}

describe('the test of a model', () => {
  it('offers the models of the provider, says what it costs, and shows what was found', async () => {
    const { asked, container } = await show();
    expect(offered()).toEqual(['ollama:tiny', 'ollama:able']);
    expect(screen.getByText(/about 1,200 tokens/)).toBeTruthy();
    fireEvent.click(screen.getByRole('button', { name: 'Test this model' }));
    expect(asked[0]?.model).toBe('ollama:tiny');
    expect(screen.getByText(/may take minutes/)).toBeTruthy();
    await act(async () => asked[0]?.answer(REPORT));
    expect(screen.getByText(REPORT.verdict)).toBeTruthy();
    expect(screen.getAllByRole('definition').map(found => found.textContent)).toEqual([
      'Yes: one, two',
      'No: refused Nothing to do.',
      'Not known: not told'
    ]);
    expect(screen.getByText('Something new')).toBeTruthy();
    const found = await axe.run(container, {
      rules: { 'color-contrast': { enabled: false }, region: { enabled: false } }
    });
    expect(found.violations).toEqual([]);
  });

  it('is given up on request, and its answer is then of no interest', async () => {
    const { asked } = await show();
    fireEvent.click(screen.getByRole('button', { name: 'Test this model' }));
    fireEvent.click(screen.getByRole('button', { name: 'Cancel test' }));
    expect(asked[0]?.signal.aborted).toBe(true);
    await act(async () => asked[0]?.fail(new RequestFailed({ message: 'Gone', reason: 'unreachable', hint: '' })));
    expect(screen.queryByRole('alert')).toBeNull();
    expect(screen.getByRole('button', { name: 'Test this model' })).toBeTruthy();
  });

  it('ends when another provider is looked at', async () => {
    const { asked, look } = await show();
    fireEvent.click(screen.getByRole('button', { name: 'Test this model' }));
    await act(async () => look(provider('openai')));
    expect(asked[0]?.signal.aborted).toBe(true);
    expect(offered()).toEqual(['openai:gpt']);
  });

  it('shows why there is no report', async () => {
    const { asked } = await show();
    fireEvent.click(screen.getByRole('button', { name: 'Test this model' }));
    await act(async () => asked[0]?.fail(new RequestFailed({ message: 'Not set up', reason: 'x', hint: 'Set a key' })));
    expect(screen.getByRole('alert').textContent).toContain('Set a key');
  });

  it('asks for a name where none is listed', async () => {
    const { asked } = await show(provider('gateway'));
    const button = screen.getByRole<HTMLButtonElement>('button', { name: 'Test this model' });
    expect(button.disabled).toBe(true);
    fireEvent.change(screen.getByRole('textbox', { name: 'Model to test' }), { target: { value: ' llama ' } });
    fireEvent.keyDown(screen.getByRole('textbox'), { key: 'Enter' });
    expect(asked[0]?.model).toBe('gateway:llama');
  });

  it('is not there before the provider is set up', async () => {
    const { container } = await show(provider('mistral', false));
    expect(container.textContent).toBe('');
  });
});
