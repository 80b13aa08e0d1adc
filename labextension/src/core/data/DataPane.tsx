/** What an app's database holds: its tables, their rows page by page, and what a query of the person's finds. */

import * as React from 'react';
import { Disclosure } from '../controls/Disclosure';
import { Failure } from '../controls/Failure';
import { Icon, Spinner } from '../controls/Icon';
import { IconButton } from '../controls/IconButton';
import { useTranslation } from '../controls/surroundings';
import type { Translation } from '../controls/translation';
import type {
  DatabaseAnswer,
  DatabaseColumn,
  DatabaseRows,
  DatabaseSchema,
  DatabaseTable,
  TakenUpload
} from '../wire/api.generated';
import type { Requests } from '../wire/transport';
import { RequestFailed } from '../wire/wire';
import { Added, DropZone, FileForm, useFileForm } from './FileForm';
import { RowForm } from './RowForm';
import { SchemaPicture } from './SchemaPicture';
import type { FileAsks } from './sending';
import { tracked } from './tracked';
import { shown } from './values';
import { spoken } from '../controls/language';

export const PAGE_ROWS = 50;
const FILTER_MS = 300; // after the last key

export type Asks = Required<
  Pick<Requests, 'database' | 'databaseRows' | 'downloadRows' | 'changeRow' | 'queryDatabase'>
>;

const nobody = (): void => undefined;

interface Order {
  column: string;
  descending: boolean;
}

/** `changed` is another number whenever the data may have changed. */
export function DataPane({
  asks,
  files = null,
  changed,
  hidden = false,
  onHold = nobody
}: {
  asks: Asks;
  /** Absent where no file can be sent. */
  files?: FileAsks | null;
  changed: number;
  hidden?: boolean;
  /** Hears whether leaving would stop a file, or lose what came of it. */
  onHold?: (held: boolean) => void;
}): React.ReactElement {
  const trans = useTranslation();
  const [tables, setTables] = React.useState<readonly DatabaseTable[] | null>(null); // and views, behind them
  const [views, setViews] = React.useState<ReadonlySet<string>>(new Set());
  const [failure, setFailure] = React.useState<RequestFailed | null>(null);
  const [chosen, setChosen] = React.useState('');
  const [picture, setPicture] = React.useState(false); // of the schema, in the place of rows
  const fromPicture = React.useRef(false);
  const ofTable = React.useRef<HTMLButtonElement>(null); // the chosen table's
  const [round, setRound] = React.useState(0);
  const { form, added, open, onDrop, onSending, close, button } = useFileForm(onHold);

  React.useEffect(() => {
    const current = tracked();
    asks.database().then(
      found => {
        if (current.is) {
          setTables([...ownFirst(found?.tables ?? []), ...(found?.views ?? []).map(asTable)]);
          setViews(new Set(found?.views.map(({ name }) => name)));
          setFailure(null);
        }
      },
      (error: unknown) => current.is && setFailure(RequestFailed.from(error))
    );
    return current.end;
  }, [asks, changed, round]);

  const table = tables?.find(one => one.name === chosen) ?? tables?.[0];
  const again = (): void => setRound(known => known + 1);
  const choose = (name: string): void => {
    setChosen(name);
    setPicture(false);
  };
  React.useEffect(() => {
    if (!picture && document.activeElement === document.body && fromPicture.current) {
      ofTable.current?.focus(); // what was chosen in the picture had the keyboard, and is gone
    }
    fromPicture.current = picture;
  }, [picture]);
  const closed = (told: TakenUpload | null): void => {
    close(told);
    if (told) {
      choose(told.dataset.name);
      again();
    }
  };
  const add = files && !form && (
    <button ref={button} type="button" className="jp-AppBuilder-button jp-mod-quiet" onClick={() => open(null)}>
      <Icon name="upload" />
      {trans.__('Add data from a file')}
    </button>
  );
  return (
    <DropZone className="jp-AppBuilder-data" hidden={hidden} onDrop={files && onDrop}>
      {failure && <Failure error={failure} />}
      {tables === null && !failure && (
        <p className="jp-AppBuilder-dataEmpty" role="status">
          <Spinner /> {trans.__('Asking the database…')}
        </p>
      )}
      {tables?.length === 0 && (
        <p className="jp-AppBuilder-dataEmpty">
          {trans.__('The database has no tables yet. Say in the chat what the app should keep.')} {add}
        </p>
      )}
      {files && form && (
        <FileForm
          asks={files}
          dropped={form.file}
          taken={(tables ?? []).map(({ name }) => name)}
          onSending={onSending}
          onClose={closed}
        />
      )}
      {added && <Added found={added} onClose={() => close(null)} />}
      {tables && table && (
        <>
          <div className="jp-AppBuilder-dataChoice">
            <div className="jp-AppBuilder-dataTables" role="group" aria-label={trans.__('Tables')}>
              {tables.map(one => (
                <button
                  key={one.name}
                  ref={one === table ? ofTable : undefined}
                  type="button"
                  className="jp-AppBuilder-button jp-mod-quiet"
                  aria-pressed={one === table && !picture}
                  onClick={() => choose(one.name)}
                >
                  {one.name}
                  <span className="jp-AppBuilder-hint">
                    {views.has(one.name) ? trans.__('view') : one.rows === null ? '' : rowCount(one.rows)}
                  </span>
                </button>
              ))}
            </div>
            <div className="jp-AppBuilder-dataBar">
              <button
                type="button"
                className="jp-AppBuilder-button jp-mod-quiet"
                aria-pressed={picture}
                onClick={() => setPicture(!picture)}
              >
                <Icon name="schema" />
                {trans.__('Schema')}
              </button>
              {add}
              <IconButton icon="reload" label={trans.__('Read the data again')} onClick={again} />
            </div>
          </div>
          {picture ? (
            <SchemaPicture tables={tables} views={views} onChoose={choose} />
          ) : (
            <TableRows key={table.name} asks={asks} table={table} changed={changed} round={round} onChanged={again} />
          )}
        </>
      )}
      {tables && <Query asks={asks} />}
    </DropZone>
  );
}

