import { act, cleanup, fireEvent, render, screen } from '@testing-library/react';
import * as React from 'react';
import { describe, expect, it, vi } from 'vitest';
import { SurroundingsContext } from '../controls/surroundings';
import { english } from '../controls/translation';
import { readMessage } from './pageMessages';
import { chipsOf, claimOf, MOST_CHIPS } from './pointed';
import { PointedChips } from './PointedChips';
import { PointButton } from './Pointing';
import { StyleInspector, type Styling } from './Styling';
import type { SessionStore } from '../view/store';
import type { Styles } from '../wire/api.generated';
import { RequestFailed } from '../wire/wire';

const SAVE = { tag: 'button', text: 'Save', path: '/', name: 'Button', file: 'src/App.tsx', line: 12, column: 7 };

describe('what the page says was pointed at', () => {
  const said = (claim: unknown): unknown => readMessage({ source: 'jupyter-appbuilder', type: 'pointed', claim });

  it('is a claim of an element, of some length', () => {
    const claimed = { tag: 'b', text: 'x', picture: '0'.repeat(32) };
    expect(said(claimed)).toEqual({ type: 'pointed', claim: { tag: 'b', text: 'x' } }); // no picture of another's
    for (const wrong of [null, 'b', [], {}, { tag: 1 }, { tag: 'b', text: 'x'.repeat(20_000) }]) {
      expect(said(wrong)).toBeNull();
    }
    const endless: Record<string, unknown> = { tag: 'b' };
    endless['self'] = endless;
    expect(said(endless)).toBeNull();
  });
});

describe('chips', () => {
  it('are of one session, none twice, and bounded', () => {
    const chips = chipsOf('one');
    for (let number = 0; number < 2 * MOST_CHIPS; number += 1) {
      const claim = { tag: 'b', text: String(Math.floor(number / 2)) };
      chips.add(claim, { pointed: { ...claim, path: '/' }, literal: false });
    }
    expect(chips.get()).toHaveLength(MOST_CHIPS);
    chips.add({ tag: 'i' }, { pointed: { tag: 'i', text: '', path: '/' }, literal: false });
    expect(chips.get()).toHaveLength(MOST_CHIPS);
    expect(chipsOf('two').get()).toEqual([]);
    const taken = chips.take();
    expect(chips.get()).toEqual([]);
    chips.putBack(taken);
    expect(chipsOf('one').get()).toEqual(taken);
    // The same element, after the page was scrolled, is the same chip; its picture comes later, and goes along.
    const picture = { name: 'a'.repeat(32), address: 'data:image/png;base64,AAAA', width: 80, height: 40 };
    chips.show({ tag: 'b', text: '0', view: [800, 600, 0, 90], dark: true }, picture);
    expect(chips.get().map(claimOf)).toEqual([
      { tag: 'b', text: '0', picture: picture.name },
      ...taken.slice(1).map(claimOf)
    ]);
  });

  it('open the line, are taken out, and change a text that is written there', async () => {
    const openFile = vi.fn();
    const onRemove = vi.fn();
    const onText = vi.fn(async () => undefined);
    render(
      <SurroundingsContext.Provider value={{ trans: english, host: { openFile } }}>
        <PointedChips chips={[{ key: 3, found: SAVE, literal: true }]} onRemove={onRemove} onText={onText} />
      </SurroundingsContext.Provider>
    );
    fireEvent.click(screen.getByRole('button', { name: 'Open src/App.tsx:12 in the editor' }));
    expect(openFile).toHaveBeenCalledWith('src/App.tsx', 12);
    fireEvent.click(screen.getByRole('button', { name: 'Change the text of Button “Save”' }));
    const change = screen.getByRole('button', { name: 'Change' });
    expect(change).toHaveProperty('disabled', true);
    fireEvent.change(screen.getByRole('textbox', { name: 'New text' }), { target: { value: ' Keep ' } });
    await act(async () => fireEvent.click(change));
    expect(onText).toHaveBeenCalledWith(3, 'Keep');
    fireEvent.click(screen.getByRole('button', { name: 'Take out Button “Save”' }));
    expect(onRemove).toHaveBeenCalledWith(3);
  });
});

