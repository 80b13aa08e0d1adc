import { act, cleanup, fireEvent, render, screen } from '@testing-library/react';
import axe from 'axe-core';
import * as React from 'react';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Api, ConnectionCheck, ProviderChoice, ProviderSettings } from '../wire/transport';
import { ModelSetup } from './ModelSetup';

const GATEWAY: ProviderChoice = {
  name: 'gateway',
  title: 'Gateway',
  base_url: 'https://gateway.example/v1',
  configured: true,
  local: false,
  native: false,
  key_source: 'panel',
  keys_url: '',
  stored: true,
  problem: null
};

afterEach(cleanup);

interface Asked {
  settings: ProviderSettings[];
  models: string[];
  answer: (check: ConnectionCheck) => Promise<void>;
  forgotten: string[];
  closed: ReturnType<typeof vi.fn>;
}

async function show(provider = GATEWAY): Promise<Asked> {
  const waiting: ((check: ConnectionCheck) => void)[] = [];
  const asked: Asked = {
    settings: [],
    models: [],
    answer: async check => act(async () => waiting.shift()?.(check)),
    forgotten: [],
    closed: vi.fn()
  };
  const api = {
    providers: async () => [provider],
    models: async () => [],
    configure: async (_: string, settings: ProviderSettings) => void asked.settings.push(settings),
    forget: async (name: string) => void asked.forgotten.push(name),
    testProvider: (_: string, model: string) => {
      asked.models.push(model);
      return new Promise<ConnectionCheck>(answer => waiting.push(answer));
    }
  } as unknown as Api;
  render(<ModelSetup api={api} onChanged={vi.fn()} onClose={asked.closed} />);
  await act(async () => undefined);
  return asked;
}

async function save(key: string): Promise<void> {
  fireEvent.change(screen.getByLabelText('API key'), { target: { value: key } });
  await act(async () => void fireEvent.click(screen.getByRole('button', { name: 'Save' })));
}

describe('the model settings', () => {
  it('try what was saved and say what it can do', async () => {
    const asked = await show();
    await save('sk-1');
    expect(asked.settings).toEqual([{ api_key: 'sk-1' }]);
    expect(screen.getByText(/Testing…/)).toBeTruthy();
    await asked.answer({ ok: true, message: 'gateway:able answers and calls tools.', hint: '', model: 'gateway:able' });
    expect(screen.getByText('gateway:able answers and calls tools.')).toBeTruthy();
    fireEvent.click(screen.getByRole('button', { name: 'Done' }));
    expect(asked.closed).toHaveBeenCalledWith('gateway:able');
  });

  it('try what is set up again when nothing was changed, and ask for the key where there is none', async () => {
    const asked = await show();
    await save('');
    expect(asked.settings).toEqual([]);
    await asked.answer({ ok: true, message: 'gateway:able answers and calls tools.', hint: '', model: 'gateway:able' });
    expect(screen.getByText('gateway:able answers and calls tools.')).toBeTruthy();
    cleanup();
    const anew = await show({ ...GATEWAY, configured: false, key_source: '', stored: false });
    await save('');
    expect(screen.getByLabelText<HTMLInputElement>('API key').validity.valueMissing).toBe(true);
    expect([anew.settings, anew.models]).toEqual([[], []]);
    fireEvent.change(screen.getByLabelText('Base URL'), { target: { value: 'http://localhost:8000/v1' } });
    await save('');
    expect(anew.settings).toEqual([{ base_url: 'http://localhost:8000/v1' }]);
  });

  it('say that a key is wrong where it was typed', async () => {
    const asked = await show();
    await save('sk-wrong');
    await asked.answer({ ok: false, message: 'Gateway refused the key.', hint: 'Enter another.', model: '' });
    expect(screen.getByRole('alert').textContent).toBe('Gateway refused the key.Enter another.');
    fireEvent.change(screen.getByLabelText('Model to try (optional)'), { target: { value: ' able ' } });
    await save('sk-2');
    expect(asked.models).toEqual(['', 'able']);
    fireEvent.click(screen.getByRole('button', { name: 'Back' }));
    expect(asked.closed).toHaveBeenCalledWith('');
  });

  it('show what was wrong the last time, and remove a key', async () => {
    const asked = await show({ ...GATEWAY, problem: { message: 'Nobody is there.', hint: 'Start it.' } });
    expect(screen.getByRole('alert').textContent).toBe('Nobody is there.Start it.');
    const { violations } = await axe.run(document.body, {
      rules: { 'color-contrast': { enabled: false }, region: { enabled: false } }
    });
    expect(violations.map(({ id }) => id)).toEqual([]);
    await act(async () => void fireEvent.click(screen.getByRole('button', { name: 'Remove the key' })));
    expect(asked.forgotten).toEqual(['gateway']);
  });

  it('leave alone a key that was not typed here', async () => {
    await show({ ...GATEWAY, stored: false, key_source: 'environment' });
    expect(screen.queryByRole('button', { name: 'Remove the key' })).toBeNull();
    expect(screen.getByText(/comes from the environment/)).toBeTruthy();
  });
});