/** A view as what it is to who looks at its rows: a table that takes none. */
function asTable(view: DatabaseSchema['views'][number]): DatabaseTable {
  return { ...view, rows: null, indexes: [], foreign_keys: [], virtual: true };
}

function TableRows({
  asks,
  table,
  changed,
  round,
  onChanged
}: {
  asks: Asks;
  table: DatabaseTable;
  changed: number;
  /** Another number whenever the person wants the rows read again. */
  round: number;
  /** Hears that a row was added, changed or removed here. */
  onChanged: () => void;
}): React.ReactElement {
  const trans = useTranslation();
  const [wanted, setOrder] = React.useState<Order | null>(null);
  const order = wanted && table.columns.some(({ name }) => name === wanted.column) ? wanted : null; // it may have gone
  const [typed, setTyped] = React.useState('');
  const [filter, setFilter] = React.useState('');
  const [page, setPage] = React.useState(0);
  const [found, setFound] = React.useState<DatabaseRows | null>(null);
  const [failure, setFailure] = React.useState<RequestFailed | null>(null);
  const [waiting, setWaiting] = React.useState(false);
  const [edited, setEdited] = React.useState<number | 'new' | null>(null); // the place of a row on this page
  const add = React.useRef<HTMLButtonElement>(null);

  React.useEffect(() => {
    if (typed.trim() === filter) {
      return undefined;
    }
    const timer = window.setTimeout(() => {
      setFilter(typed.trim());
      setPage(0);
    }, FILTER_MS);
    return () => window.clearTimeout(timer);
  }, [typed, filter]);

  React.useEffect(() => {
    const current = tracked();
    setWaiting(true);
    const request = { table: table.name, page, size: PAGE_ROWS, filter, sort: order?.column ?? '' };
    asks.databaseRows({ ...request, descending: order?.descending ?? false }).then(
      rows => {
        if (current.is) {
          setFound(rows);
          setFailure(null);
          setWaiting(false);
          setPage(Math.min(page, Math.max(0, Math.ceil(rows.total / PAGE_ROWS) - 1))); // its rows may have gone
        }
      },
      (error: unknown) => current.is && (setFailure(RequestFailed.from(error)), setWaiting(false))
    );
    return current.end;
  }, [asks, table.name, page, filter, order?.column, order?.descending, changed, round]);

  // A row that is being edited is another's place on another page; what was typed is kept while the rows are read again.
  React.useEffect(() => setEdited(null), [page, filter, order]);
  const editable = Boolean(found?.keys.length);
  const row = typeof edited === 'number' ? found?.rows[edited] : undefined;
  const closed = (done: boolean): void => {
    setEdited(null);
    add.current?.focus();
    if (done) {
      onChanged();
    }
  };

  const sort = (column: string): void => {
    setOrder(
      order?.column === column
        ? order.descending
          ? null
          : { column, descending: true }
        : { column, descending: false }
    );
    setPage(0);
  };
  return (
    <section className="jp-AppBuilder-dataTable" aria-label={table.name} aria-busy={waiting}>
      <div className="jp-AppBuilder-dataBar">
        <input
          className="jp-AppBuilder-input"
          type="search"
          value={typed}
          placeholder={trans.__('Search the rows')}
          aria-label={trans.__('Search the rows of %1', table.name)}
          onChange={event => setTyped(event.target.value)}
        />
        {waiting && <Spinner />}
        <span className="jp-AppBuilder-hint" role="status">
          {found && counted(found, trans)}
        </span>
        {!table.virtual && (
          <button
            ref={add}
            type="button"
            className="jp-AppBuilder-button jp-mod-quiet"
            disabled={edited === 'new'}
            onClick={() => setEdited('new')}
          >
            <Icon name="plus" />
            {trans.__('Add a row')}
          </button>
        )}
        <IconButton
          icon="back"
          label={trans.__('Earlier rows')}
          disabled={page === 0}
          onClick={() => setPage(page - 1)}
        />
        <IconButton
          icon="chevron"
          label={trans.__('Further rows')}
          disabled={!found || (page + 1) * PAGE_ROWS >= found.total}
          onClick={() => setPage(page + 1)}
        />
        <Download
          asks={asks}
          rows={{ table: table.name, filter, sort: order?.column ?? '', descending: order?.descending ?? false }}
          onFailure={setFailure}
        />
      </div>
      {failure && <Failure error={failure} />}
      {found && (edited === 'new' || row) && (
        <RowForm
          key={edited}
          asks={asks}
          table={table}
          row={row && typeof edited === 'number' ? { key: found.keys[edited], values: row } : null}
          onClose={closed}
        />
      )}
      {found?.more && (
        <p className="jp-AppBuilder-hint">{trans.__('Rows of this page are too large to be shown, and left out.')}</p>
      )}
      {found && (
        <Grid
          rows={found}
          label={trans.__('Rows of %1', table.name)}
          onEdit={editable ? setEdited : undefined}
          edited={edited}
          head={column => {
            const { name } = column;
            const sorted = order?.column === name ? order : null;
            return (
              <th
                key={name}
                scope="col"
                aria-sort={sorted ? (sorted.descending ? 'descending' : 'ascending') : undefined}
              >
                <button type="button" title={trans.__('Sort by %1', name)} onClick={() => sort(name)}>
                  {column.primary_key && <Icon name="key" />}
                  {name}
                  {sorted && <span aria-hidden="true">{sorted.descending ? ' ↓' : ' ↑'}</span>}
                </button>
                <span className="jp-AppBuilder-hint">
                  {column.type.toLowerCase()}
                  {!column.nullable && !column.primary_key ? ` · ${trans.__('needed')}` : ''}
                </span>
              </th>
            );
          }}
        />
      )}
      {found?.rows.length === 0 && (
        <p className="jp-AppBuilder-dataEmpty jp-mod-filling">
          {filter ? trans.__('No row has that.') : trans.__('No rows yet. What people do in the app comes here.')}
        </p>
      )}
      <Structure table={table} />
    </section>
  );
}

