// A dataset as a page has it: loaded once, and again when its file was replaced.
import { isParquet, readTable, ROWS_AT_MOST, type Table } from './table';

/** Sent on window by a preview when a dataset's file was replaced; its detail is the dataset's name. */
const REPLACED = 'appbuilder:data';

/** Sent by us: a preview tells a page only once it reads data. */
const READS = 'appbuilder:reads-data';

const TRIES = 4;
const PAUSE_MS = 250;

export interface TableState extends Table {
  /** True until there is something to show: rows, or an error. */
  readonly loading: boolean;
  /** Why the file could not be loaded last. The rows are those of before. */
  readonly error: Error | null;
}

const NOTHING: Table = { rows: [], columns: {}, count: 0, asOf: null };

function state(table: Table, loading: boolean, error: Error | null): TableState {
  return {
    get rows() {
      return table.rows; // made when they are asked for
    },
    columns: table.columns,
    count: table.count,
    asOf: table.asOf,
    loading,
    error
  };
}

/** One dataset of the page. */
export interface TableSource {
  /** The dataset, once it is loaded. Rejects where it cannot be. */
  load(): Promise<Table>;
  /** Call `listener` with each change from now on, loading the dataset if need be; what is returned ends that. */
  subscribe(listener: () => void): () => void;
  /** As it stands: the same object until it changes. */
  current(): TableState;
}

const sources = new Map<string, TableSource>();

/** The dataset `name`, whose file is at `url`: one for all who ask. */
export function tableSource(name: string, url: string): TableSource {
  let source = sources.get(name);
  if (!source) sources.set(name, (source = makeSource(name, url)));
  return source;
}

function makeSource(name: string, url: string): TableSource {
  const listeners = new Set<() => void>();
  let table = NOTHING;
  let now = state(NOTHING, true, null);
  let loading: Promise<Table> | null = null;

  function become(next: TableState): void {
    now = next;
    for (const listener of [...listeners]) listener();
  }

  function load(cache: RequestCache): Promise<Table> {
    const mine: Promise<Table> = fetched(name, url, cache).then(
      read => {
        if (mine !== loading) return loading ?? read; // the file was replaced meanwhile
        table = read;
        if (table.count > ROWS_AT_MOST) {
          console.info(`${name} has ${table.count} rows: rows holds the first ${ROWS_AT_MOST}, columns all of them.`);
        }
        become(state(table, false, null));
        return read;
      },
      (error: unknown): Promise<Table> => {
        if (mine !== loading) return loading ?? Promise.reject(error as Error);
        loading = null; // who asks next tries again
        become(state(table, false, error as Error));
        throw error;
      }
    );
    return (loading = mine);
  }

  const first = (): Promise<Table> => loading ?? load('no-cache');
  if (typeof window !== 'undefined') {
    window.addEventListener(REPLACED, event => {
      if ((event as CustomEvent<unknown>).detail === name) load('no-store').catch(() => undefined);
    });
    window.dispatchEvent(new Event(READS));
  }
  return {
    load: first,
    current: () => now,
    subscribe(listener) {
      listeners.add(listener);
      first().catch(() => undefined); // the state says it
      return () => listeners.delete(listener);
    }
  };
}

async function fetched(name: string, url: string, cache: RequestCache): Promise<Table> {
  for (let tried = 1; ; tried++) {
    const answer = await fetch(url, { cache }).catch((error: unknown) => {
      throw new Error(`The data of ${name} could not be reached. ${String(error)}`);
    });
    const buffer = answer.ok ? await answer.arrayBuffer() : new ArrayBuffer(0);
    if (isParquet(buffer)) return readTable(buffer);
    // A dev server may learn of a new file a moment after it is there, and send its page in place of it.
    if (tried === TRIES) {
      const what = answer.ok ? 'is no Parquet file' : `answered ${answer.status}`;
      throw new Error(
        `The data of ${name} is not there: its file ${what}. Hand it over again, or put it beside the app.`
      );
    }
    await new Promise(done => setTimeout(done, PAUSE_MS));
  }
}
