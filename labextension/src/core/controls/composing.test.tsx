import { cleanup, fireEvent, render } from '@testing-library/react';
import * as React from 'react';
import { afterEach, expect, it, vi } from 'vitest';
import { leaveKeysToInputMethods } from './composing';
import { TitleField } from './TitleField';

afterEach(cleanup);

it.each([
  ['while a word is composed', { isComposing: true }],
  ['when Safari has just ended it', { keyCode: 229 }]
])('Enter and Escape are the input method’s %s', (_, how) => {
  const root = document.body.appendChild(document.createElement('div'));
  leaveKeysToInputMethods(root);
  const onDone = vi.fn();
  const { getByRole } = render(<TitleField value="かいけい" label="Name" onDone={onDone} />, { container: root });
  const field = getByRole('textbox') as HTMLInputElement;
  field.value = 'かいけ';
  fireEvent.keyDown(field, { key: 'Enter', ...how });
  fireEvent.keyDown(field, { key: 'Escape', ...how });
  expect(onDone).not.toHaveBeenCalled();
  expect(field.value).toBe('かいけ');
  fireEvent.keyDown(field, { key: 'Enter' });
  expect(onDone).toHaveBeenCalledWith('かいけ');
});
