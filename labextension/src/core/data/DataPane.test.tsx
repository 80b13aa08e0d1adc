// @vitest-environment jsdom
import * as React from 'react';
import { cleanup, fireEvent, render, screen, waitFor, within } from '@testing-library/react';
import { afterEach, expect, test } from 'vitest';
import type { DatabaseColumn, DatabaseRows, DatabaseTable } from '../wire/api.generated';
import type { RowChange, RowsRequest } from '../wire/transport';
import { RequestFailed } from '../wire/wire';
import { DataPane, PAGE_ROWS, type Asks } from './DataPane';

afterEach(cleanup);

const column = (name: string, type: string, more: Partial<DatabaseColumn> = {}): DatabaseColumn => ({
  name,
  type,
  nullable: true,
  default: null,
  primary_key: false,
  generated: false,
  ...more
});
const table = (name: string, rows: number | null, columns: DatabaseColumn[]): DatabaseTable => ({
  name,
  rows,
  columns,
  indexes: [{ name: 'by_title', unique: true, columns: ['title'] }],
  foreign_keys: [],
  virtual: false,
  sql: `CREATE TABLE ${name} (…)`
});
const TASKS = table('tasks', 120, [
  column('id', 'INTEGER', { primary_key: true }),
  column('title', 'TEXT', { nullable: false }),
  column('note', 'TEXT')
]);
const EMPTY = table('people', 0, [column('name', 'TEXT')]);
const SCHEMA = {
  exists: true,
  bytes: 4096,
  tables: [TASKS, EMPTY],
  views: [],
  triggers: [],
  migrations: [],
  pending: []
};

/** A database of 120 tasks: what it was asked stands in `asked`. */
function asks(change: Partial<Asks> = {}): Asks & { asked: RowsRequest[]; changed: RowChange[] } {
  const asked: RowsRequest[] = [];
  const changed: RowChange[] = [];
  const all = Array.from({ length: 120 }, (_, at) => [at + 1, `Task ${at + 1}`, null]);
  return {
    asked,
    changed,
    database: async () => SCHEMA,
    databaseRows: async request => {
      asked.push(request);
      if (request.table === 'people') {
        return { ...request, columns: EMPTY.columns, rows: [], keys: [], total: 0, more: false };
      }
      const fitting = all.filter(row => String(row[1]).includes(request.filter));
      const ordered = request.descending ? [...fitting].reverse() : fitting;
      const from = request.page * request.size;
      const rows = ordered.slice(from, from + request.size);
      return {
        ...request,
        columns: TASKS.columns,
        rows,
        keys: rows.map(row => row[0]),
        total: fitting.length,
        more: false
      };
    },
    downloadRows: async () => undefined,
    changeRow: async change => {
      changed.push(change);
    },
    queryDatabase: async sql => {
      if (!sql.startsWith('SELECT')) {
        throw new RequestFailed({ message: 'It changes data.', hint: 'Only SELECT is run here.' });
      }
      return { columns: [column('n', '')], rows: [[120]], more: false };
    },
    ...change
  };
}

test('rows are shown page by page, sorted and searched', async () => {
  const database = asks();
  render(<DataPane asks={database} changed={1} />);
  expect(await screen.findByText('1 to 50 of 120')).toBeTruthy();
  expect(screen.getAllByText('NULL')).toHaveLength(PAGE_ROWS);

  fireEvent.click(screen.getByRole('button', { name: 'Further rows' }));
  expect(await screen.findByText('51 to 100 of 120')).toBeTruthy();
  fireEvent.click(screen.getByRole('button', { name: 'Further rows' }));
  expect(await screen.findByText('101 to 120 of 120')).toBeTruthy();
  expect(screen.getByRole<HTMLButtonElement>('button', { name: 'Further rows' }).disabled).toBe(true);

  fireEvent.click(screen.getByTitle('Sort by title'));
  await screen.findByText('1 to 50 of 120'); // from the first page again
  fireEvent.click(screen.getByTitle('Sort by title'));
  expect(await screen.findByText('Task 120')).toBeTruthy();
  expect(screen.getByRole('columnheader', { name: /title/ }).getAttribute('aria-sort')).toBe('descending');

  fireEvent.change(screen.getByLabelText('Search the rows of tasks'), { target: { value: 'Task 11' } });
  expect(await screen.findByText('1 to 11 of 11')).toBeTruthy();
  fireEvent.change(screen.getByLabelText('Search the rows of tasks'), { target: { value: 'nothing' } });
  expect(await screen.findByText('No row has that.')).toBeTruthy();
});

