import { act, fireEvent, render, screen } from '@testing-library/react';
import * as React from 'react';
import { describe, expect, it, vi } from 'vitest';
import { SurroundingsContext } from '../controls/surroundings';
import { english } from '../controls/translation';
import { readMessage } from './pageMessages';
import { chipsOf, MOST_CHIPS } from './pointed';
import { PointedChips } from './PointedChips';

const SAVE = { tag: 'button', text: 'Save', path: '/', name: 'Button', file: 'src/App.tsx', line: 12, column: 7 };

describe('what the page says was pointed at', () => {
  const said = (claim: unknown): unknown => readMessage({ source: 'jupyter-appbuilder', type: 'pointed', claim });

  it('is a claim of an element, of some length', () => {
    expect(said({ tag: 'b', text: 'x' })).toEqual({ type: 'pointed', claim: { tag: 'b', text: 'x' } });
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
