import { act, cleanup, fireEvent, render, screen } from '@testing-library/react';
import * as React from 'react';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { snapshot, TestTransport } from '../testing/session';
import { SessionStore } from '../view/store';
import type { VersionStatus } from '../wire/events';
import { RequestFailed } from '../wire/wire';
import { VersionPane } from './VersionPane';

afterEach(cleanup);

const STATUS: VersionStatus = {
  checkpoint: 'c4',
  state: 'starting',
  url: null,
  message: 'Copying the version',
  fraction: null,
  log: '',
  data: '',
  note: ''
};

async function show(failWith: Error | null = null): Promise<{
  transport: TestTransport;
  closed: () => void;
  tell: (change: Partial<VersionStatus>) => Promise<void>;
}> {
  const transport = new TestTransport();
  transport.failWith = failWith;
  const store = new SessionStore(transport, flush => flush());
  const closed = vi.fn();
  render(
    <VersionPane
      store={store}
      version={{ checkpoint: 'c4', number: 4, title: 'A clock' }}
      resolve={url => `http://here${url}`}
      onClose={closed}
      openSession={() => undefined}
    />
  );
  await act(async () => transport.say(snapshot()));
  const tell = async (change: Partial<VersionStatus>): Promise<void> =>
    act(async () => transport.say({ kind: 'live', n: 2, type: 'version', data: { ...STATUS, ...change } }));
  return { transport, closed, tell };
}

describe('an earlier version', () => {
  it('starts, says whose data it has, is shown in a frame of its own origin and gone back to', async () => {
    const { transport, closed, tell } = await show();
    expect(transport.asked).toEqual([['showVersion', 'c4']]);
    await tell({});
    expect(screen.getByRole('heading', { name: 'Starting version 4' })).toBeTruthy();
    expect(screen.getByText('Copying the version', { exact: false })).toBeTruthy();
    await tell({ state: 'ready', url: '/preview/x/', data: 'present', note: 'Too much of it.' });
    const frame = screen.getByTitle('Version 4, read-only') as HTMLIFrameElement;
    expect(frame.src).toBe('http://here/preview/x/');
    expect(frame.getAttribute('sandbox')).toBe('allow-scripts allow-forms allow-modals');
    expect(screen.getByText(/copy of the data as they are now.*Too much of it\./)).toBeTruthy();
    await act(async () => void fireEvent.click(screen.getByRole('button', { name: 'Restore' })));
    expect(transport.asked.at(-1)).toEqual(['restore', 'c4']);
    expect(closed).toHaveBeenCalledOnce();
  });

  it('says why it did not start, that another took its place, and that it has ended; each leads back', async () => {
    const { transport, tell } = await show();
    await tell({ state: 'failed', message: 'The dev server ended.', log: 'SyntaxError' });
    expect(screen.getByRole('alert').textContent).toContain('SyntaxError');
    await act(async () => void fireEvent.click(screen.getByRole('button', { name: 'Try again' })));
    expect(transport.asked).toHaveLength(2);
    await tell({ checkpoint: 'c2', state: 'ready', url: '/other/' });
    expect(screen.queryByTitle('Version 4, read-only')).toBeNull();
    expect(screen.getByText('Another version is shown now; one runs at a time.')).toBeTruthy();
    await tell({ state: 'stopped' });
    await act(async () => void fireEvent.click(screen.getByRole('button', { name: 'Show it again' })));
    expect(transport.asked).toHaveLength(3);
  });

  it('says what refused it', async () => {
    await show(new RequestFailed({ message: 'Its database is on a server.', hint: 'Fork from it.' }));
    expect(screen.getByText(/Its database is on a server/)).toBeTruthy();
    expect(screen.getByText(/Fork from it/)).toBeTruthy();
    expect(screen.getByRole('button', { name: 'Try again' })).toBeTruthy();
  });
});
