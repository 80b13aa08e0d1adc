import { act, cleanup, fireEvent, render, screen } from '@testing-library/react';
import * as React from 'react';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { PanelModel } from '../panel';
import { snapshot, TestTransport } from '../testing/session';
import type { Api } from '../wire/transport';
import { english } from '../controls/translation';
import { Panel } from './Panel';
import { PAGES } from './pages';

Element.prototype.scrollTo = () => undefined;
globalThis.ResizeObserver ??= class {
  observe(): void {}
  disconnect(): void {}
  unobserve(): void {}
} as unknown as typeof ResizeObserver;

afterEach(cleanup);

const MODEL = { id: 'openai:gpt', title: 'GPT', provider: 'openai', recorded: false };

async function show(): Promise<PanelModel> {
  const never = new Promise<never>(() => undefined);
  const api = {
    sessions: async () => [],
    providers: async () => [],
    models: async () => [MODEL],
    demos: async () => [],
    tools: async () => [],
    templates: async () => [],
    sandboxes: async () => [],
    place: async () => ({ folder: null, path: null, problem: null }),
    rules: async () => [],
    settings: async () => [],
    usage: () => never,
    transport: () => {
      const transport = new TestTransport();
      setTimeout(() => transport.say(snapshot()));
      return transport;
    }
  } as unknown as Api;
  const model = new PanelModel(api);
  await act(async () => {
    render(
      <Panel
        model={model}
        trans={english}
        defaults={{ model: '', template: '' }}
        sendWithModifier={false}
        host={() => ({})}
        onOpened={vi.fn()}
        onRemove={async () => true}
      />
    );
  });
  return model;
}

const heading = (name: string): HTMLElement | null => screen.queryByRole('heading', { level: 2, name });

describe('the pages of the panel', () => {
  it('are reached from the first screen, each by its name, and lead back', async () => {
    await show();
    for (const { title } of Object.values(PAGES).filter(page => !page.ofSession && !page.inSettings)) {
      await act(async () => void fireEvent.click(screen.getByRole('button', { name: title(english) })));
      expect(heading(title(english))).not.toBeNull();
      fireEvent.click(screen.getByRole('button', { name: 'Back' }));
      await act(async () => undefined);
      expect(heading('Build an app')).not.toBeNull();
    }
    for (const { title } of Object.values(PAGES).filter(page => page.inSettings)) {
      await act(async () => void fireEvent.click(screen.getByRole('button', { name: 'Settings' })));
      await act(async () => void fireEvent.click(screen.getByRole('button', { name: title(english) })));
      expect(heading(title(english))).not.toBeNull();
      fireEvent.click(screen.getByRole('button', { name: 'Back' }));
      await act(async () => undefined);
    }
  });

  it('open over a session by a word from outside, and close when another thing is turned to', async () => {
    const model = await show();
    await act(async () => model.open('s1'));
    await screen.findByRole('heading', { name: 'Task board' });
    await act(async () => model.show('rules'));
    expect(heading('Approval rules')).not.toBeNull();
    await act(async () => model.show('models'));
    expect(heading('Model settings')).not.toBeNull();
    await act(async () => model.open('s1'));
    await screen.findByRole('heading', { name: 'Task board' });
    await act(async () => model.show('usage'));
    await act(async () => model.close());
    expect(heading('Build an app')).not.toBeNull();
  });
});