const STYLES: Styles = {
  why: '',
  file: 'src/App.tsx',
  line: 12,
  choices: [
    {
      property: 'size',
      now: 'lg',
      why: '',
      steps: [
        { name: 'sm', css: { 'font-size': '0.875rem', 'line-height': '1.4' } },
        { name: 'lg', css: { 'font-size': '1.125rem' } }
      ]
    },
    {
      property: 'color',
      now: '',
      why: '',
      steps: [{ name: 'primary', css: { color: 'var(--p)' }, swatch: '#123456' }]
    },
    { property: 'gap', now: '', why: '', steps: [{ name: '1', css: { gap: '0.25rem' } }] },
    { property: 'weight', now: '', why: 'Its classes are computed there.', steps: [] }
  ]
};

describe('the styles of what was pointed at', () => {
  const chip = { key: 7, claim: { tag: 'button' }, found: SAVE, literal: false, picture: null };
  const shown = async (
    styles: Styles,
    changeStyle: () => Promise<void> = async () => undefined,
    more: Partial<Styling> = {}
  ): Promise<{
    wear: ReturnType<typeof vi.fn>;
    close: ReturnType<typeof vi.fn>;
    compose: ReturnType<typeof vi.fn>;
  }> => {
    cleanup();
    const [wear, close, compose] = [vi.fn(), vi.fn(), vi.fn()];
    const store = { transport: { styles: async () => styles, changeStyle }, get: () => ({ view: { session: null } }) };
    const styling: Styling = { chip, alike: 1, flows: false, wear, heard: () => undefined, close, ...more };
    await act(async () => {
      render(
        <SurroundingsContext.Provider value={{ trans: english, host: { compose } }}>
          <StyleInspector store={store as unknown as SessionStore} chip={chip} styling={styling} busy={false} />
        </SurroundingsContext.Provider>
      );
    });
    return { wear, close, compose };
  };
  const change = (): HTMLElement => screen.getByRole('button', { name: 'Change' });

  it('are tried on in the page, written by a click, and say what cannot be written', async () => {
    const changeStyle = vi.fn(async () => undefined);
    const { wear, close } = await shown(STYLES, changeStyle, { alike: 3 });
    screen.getByText('It is written once and shown 3 times: all of them change.');
    screen.getByText(/^Weight: Its classes are computed there/);
    expect(screen.queryByText('Space between')).toBeNull();
    expect(change()).toHaveProperty('disabled', true);
    fireEvent.change(screen.getByRole('combobox', { name: 'Text size' }), { target: { value: 'sm' } });
    expect(wear).toHaveBeenLastCalledWith(chip, { 'font-size': '0.875rem', 'line-height': '1.4' });
    fireEvent.change(screen.getByRole('combobox', { name: 'Text size' }), { target: { value: 'lg' } });
    expect(change()).toHaveProperty('disabled', true);
    fireEvent.click(screen.getByRole('radio', { name: 'primary' }));
    expect(wear).toHaveBeenLastCalledWith(chip, { 'font-size': '1.125rem', color: 'var(--p)' });
    await act(async () => fireEvent.click(change()));
    expect(changeStyle).toHaveBeenCalledWith({ tag: 'button' }, { color: 'primary' });
    fireEvent.keyDown(screen.getByRole('region', { name: 'Style of Button “Save”' }), { key: 'Escape' });
    expect(close).toHaveBeenCalled();
  });

  it('are asked of the agent where they are computed, or a change of them fails', async () => {
    const none = await shown({ why: 'Its classes are computed there.', choices: [] });
    fireEvent.click(screen.getByRole('button', { name: 'Ask the agent' }));
    expect(none.compose).toHaveBeenCalledWith('Change the style of Button “Save”: ');
    const failing = await shown({ ...STYLES, choices: STYLES.choices.slice(0, 2) }, () =>
      Promise.reject(new RequestFailed({ message: 'Another wrote there.', reason: 'no_style' }))
    );
    fireEvent.click(screen.getByRole('radio', { name: 'primary' }));
    await act(async () => fireEvent.click(change()));
    screen.getByText('Another wrote there.');
    fireEvent.click(screen.getByRole('button', { name: 'Ask the agent' }));
    expect(failing.compose).toHaveBeenCalledWith('Change the style of Button “Save”: Text colour: primary.');
  });
});

it('who begins to point leaves the focus in the page, where a menu may close without it', () => {
  render(<PointButton pointing={{ on: false, toggle: vi.fn() } as never} disabled={false} />);
  const button = screen.getByRole('button', { name: 'Point at it' });
  expect(fireEvent.mouseDown(button)).toBe(false); // that would move it
});
