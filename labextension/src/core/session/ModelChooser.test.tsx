import { cleanup, fireEvent, render, screen } from '@testing-library/react';
import axe from 'axe-core';
import * as React from 'react';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { ModelChoice } from '../wire/transport';
import { ModelChooser } from './ModelChooser';

const MODELS: ModelChoice[] = Array.from({ length: 400 }, (_, number) => ({
  id: `openrouter:maker/model-${number}`,
  title: `maker/model-${number}`,
  provider: 'openrouter',
  recorded: false
}));

afterEach(cleanup);

function show(
  models = MODELS,
  chosen = 'openrouter:maker/model-7'
): { chose: ReturnType<typeof vi.fn>; container: HTMLElement } {
  const chose = vi.fn();
  const { container } = render(<ModelChooser label="Model" models={models} chosen={chosen} onChoose={chose} />);
  fireEvent.click(screen.getByRole('button', { name: /^Model: / }));
  return { chose, container };
}

const type = (value: string): boolean => fireEvent.change(screen.getByRole('combobox'), { target: { value } });
const press = (key: string): boolean => fireEvent.keyDown(screen.getByRole('combobox'), { key });

describe('the choice of a model', () => {
  it('finds any of hundreds by words, with the keyboard alone', () => {
    const { chose } = show();
    expect(screen.getByText('300 more: type to find them.')).toBeTruthy();
    type('maker 399');
    press('Enter');
    expect(chose).toHaveBeenCalledWith('openrouter:maker/model-399');
    expect(screen.queryByRole('listbox')).toBeNull();
    expect(document.activeElement).toBe(screen.getByRole('button', { name: /^Model: / }));
  });

  it('begins at the model in use, and moves with the arrows', () => {
    const { chose } = show();
    press('ArrowDown');
    press('Enter');
    expect(chose).toHaveBeenCalledWith('openrouter:maker/model-8');
  });

  it('takes a name that is not listed', () => {
    const { chose } = show();
    type('other/unheard-of:free');
    press('Enter');
    expect(chose).toHaveBeenCalledWith('openrouter:other/unheard-of:free');
  });

  it('closes with Escape and changes nothing', () => {
    const { chose } = show();
    press('Escape');
    expect(screen.queryByRole('combobox')).toBeNull();
    expect(chose).not.toHaveBeenCalled();
  });

  it('has no accessibility faults', async () => {
    const { container } = show();
    const found = await axe.run(container, {
      rules: { 'color-contrast': { enabled: false }, region: { enabled: false } }
    });
    expect(found.violations.map(({ id }) => id)).toEqual([]);
  });
});
