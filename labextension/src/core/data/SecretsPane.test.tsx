// @vitest-environment jsdom
import * as React from 'react';
import { cleanup, fireEvent, render, screen, waitFor } from '@testing-library/react';
import { afterEach, expect, test } from 'vitest';
import type { Secret, Secrets } from '../wire/api.generated';
import { RequestFailed } from '../wire/wire';
import { SecretsPane, type SecretAsks } from './SecretsPane';

afterEach(cleanup);

const VALUE = 'sk-very-secret';
const secret = (name: string, change: Partial<Secret> = {}): Secret => ({
  name,
  set: false,
  at: null,
  where: null,
  used_by: [],
  why: '',
  ...change
});
const SET = { set: true, at: '2026-01-01T00:00:00.000Z' };

/** A server whose code reads WEATHER_KEY; what was set and removed stands in `done`. */
function asks(): SecretAsks & { done: string[]; told: () => Secrets } {
  const kept = new Set<string>();
  const done: string[] = [];
  const told = (): Secrets => ({
    takes: true,
    where: 'the system’s keyring',
    problem: '',
    secrets: [...new Set(['WEATHER_KEY', ...kept])].map(name =>
      secret(name, {
        ...(kept.has(name) && SET),
        ...(name === 'WEATHER_KEY' && { why: 'To ask for the weather.', used_by: ['functions/rain.ts'] })
      })
    )
  });
  return {
    done,
    told,
    secrets: async () => told(),
    setSecret: async (name, value) => {
      kept.add(name);
      done.push(`${name}=${value}`);
      return told();
    },
    removeSecret: async name => {
      kept.delete(name);
      done.push(`no ${name}`);
    }
  };
}

const button = (name: string): HTMLButtonElement => screen.getByRole<HTMLButtonElement>('button', { name });
const fill = (label: string, value: string): void => {
  fireEvent.change(screen.getByLabelText(label), { target: { value } });
};

test('a secret that the code reads is set, replaced and removed, and its value shown nowhere', async () => {
  const server = asks();
  const { container } = render(<SecretsPane asks={server} changed={1} />);
  expect(await screen.findByText('To ask for the weather. Read by functions/rain.ts.')).toBeTruthy();
  expect(screen.getByText('not set yet')).toBeTruthy();
  expect(button('Set').disabled).toBe(true);
  fill('Value of WEATHER_KEY', VALUE);
  fireEvent.click(button('Set'));
  await waitFor(() => expect(screen.queryByLabelText('Value of WEATHER_KEY')).toBeNull());
  expect(screen.queryByText('not set yet')).toBeNull();
  expect(container.innerHTML).not.toContain(VALUE);

  fireEvent.click(button('Replace WEATHER_KEY'));
  expect(screen.getByLabelText<HTMLInputElement>('Value of WEATHER_KEY').value).toBe('');
  fireEvent.click(button('Remove WEATHER_KEY'));
  expect(await screen.findByText('not set yet')).toBeTruthy();
  expect(server.done).toEqual([`WEATHER_KEY=${VALUE}`, 'no WEATHER_KEY']);
});

test('another name is a secret as soon as it can be one', async () => {
  const server = asks();
  render(<SecretsPane asks={server} changed={1} />);
  const name = await screen.findByLabelText<HTMLInputElement>('Name of a further secret');
  fill('Name of a further secret', '7up');
  expect(name.getAttribute('aria-invalid')).toBe('true');
  expect(screen.queryByLabelText('Value of 7UP')).toBeNull();
  fill('Name of a further secret', 'mail-key');
  fill('Value of MAIL_KEY', VALUE);
  fireEvent.submit(screen.getByLabelText('Value of MAIL_KEY'));
  expect(await screen.findByRole('button', { name: 'Remove MAIL_KEY' })).toBeTruthy();
  expect(name.value).toBe('');
});

test('what was read before a value was set does not take its place; afterwards it is read again', async () => {
  const server = asks();
  const waiting: ((told: Secrets) => void)[] = [];
  const { rerender } = render(<SecretsPane asks={server} changed={1} />);
  await screen.findByText('not set yet');
  const before = server.told();
  server.secrets = () => new Promise(resolve => waiting.push(resolve));
  rerender(<SecretsPane asks={server} changed={2} />);
  await waitFor(() => expect(waiting).toHaveLength(1));
  fill('Value of WEATHER_KEY', VALUE);
  fireEvent.click(button('Set'));
  await waitFor(() => expect(screen.queryByText('not set yet')).toBeNull());
  waiting[0]?.(before);
  await waitFor(() => expect(waiting).toHaveLength(2));
  expect(screen.queryByText('not set yet')).toBeNull();
  const taken = server.told();
  waiting[1]?.({ ...taken, where: 'an encrypted file' });
  expect(await screen.findByText(/an encrypted file/)).toBeTruthy();

  // A removal that takes its time is followed by a look of its own.
  let removed: () => void = () => undefined;
  server.removeSecret = () => new Promise(resolve => (removed = resolve));
  fireEvent.click(button('Remove WEATHER_KEY'));
  fill('Name of a further secret', 'MAIL_KEY');
  fill('Value of MAIL_KEY', VALUE);
  fireEvent.submit(screen.getByLabelText('Value of MAIL_KEY'));
  await waitFor(() => expect(waiting).toHaveLength(3));
  removed();
  await waitFor(() => expect(waiting).toHaveLength(4));
});

test('why a value is not kept stays there with what was typed, whatever is read meanwhile', async () => {
  const server = asks();
  server.setSecret = () => Promise.reject(new RequestFailed({ message: 'The keyring is locked.', hint: 'Unlock it.' }));
  const { rerender } = render(<SecretsPane asks={server} changed={1} />);
  await screen.findByText('not set yet');
  fill('Value of WEATHER_KEY', VALUE);
  fireEvent.click(button('Set'));
  expect((await screen.findByRole('alert')).textContent).toBe('The keyring is locked.Unlock it.');
  let read = 0;
  const { secrets } = server;
  server.secrets = async () => {
    read += 1;
    return { ...(await secrets()), where: 'an encrypted file' };
  };
  rerender(<SecretsPane asks={server} changed={2} />);
  expect(await screen.findByText(/an encrypted file/)).toBeTruthy();
  expect(read).toBe(1);
  expect(screen.getByRole('alert').textContent).toContain('The keyring is locked.');
  expect(screen.getByLabelText<HTMLInputElement>('Value of WEATHER_KEY').value).toBe(VALUE);
});
