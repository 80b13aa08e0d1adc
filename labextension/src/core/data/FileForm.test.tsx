// @vitest-environment jsdom
import * as React from 'react';
import { cleanup, fireEvent, render, screen, waitFor } from '@testing-library/react';
import { afterEach, expect, test } from 'vitest';
import type { TakenUpload, Upload } from '../wire/api.generated';
import type { WantedUpload } from '../wire/transport';
import { RequestFailed } from '../wire/wire';
import { FileForm } from './FileForm';
import { Inside } from './Inside';
import { proposed, Sending, type FileAsks } from './sending';

afterEach(cleanup);

const TAKEN = { dataset: { name: 'sales', rows: 2 }, path: '', changes: [], notes: [] } as unknown as TakenUpload;

/** A server that has parts of four bytes, and does what `take` says. */
function asks(take: FileAsks['takeUpload']): FileAsks & { parts: string[]; wanted: WantedUpload[]; dropped: string[] } {
  const told = { parts: [] as string[], wanted: [] as WantedUpload[], dropped: [] as string[] };
  const state = (size: number): Upload => ({
    upload: 'u',
    file: 'Sales.csv',
    name: 'sales',
    size,
    part: 4,
    received: 0,
    rows: 0,
    placed: 0
  });
  return {
    ...told,
    datasets: async () => [],
    beginUpload: async (_, size) => state(size),
    sendPart: async (_, offset, part) => {
      told.parts.push(`${offset}+${part.size}`);
    },
    upload: async () => state(0),
    takeUpload: async (upload, wanted, signal) => {
      told.wanted.push(wanted);
      return take(upload, wanted, signal);
    },
    dropUpload: async upload => {
      told.dropped.push(upload);
    }
  };
}

/** The form for a file, and what it says when it closes. */
function shown(server: FileAsks, file: File, closed: unknown[], taken: string[] = []): void {
  render(
    <FileForm
      asks={server}
      dropped={file}
      taken={taken}
      onSending={() => undefined}
      onClose={found => closed.push(found)}
    />
  );
}

test('a name is proposed that a dataset can have', () => {
  expect(['Sales 2026.csv', '2026.parquet', 'Größe.xlsx', '.csv'].map(proposed)).toEqual([
    'sales_2026',
    'data_2026',
    'gr_e',
    'data'
  ]);
});

test('what was sent stays sent while the person is asked; changed rows go only when they say so', async () => {
  const changed = new RequestFailed({ message: 'Rows were changed.', hint: '', reason: 'rows_changed' });
  const server = asks(async (_, wanted) => (wanted.replace ? TAKEN : Promise.reject(changed)));
  const closed: unknown[] = [];
  const file = new File(['city\nOslo\n'], 'Sales.csv');
  shown(server, file, closed, ['sales']);
  fireEvent.click(await screen.findByRole('button', { name: 'Replace the rows' }));
  fireEvent.click(await screen.findByRole('button', { name: 'Replace the changed rows' }));
  await waitFor(() => expect(closed).toEqual([TAKEN]));
  expect(server.parts).toEqual(['0+4', '4+4', '8+2']);
  expect(server.wanted).toEqual([{ name: 'sales' }, { name: 'sales', replace: true }]);
});

test('what is stopped leaves nothing behind, and says nothing any more', async () => {
  const server = asks((_, __, signal) => new Promise((___, reject) => signal.addEventListener('abort', reject)));
  const closed: unknown[] = [];
  const file = new File(['city\n'], 'Sales.csv');
  shown(server, file, closed);
  fireEvent.change(screen.getByLabelText('Sales.csv becomes'), { target: { value: 'Sales' } });
  expect(screen.getByRole<HTMLButtonElement>('button', { name: 'Add the data' }).disabled).toBe(true);
  fireEvent.change(screen.getByLabelText('Sales.csv becomes'), { target: { value: 'sold' } });
  fireEvent.click(screen.getByLabelText(/^Private/));
  fireEvent.click(screen.getByRole('button', { name: 'Add the data' }));
  await screen.findByText('Reading the rows…');
  fireEvent.click(screen.getByRole('button', { name: 'Stop' }));
  await waitFor(() => expect(server.dropped).toEqual(['u']));
  expect(server.wanted).toEqual([{ name: 'sold', private: true }]);
  expect(closed).toEqual([null]);
  expect(screen.queryByRole('alert')).toBeNull();
});

