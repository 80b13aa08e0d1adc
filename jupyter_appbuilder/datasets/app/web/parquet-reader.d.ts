// Written by App Builder with the data. It is written anew with it: change nothing here.

/** A dataset's rows as they are now. */
export interface Table<Row> {
  /** The first rows as objects, 100,000 at most: `count` says how many there are, `columns` has them all. */
  readonly rows: Row[];
  /** Every value, by column: `columns.price[0]` is the first row's price. Lighter than `rows` where there are many. */
  readonly columns: { readonly [Column in keyof Row]: Row[Column][] };
  /** How many rows there are. */
  readonly count: number;
  /** When the rows were handed over: show it as "Data as of …". */
  readonly asOf: Date | null;
}

/** A dataset as a page has it. It changes when the data is handed over again, without a reload of the page. */
export interface TableState<Row> extends Table<Row> {
  /** True until there is something to show: rows, or an error. */
  readonly loading: boolean;
  /** Why the file could not be loaded last; the rows are those of before. */
  readonly error: Error | null;
}

export interface TableSource<Row> {
  /** The dataset, once it is loaded. Rejects with an Error for people where it cannot be. */
  load(): Promise<Table<Row>>;
  /** Calls `listener` with each change; the function that is returned ends that. */
  subscribe(listener: () => void): () => void;
  /** As it stands: the same object until it changes. */
  current(): TableState<Row>;
}

/** The dataset whose file is at `url`. */
export function tableSource<Row>(name: string, url: string): TableSource<Row>;

/** Reads a Parquet file. */
export function readTable<Row>(file: ArrayBuffer): Promise<Table<Row>>;
