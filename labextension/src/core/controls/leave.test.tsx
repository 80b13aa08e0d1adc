import { act, cleanup, fireEvent, render, screen } from '@testing-library/react';
import * as React from 'react';
import { afterEach, describe, expect, it } from 'vitest';
import { MenuButton } from './Menu';
import { ModelChooser } from '../session/ModelChooser';

afterEach(cleanup);

const MODELS = [{ id: 'openai:gpt', title: 'GPT', provider: 'openai', recorded: false }];

function Both(): React.ReactElement {
  return (
    <>
      <MenuButton label="More" entries={[{ label: 'Rename', icon: 'pencil', run: () => undefined }]} />
      <ModelChooser label="Model" models={MODELS} chosen="openai:gpt" onChoose={() => undefined} />
      <button type="button">Elsewhere</button>
    </>
  );
}

describe('what opens at a button', () => {
  const openings = [
    { button: 'More', inside: () => screen.getByRole('menuitem'), popup: () => screen.queryByRole('menu') },
    { button: /^Model/, inside: () => screen.getByRole('combobox'), popup: () => screen.queryByRole('dialog') }
  ];
  for (const { button, inside, popup } of openings) {
    it(`closes when the person turns to something else: ${button}`, () => {
      render(<Both />);
      const away = [
        () => fireEvent.pointerDown(screen.getByText('Elsewhere')),
        () => {
          // What takes the focus by itself closes nothing, and has it once.
          screen.getByText('Elsewhere').focus();
          expect(popup()?.contains(document.activeElement)).toBe(true);
          fireEvent.keyDown(document.body, { key: 'Tab' });
          act(() => screen.getByText('Elsewhere').focus());
        }
      ];
      for (const leave of away) {
        fireEvent.click(screen.getByRole('button', { name: button }));
        fireEvent.pointerDown(inside());
        expect(popup()).not.toBeNull();
        leave();
        expect(popup()).toBeNull();
      }
    });
  }
});