/** Saves the rows that are looked at, on all pages, as a CSV file. */
function Download({
  asks,
  rows,
  onFailure
}: {
  asks: Pick<Asks, 'downloadRows'>;
  rows: Parameters<Asks['downloadRows']>[0];
  onFailure: (failure: RequestFailed | null) => void;
}): React.ReactElement {
  const trans = useTranslation();
  const [running, setRunning] = React.useState<AbortController | null>(null);
  React.useEffect(() => () => running?.abort(), [running]);
  const start = (): void => {
    const controller = new AbortController();
    setRunning(controller);
    onFailure(null);
    asks
      .downloadRows(rows, controller.signal)
      .catch((error: unknown) => {
        if (!controller.signal.aborted) {
          onFailure(RequestFailed.from(error));
        }
      })
      .finally(() => setRunning(now => (now === controller ? null : now)));
  };
  return running ? (
    <>
      <span className="jp-AppBuilder-hint" role="status">
        <Spinner /> {trans.__('Writing the file…')}
      </span>
      <IconButton icon="stop" label={trans.__('Stop the download')} onClick={() => running.abort()} />
    </>
  ) : (
    <IconButton
      icon="download"
      label={rows.filter ? trans.__('Download the rows found as CSV') : trans.__('Download all rows as CSV')}
      onClick={start}
    />
  );
}

