import { cleanup, fireEvent, render, screen } from '@testing-library/react';
import * as React from 'react';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { names } from '../publishing/People';
import { TestTransport } from '../testing/session';
import type { Look } from '../wire/api.generated';
import type { LookOrder, Looks } from '../wire/transport';
import { RequestFailed } from '../wire/wire';
import { LooksPage } from './Looks';

afterEach(cleanup);

const LOOK: Look = {
  id: 'A'.repeat(22),
  url: '/services/appbuilder/looks/ada/x',
  readers: 'people',
  users: ['bob'],
  groups: [],
  copies: true,
  app: true,
  created_at: '2026-01-01T00:00:00Z',
  until: '2026-02-01T00:00:00Z'
};

function shown(told: Partial<Looks>, addLook: (order: LookOrder) => Promise<Look>): void {
  const transport = Object.assign(new TestTransport(), {
    looks: () => Promise.resolve({ looks: [], hub: true, unavailable: '', ...told }),
    addLook,
    removeLook: () => Promise.resolve()
  });
  render(<LooksPage transport={transport} onClose={() => undefined} />);
}

describe('links to look at a session', () => {
  it('are for those who are named, and for nobody where no one is', async () => {
    const asked = vi.fn(() => Promise.resolve(LOOK));
    shown({}, asked);
    fireEvent.click(await screen.findByRole('button', { name: 'Make a link' }));
    expect((await screen.findByRole('alert')).textContent).toContain('Nobody is named');
    expect(asked).not.toHaveBeenCalled();
    fireEvent.change(screen.getByRole('textbox', { name: 'Users' }), { target: { value: ' bob; eve,\nbob ,' } });
    expect(screen.queryByRole('alert')).toBeNull();
    fireEvent.click(screen.getByRole('button', { name: 'Make a link' }));
    expect(await screen.findByRole('list', { name: 'Links' })).toBeTruthy();
    expect(asked).toHaveBeenCalledWith({
      readers: 'people',
      users: ['bob', 'eve'],
      groups: [],
      days: 30,
      copies: true,
      app: true
    });
  });

  it('keep what was typed where the server refuses it', async () => {
    shown({}, () => Promise.reject(new RequestFailed({ message: 'The Hub knows no user.', field: 'users' })));
    const users = await screen.findByRole('textbox', { name: 'Users' });
    fireEvent.change(users, { target: { value: 'nobody' } });
    fireEvent.click(screen.getByRole('button', { name: 'Make a link' }));
    await screen.findByText('The Hub knows no user.');
    expect((users as HTMLInputElement).value).toBe('nobody');
    expect(users.getAttribute('aria-invalid')).toBe('true');
  });

  it('name nobody where there is no Hub, and say why there can be none', async () => {
    const asked = vi.fn(() => Promise.resolve(LOOK));
    shown({ hub: false }, asked);
    fireEvent.click(await screen.findByRole('button', { name: 'Make a link' }));
    expect(asked).toHaveBeenCalledWith(expect.objectContaining({ readers: 'everybody', copies: false }));
    cleanup();
    shown({ unavailable: 'This Hub runs no service.' }, asked);
    await screen.findByText('This Hub runs no service.');
    expect(screen.queryByRole('button', { name: 'Make a link' })).toBeNull();
  });

  it('take names as people write them', () => {
    expect(names(' a, b;c\n\nd ,a')).toEqual(['a', 'b', 'c', 'd']);
    expect(names(' ,;\n')).toEqual([]);
  });
});
