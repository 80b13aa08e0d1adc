// A dataset's Parquet file as a table: its columns, and rows made of them when they are asked for.
import type { DecodedArray, FileMetaData } from 'hyparquet';
import { parquetMetadata, parquetRead } from 'hyparquet';
import type { Column } from './values';
import { orNull, PARSERS, prepared } from './values';

/** Rows are objects: so many are made at most. */
export const ROWS_AT_MOST = 100_000;

const AS_OF = 'appbuilder.as_of';
const TYPES = 'appbuilder.types';

export interface Table {
  /** The first rows, as objects: ROWS_AT_MOST at most. */
  readonly rows: Record<string, unknown>[];
  /** Every value, by column. */
  readonly columns: Record<string, unknown[]>;
  /** How many rows there are. */
  readonly count: number;
  /** When the rows were handed over. */
  readonly asOf: Date | null;
}

export function isParquet(buffer: ArrayBuffer): boolean {
  return buffer.byteLength > 11 && new DataView(buffer).getUint32(0) === 0x50415231; // PAR1
}

/** Read a whole file. Throws an `Error` for what is none. */
export async function readTable(buffer: ArrayBuffer): Promise<Table> {
  if (!isParquet(buffer)) throw new Error('It is not a Parquet file.');
  const metadata = parquetMetadata(buffer, { geoparquet: false });
  const notes = new Map(metadata.key_value_metadata?.map(({ key, value }) => [key, value]));
  const columns = prepared(metadata, typesIn(notes.get(TYPES)));
  const count = Number(metadata.num_rows);
  const values = columns.map(() => new Array<unknown>(count));
  const file = { byteLength: buffer.byteLength, slice: (start: number, end?: number) => buffer.slice(start, end) };
  let start = 0;
  for (const group of metadata.row_groups) {
    const end = start + Number(group.num_rows);
    await readGroup({ file, metadata, rowStart: start, rowEnd: end }, columns, values);
    start = end;
    await new Promise(done => setTimeout(done)); // the page goes on meanwhile
  }
  columns.forEach((column, place) => column.large && widen(values[place] ?? []));
  const at = new Date(notes.get(AS_OF) ?? NaN);
  return new Columns(columns, values, count, Number.isNaN(at.getTime()) ? null : at);
}

interface Part {
  file: { byteLength: number; slice: (start: number, end?: number) => ArrayBuffer };
  metadata: FileMetaData;
  rowStart: number;
  rowEnd: number;
}

async function readGroup(part: Part, columns: readonly Column[], values: unknown[][]): Promise<void> {
  const chunks: { key: string; at: number; data: DecodedArray }[] = [];
  await parquetRead({
    ...part,
    utf8: false,
    parsers: PARSERS,
    onChunk: ({ columnName, columnData, rowStart }) => chunks.push({ key: columnName, at: rowStart, data: columnData })
  });
  const places = new Map(columns.map(({ key }, place) => [key, place]));
  for (const { key, at, data } of chunks) {
    const place = places.get(key) ?? -1;
    const into = values[place];
    const convert = columns[place]?.convert ?? null;
    if (!into) continue;
    for (let row = 0; row < data.length; row++) into[at + row] = orNull(data[row], convert);
  }
}

/** A column is of numbers or of bigints, never of both. */
function widen(values: unknown[]): void {
  if (!values.some(value => typeof value === 'bigint')) return;
  values.forEach((value, row) => (values[row] = typeof value === 'number' ? BigInt(value) : value));
}

/** What the file's writer noted of the Arrow types of its columns, in their order. */
function typesIn(note: string | undefined): string[] {
  try {
    const types: unknown = JSON.parse(note ?? '[]');
    return Array.isArray(types) ? types.map(String) : [];
  } catch {
    return [];
  }
}

class Columns implements Table {
  private made: Record<string, unknown>[] | null = null;
  readonly columns: Record<string, unknown[]>;

  constructor(
    private readonly described: readonly Column[],
    private readonly values: unknown[][],
    readonly count: number,
    readonly asOf: Date | null
  ) {
    this.columns = Object.fromEntries(described.map(({ name }, place) => [name, values[place] ?? []]));
  }

  get rows(): Record<string, unknown>[] {
    this.made ??= this.make(Math.min(this.count, ROWS_AT_MOST));
    return this.made;
  }

  private make(count: number): Record<string, unknown>[] {
    const names = this.described.map(({ name }) => name);
    const rows = new Array<Record<string, unknown>>(count);
    for (let at = 0; at < count; at++) {
      const row: Record<string, unknown> = {};
      for (let place = 0; place < names.length; place++) set(row, names[place] ?? '', this.values[place]?.[at]);
      rows[at] = row;
    }
    return rows;
  }
}

function set(row: Record<string, unknown>, name: string, value: unknown): void {
  if (name !== '__proto__') row[name] = value;
  else Object.defineProperty(row, name, { value, enumerable: true, configurable: true, writable: true });
}