test('how far it is that is told late is told to nobody', async () => {
  let answer: (state: Upload) => void = () => undefined;
  let asked = 0;
  let refuse: (error: Error) => void = () => undefined;
  const server = asks(() => new Promise((_, reject) => (refuse = reject)));
  server.upload = () => {
    asked += 1;
    return new Promise(resolve => (answer = resolve));
  };
  const told: unknown[] = [];
  const sending = new Sending(server, new File(['a'], 'a.csv'), state => told.push(state));
  const taking = sending.take({ name: 'a' });
  await waitFor(() => expect(asked).toBe(1), { timeout: 20_000 });
  refuse(new Error('no'));
  await expect(taking).rejects.toThrow('no');
  const before = told.length;
  answer({ rows: 5, placed: 0 } as Upload);
  await Promise.resolve();
  expect(told).toHaveLength(before);
});

test('a file that is stopped before the server has named it leaves nothing there either', async () => {
  const server = asks(async () => TAKEN);
  const { beginUpload } = server;
  let begin: () => void = () => undefined;
  server.beginUpload = async (...file) => {
    await new Promise<void>(resolve => (begin = resolve));
    return beginUpload(...file);
  };
  const closed: unknown[] = [];
  const file = new File(['city\n'], 'Sales.csv');
  shown(server, file, closed);
  fireEvent.click(screen.getByRole('button', { name: 'Add the data' }));
  fireEvent.click(await screen.findByRole('button', { name: 'Stop' }));
  begin();
  await waitFor(() => expect(server.dropped).toEqual(['u']));
  expect([closed, server.parts]).toEqual([[null], []]);
});

test('a file goes on while the app is looked at, and what came of it is there afterwards', async () => {
  let take: (found: TakenUpload) => void = () => undefined;
  const server = asks(() => new Promise(resolve => (take = resolve)));
  const Both = ({ shown }: { shown: boolean }): React.ReactElement => {
    const [held, setHeld] = React.useState(false);
    const none = { data: null, functions: null, secrets: null, layout: null };
    return shown || held ? (
      <Inside {...none} files={server} changed={1} shown={shown} held={held} onHold={setHeld} />
    ) : (
      <p>Nothing</p>
    );
  };
  const { rerender } = render(<Both shown />);
  fireEvent.click(await screen.findByRole('button', { name: 'Add data from a file' }));
  fireEvent.click(screen.getByRole('button', { name: 'Cancel' }));
  expect(document.activeElement).toBe(screen.getByRole('button', { name: 'Add data from a file' }));
  fireEvent.click(screen.getByRole('button', { name: 'Add data from a file' }));
  const input = screen.getByLabelText('CSV, Parquet or Excel file');
  fireEvent.change(input, { target: { files: [new File(['city\n'], 'Sales.csv')] } });
  fireEvent.click(screen.getByRole('button', { name: 'Add the data' }));
  await screen.findByText('Reading the rows…');

  // Another that is dropped meanwhile stops nothing.
  const zone = screen.getByRole('form').parentElement as HTMLElement;
  const other = { types: ['Files'], files: [new File(['a\n'], 'other.csv')] };
  expect(fireEvent.dragOver(zone, { dataTransfer: other })).toBe(false);
  fireEvent.drop(zone, { dataTransfer: other });
  expect(screen.getByText('Sales.csv becomes')).toBeTruthy();

  rerender(<Both shown={false} />);
  expect(screen.queryByRole('form')).toBeNull();
  expect(server.dropped).toEqual([]);
  take({ ...TAKEN, path: 'data/sales.parquet' });
  rerender(<Both shown />);
  expect(await screen.findByText(/^The app has sales: 2 rows, in data\/sales.parquet/)).toBeTruthy();
  fireEvent.click(screen.getByRole('button', { name: 'Close' }));
  rerender(<Both shown={false} />);
  expect(screen.getByText('Nothing')).toBeTruthy();
  expect(server.dropped).toEqual([]);
});