test('the schema is a picture, from whose tables one gets to their rows', async () => {
  const refers = { columns: ['title'], table: 'people', to: [], on_delete: 'CASCADE' };
  const tables = [{ ...TASKS, foreign_keys: [refers] }, EMPTY];
  const views = [
    { name: 'late', columns: [column('title', 'TEXT')], sql: 'CREATE VIEW late AS SELECT title FROM tasks' }
  ];
  const database = asks({ database: async () => ({ ...SCHEMA, tables, views }) });
  const { container } = render(<DataPane asks={database} changed={1} />);
  fireEvent.click(await screen.findByRole('button', { name: 'Schema' }));
  expect(screen.getByText('2 tables · 1 view · 1 reference')).toBeTruthy();
  expect(screen.getByRole('button', { name: 'View late: title text' })).toBeTruthy();
  expect(screen.queryByRole('region', { name: 'Rows of tasks' })).toBeNull();
  const words = 'tasks: id integer key, title text, note text; title refers to people';
  const box = screen.getByRole('button', { name: words });
  expect(within(box).getByText('→ title')).toBeTruthy();
  fireEvent.focus(box);
  expect(container.querySelectorAll('svg .jp-mod-marked')).toHaveLength(1);

  const width = (): number => Number(container.querySelector('svg[role=group]')?.getAttribute('width'));
  const before = width();
  fireEvent.click(screen.getByRole('button', { name: 'Smaller' }));
  expect(width()).toBeLessThan(before);
  fireEvent.click(screen.getByRole('button', { name: 'Fit' }));
  expect(width()).toBe(before);

  const people = screen.getByRole('button', { name: 'people: name text' });
  people.focus();
  const [left] = [box, people].map(one => Number(/translate\((\S+)/.exec(one.getAttribute('transform') ?? '')?.[1]));
  expect(left).toBeGreaterThan(0); // right of what it refers to
  fireEvent.keyDown(people, { key: 'ArrowRight' });
  expect(document.activeElement).toBe(box);
  fireEvent.keyDown(box, { key: 'ArrowLeft' });
  expect(document.activeElement).toBe(people);
  fireEvent.keyDown(people, { key: 'ArrowLeft' });
  expect(document.activeElement).toBe(people); // nothing is there
  fireEvent.keyDown(people, { key: 'Enter' });
  expect(await screen.findByRole('region', { name: 'people' })).toBeTruthy();
  const chosen = within(screen.getByRole('group', { name: 'Tables' })).getByRole('button', { name: /people/ });
  expect(chosen.getAttribute('aria-pressed')).toBe('true');
  expect(document.activeElement).toBe(chosen);
});

test('the app’s own tables come first, and an empty one says so at its head', async () => {
  const people = { ...TASKS, name: '_users' };
  const schema = { ...SCHEMA, tables: [people, EMPTY] };
  render(<DataPane asks={asks({ database: async () => schema })} changed={1} />);
  const tables = await screen.findByRole('group', { name: 'Tables' });
  expect(
    within(tables)
      .getAllByRole('button')
      .map(({ textContent }) => textContent)
  ).toEqual(['people0', '_users120']);
  const told = await screen.findByText(/^No rows yet/);
  expect(told.previousElementSibling).toBe(screen.getByRole('region', { name: 'Rows of people' }));
});

test('the rows that are looked at are downloaded in their order; it can be stopped, and says what went wrong', async () => {
  const asked: unknown[] = [];
  let refuse: (error: unknown) => void = () => undefined;
  const downloadRows: Asks['downloadRows'] = (request, signal) => {
    asked.push(request);
    return new Promise((_, reject) => {
      refuse = reject;
      signal.addEventListener('abort', () => reject(new Error('stopped')));
    });
  };
  render(<DataPane asks={asks({ downloadRows })} changed={1} />);
  fireEvent.click(await screen.findByTitle('Sort by title'));
  fireEvent.change(screen.getByLabelText('Search the rows of tasks'), { target: { value: 'Task 11' } });
  fireEvent.click(await screen.findByRole('button', { name: 'Download the rows found as CSV' }));
  expect(asked).toEqual([{ table: 'tasks', filter: 'Task 11', sort: 'title', descending: false }]);
  fireEvent.click(screen.getByRole('button', { name: 'Stop the download' }));
  fireEvent.click(await screen.findByRole('button', { name: 'Download the rows found as CSV' }));
  expect(screen.queryByRole('alert')).toBeNull();
  refuse(new RequestFailed({ message: 'There are more rows than fit one file.', hint: 'Search for fewer first.' }));
  expect((await screen.findByRole('alert')).textContent).toContain('Search for fewer first.');
});

test('what JSON has no way for is shown as what it is', async () => {
  const odd = [
    { int: '9007199254740993' },
    { real: 'inf' },
    { blob: 'AA==', bytes: 70000 },
    { text: 'begins', length: 90000 },
    null
  ];
  const columns = ['a', 'b', 'c', 'd', 'e'].map(name => column(name, ''));
  const rows = { columns, rows: [odd], keys: [], total: 1, more: false, page: 0, size: 50 };
  render(<DataPane asks={asks({ databaseRows: async () => rows })} changed={1} />);
  expect(await screen.findByText('9007199254740993')).toBeTruthy();
  expect(screen.getAllByRole('cell').map(cell => cell.textContent)).toEqual([
    '9007199254740993',
    'inf',
    '70,000 bytes',
    'begins …',
    'NULL'
  ]);
  fireEvent.click(screen.getByRole('button', { name: 'Structure' }));
  expect(screen.getByRole('group', { name: 'Structure of tasks' }).textContent).toContain(
    'Unique index by_title: title'
  );
});

test('a table without rows and a database without tables say what comes there', async () => {
  const { rerender } = render(<DataPane asks={asks()} changed={1} />);
  fireEvent.click(await screen.findByRole('button', { name: /people/ }));
  expect(await screen.findByText(/No rows yet/)).toBeTruthy();
  rerender(<DataPane asks={asks({ database: async () => ({ ...SCHEMA, tables: [] }) })} changed={1} />);
  expect(await screen.findByText(/has no tables yet/)).toBeTruthy();
});

test('what changed is read again; an answer that comes late does not take the place of a newer one', async () => {
  const answers: ((rows: DatabaseRows) => void)[] = [];
  const columns = [column('title', 'TEXT')];
  const one = (title: string): DatabaseRows => ({
    columns,
    rows: [[title]],
    keys: [],
    total: 1,
    more: false,
    page: 0,
    size: 50
  });
  const database = asks({ databaseRows: () => new Promise(resolve => answers.push(resolve)) });
  const { rerender } = render(<DataPane asks={database} changed={1} />);
  await waitFor(() => expect(answers).toHaveLength(1));
  rerender(<DataPane asks={database} changed={2} />);
  await waitFor(() => expect(answers).toHaveLength(2));
  answers[1]?.(one('new'));
  expect(await screen.findByText('new')).toBeTruthy();
  answers[0]?.(one('old'));
  await waitFor(() => expect(screen.queryByText('old')).toBeNull());
});

test('a query shows what it found, or why it was refused', async () => {
  render(<DataPane asks={asks()} changed={1} />);
  fireEvent.click(await screen.findByRole('button', { name: 'Query with SQL' }));
  const sql = screen.getByLabelText('SQL that reads');
  fireEvent.change(sql, { target: { value: 'DELETE FROM tasks' } });
  fireEvent.click(screen.getByRole('button', { name: 'Run' }));
  expect((await screen.findByRole('alert')).textContent).toContain('Only SELECT is run here.');
  fireEvent.change(sql, { target: { value: 'SELECT count(*) AS n FROM tasks' } });
  fireEvent.keyDown(sql, { key: 'Enter', ctrlKey: true });
  const found = await screen.findByRole('region', { name: 'What the query found' });
  expect(within(found).getByText('120')).toBeTruthy();
  expect(screen.queryByRole('alert')).toBeNull();
});

test('a database that cannot be asked says so', async () => {
  const refused = new RequestFailed({ message: 'The database is damaged.', hint: 'Go back to a version.' });
  render(<DataPane asks={asks({ database: () => Promise.reject(refused) })} changed={1} />);
  expect((await screen.findByRole('alert')).textContent).toContain('Go back to a version.');
});

test('a row is added, changed and removed; what was seen of it goes along', async () => {
  const database = asks();
  render(<DataPane asks={database} changed={1} />);
  fireEvent.click(await screen.findByRole('button', { name: 'Change row 2' }));
  const form = screen.getByRole('form', { name: 'A row of tasks' });
  fireEvent.change(within(form).getByLabelText(/^title/), { target: { value: 'Milk' } });
  fireEvent.click(within(form).getByRole('button', { name: 'Save the row' }));
  await waitFor(() => expect(database.changed).toHaveLength(1));
  const was = { id: 2, title: 'Task 2', note: null };
  expect(database.changed[0]).toEqual({ table: 'tasks', change: 'update', key: 2, values: { title: 'Milk' }, was });
  await waitFor(() => expect(database.asked).toHaveLength(2)); // the rows are read again
  expect(screen.queryByRole('form')).toBeNull();

  fireEvent.click(screen.getByRole('button', { name: 'Change row 2' }));
  fireEvent.click(screen.getByRole('button', { name: 'Remove the row' }));
  expect(database.changed).toHaveLength(1); // asked first
  fireEvent.click(screen.getByRole('button', { name: 'Really remove it' }));
  await waitFor(() => expect(database.changed[1]).toEqual({ table: 'tasks', change: 'delete', key: 2, was }));

  fireEvent.click(await screen.findByRole('button', { name: 'Add a row' }));
  const fresh = screen.getByRole('form', { name: 'A new row of tasks' });
  expect(within(fresh).getByPlaceholderText('the next number')).toBeTruthy();
  fireEvent.change(within(fresh).getByLabelText(/^title/), { target: { value: '' } });
  fireEvent.change(within(fresh).getByLabelText(/^title/), { target: { value: 'Tea' } });
  fireEvent.submit(fresh);
  await waitFor(() =>
    expect(database.changed[2]).toEqual({ table: 'tasks', change: 'insert', values: { title: 'Tea' } })
  );
});

test('what the rows are asked anew after is asked anew each time; how many a table has is, too', async () => {
  let rows = 120;
  const database = asks({ database: async () => ({ ...SCHEMA, tables: [{ ...TASKS, rows }, EMPTY] }) });
  render(<DataPane asks={database} changed={1} />);
  const tables = await screen.findByRole('group', { name: 'Tables' });
  for (const asked of [2, 3, 4]) {
    fireEvent.click(screen.getByRole('button', { name: 'Read the data again' }));
    await waitFor(() => expect(database.asked).toHaveLength(asked));
  }
  fireEvent.click(await screen.findByRole('button', { name: 'Change row 2' }));
  rows = 119;
  fireEvent.click(screen.getByRole('button', { name: 'Remove the row' }));
  fireEvent.click(screen.getByRole('button', { name: 'Really remove it' }));
  expect(await within(tables).findByRole('button', { name: /tasks.*119/ })).toBeTruthy();
});

test('a page and an order that are no longer there give way to those that are', async () => {
  let small = false;
  const database = asks();
  const all = database.databaseRows;
  database.database = async () => ({
    ...SCHEMA,
    tables: [small ? { ...TASKS, columns: TASKS.columns.slice(0, 1) } : TASKS]
  });
  database.databaseRows = async request => {
    const found = await all(request);
    return small ? { ...found, rows: request.page ? [] : [['left']], keys: [], total: 1 } : found;
  };
  render(<DataPane asks={database} changed={1} />);
  fireEvent.click(await screen.findByTitle('Sort by title'));
  fireEvent.click(screen.getByRole('button', { name: 'Further rows' }));
  await screen.findByText('51 to 100 of 120');
  small = true;
  fireEvent.click(screen.getByRole('button', { name: 'Read the data again' }));
  expect(await screen.findByText('left')).toBeTruthy();
  await waitFor(() => expect(database.asked.at(-1)).toMatchObject({ page: 0, sort: '' }));
});

test('a row that is refused stays open with what was typed; Escape leaves it as it was', async () => {
  const refused = new RequestFailed({ message: 'UNIQUE constraint failed: tasks.title', hint: '' });
  const database = asks({ changeRow: () => Promise.reject(refused) });
  render(<DataPane asks={database} changed={1} />);
  fireEvent.click(await screen.findByRole('button', { name: 'Change row 1' }));
  const title = screen.getByLabelText<HTMLInputElement>(/^title/);
  fireEvent.change(title, { target: { value: 'Task 2' } });
  fireEvent.click(screen.getByRole('button', { name: 'Save the row' }));
  expect((await screen.findByRole('alert')).textContent).toContain('UNIQUE constraint failed');
  expect(title.value).toBe('Task 2');
  fireEvent.keyDown(title, { key: 'Escape' });
  expect(screen.queryByRole('form')).toBeNull();
  expect(screen.getByText('Task 1')).toBeTruthy();
});

test('what is too long to be here whole cannot be changed, nor compared; NULL is one click away', async () => {
  const columns = [column('body', 'TEXT'), column('data', 'BLOB'), column('note', 'TEXT')];
  const rows = [[{ text: 'begins', length: 9000 }, { blob: 'AA==', bytes: 7000 }, 'old']];
  const database = asks({
    database: async () => ({ ...SCHEMA, tables: [table('pages', 1, columns)] }),
    databaseRows: async request => ({
      ...request,
      columns,
      rows,
      keys: [{ int: '9007199254740993' }],
      total: 1,
      more: false
    })
  });
  render(<DataPane asks={database} changed={1} />);
  fireEvent.click(await screen.findByRole('button', { name: 'Change row 1' }));
  expect(screen.getByLabelText<HTMLInputElement>(/^body/).disabled).toBe(true);
  expect(screen.getByLabelText<HTMLInputElement>(/^data/).disabled).toBe(true);
  fireEvent.click(screen.getByRole('button', { name: 'Set note to NULL' }));
  fireEvent.click(screen.getByRole('button', { name: 'Save the row' }));
  await waitFor(() => expect(database.changed).toHaveLength(1));
  expect(database.changed[0]).toEqual({
    table: 'pages',
    change: 'update',
    key: { int: '9007199254740993' },
    values: { note: null },
    was: { note: 'old' }
  });
});