/** How a table was made, its indexes, and what it refers to. */
function Structure({ table }: { table: DatabaseTable }): React.ReactElement {
  const trans = useTranslation();
  const [open, setOpen] = React.useState(false);
  const body = React.useId();
  const lines = [
    ...table.indexes.map(
      ({ name, unique, columns }) =>
        `${unique ? trans.__('Unique index') : trans.__('Index')} ${name}: ${columns.join(', ')}`
    ),
    ...table.foreign_keys.map(({ columns, table: other, to }) =>
      `${columns.join(', ')} → ${other} ${to.join(', ')}`.trim()
    )
  ];
  return (
    <div className="jp-AppBuilder-dataStructure">
      <Disclosure body={body} open={open} onToggle={setOpen} className="jp-AppBuilder-button jp-mod-quiet">
        {trans.__('Structure')}
      </Disclosure>
      {open && (
        <pre id={body} tabIndex={0} role="group" aria-label={trans.__('Structure of %1', table.name)}>
          {[table.sql, ...lines].join('\n')}
        </pre>
      )}
    </div>
  );
}

/** A query that reads. What changes data is the agent's, or the app's own functions'. */
function Query({ asks }: { asks: Asks }): React.ReactElement {
  const trans = useTranslation();
  const [open, setOpen] = React.useState(false);
  const [sql, setSql] = React.useState('');
  const [found, setFound] = React.useState<DatabaseAnswer | null>(null);
  const [failure, setFailure] = React.useState<RequestFailed | null>(null);
  const [waiting, setWaiting] = React.useState(false);
  const body = React.useId();
  const run = (): void => {
    setWaiting(true);
    setFailure(null);
    asks
      .queryDatabase(sql)
      .then(setFound, (error: unknown) => {
        const failed = RequestFailed.from(error);
        const message = trans.__('This query changes data, and here queries only read.');
        const hint = trans.__('Say in the chat what should be changed.');
        setFound(null);
        setFailure(/^not authorized/.test(failed.message) ? new RequestFailed({ message, hint }) : failed);
      })
      .finally(() => setWaiting(false));
  };
  return (
    <section className="jp-AppBuilder-dataQuery" aria-label={trans.__('Query')}>
      <Disclosure body={body} open={open} onToggle={setOpen} className="jp-AppBuilder-button jp-mod-quiet">
        {trans.__('Query with SQL')}
      </Disclosure>
      {open && (
        <div id={body}>
          <textarea
            className="jp-AppBuilder-input"
            rows={3}
            spellCheck={false}
            value={sql}
            aria-label={trans.__('SQL that reads')}
            placeholder="SELECT …"
            onChange={event => setSql(event.target.value)}
            onKeyDown={event => {
              if (event.key === 'Enter' && (event.ctrlKey || event.metaKey) && sql.trim() && !waiting) {
                run();
              }
            }}
          />
          <div className="jp-AppBuilder-dataBar">
            <button type="button" className="jp-AppBuilder-button" disabled={waiting || !sql.trim()} onClick={run}>
              {waiting ? <Spinner /> : <Icon name="play" />}
              {trans.__('Run')}
            </button>
            <span className="jp-AppBuilder-hint" role="status">
              {found
                ? `${trans._n('%1 row', '%1 rows', found.rows.length)}${found.more ? trans.__(', and more that are not shown') : ''}`
                : trans.__('It reads; nothing is changed. Ctrl+Enter runs it.')}
            </span>
          </div>
          {failure && <Failure error={failure} />}
          {found && found.rows.length > 0 && <Grid rows={found} label={trans.__('What the query found')} />}
        </div>
      )}
    </section>
  );
}

function Grid({
  rows,
  label,
  onEdit,
  edited,
  head = ({ name }) => (
    <th key={name} scope="col">
      {name}
    </th>
  )
}: {
  rows: Pick<DatabaseAnswer, 'columns' | 'rows'>;
  label: string;
  onEdit?: (at: number) => void;
  edited?: number | 'new' | null;
  head?: (column: DatabaseColumn) => React.ReactElement;
}): React.ReactElement {
  const trans = useTranslation();
  return (
    <div
      className={`jp-AppBuilder-dataGrid${rows.rows.length ? '' : ' jp-mod-empty'}`}
      tabIndex={0}
      role="region"
      aria-label={label}
    >
      <table>
        <thead>
          <tr>
            {onEdit && <td />}
            {rows.columns.map(head)}
          </tr>
        </thead>
        <tbody>
          {rows.rows.map((row, at) => (
            <tr key={at} className={at === edited ? 'jp-mod-edited' : undefined}>
              {onEdit && (
                <td className="jp-AppBuilder-dataEdit">
                  <IconButton icon="pencil" label={trans.__('Change row %1', at + 1)} onClick={() => onEdit(at)} />
                </td>
              )}
              {row.map((value, column) => (
                <td key={column} className={typeof value === 'number' ? 'jp-mod-number' : undefined}>
                  {value === null ? <span className="jp-AppBuilder-hint">NULL</span> : shown(value, trans)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** The app's own tables before that of its people, whose name begins with a line. */
function ownFirst(tables: readonly DatabaseTable[]): DatabaseTable[] {
  return [...tables].sort((one, other) => Number(one.name.startsWith('_')) - Number(other.name.startsWith('_')));
}

const MOST_COUNTED = 1_000_000; // rows that the server counts

function rowCount(rows: number): string {
  return rows > MOST_COUNTED ? `${MOST_COUNTED.toLocaleString(spoken())}+` : rows.toLocaleString(spoken());
}

function counted(found: DatabaseRows, trans: Translation): string {
  const first = found.page * found.size + 1;
  const last = first + found.rows.length - 1;
  return found.rows.length === 0
    ? trans.__('No rows')
    : trans.__('%1 to %2 of %3', first.toLocaleString(spoken()), last.toLocaleString(spoken()), rowCount(found.total));
}
