// The values of a Parquet file as an app has them: what is exact stays exact, and every name may be any text.
import type { FileMetaData, SchemaElement, SchemaTree } from 'hyparquet';
import { parquetSchema } from 'hyparquet';

/** What a value becomes; null where it is right as it is read. */
export type Convert = ((value: unknown) => unknown) | null;

const DAY = 86_400_000;
const SECONDS: Record<string, number> = { s: 1000, ms: 1, us: 1e-3, ns: 1e-6 };

/** What hyparquet converts by itself. Microseconds fit a double until the year 2255, nanoseconds do not. */
export const PARSERS = {
  timestampFromMilliseconds: (millis: bigint) => new Date(Number(millis)),
  timestampFromMicroseconds: (micros: bigint) => new Date(Math.floor(Number(micros) / 1000)),
  timestampFromNanoseconds: (nanos: bigint) => new Date(Number((nanos < 0n ? nanos - 999_999n : nanos) / 1_000_000n)),
  dateFromDays(day: number): string {
    const date = new Date(day * DAY);
    return Number.isNaN(date.getTime()) ? `1970-01-01 + ${day} days` : date.toISOString().replace(/T.*/, '');
  }
};

/** One column: what it is called, what hyparquet is to know it by, and what becomes of its values. */
export interface Column {
  name: string;
  key: string;
  convert: Convert;
  /** True where some value may have stayed a bigint: then all are to be. */
  large: boolean;
}

/**
 * Prepare a file's metadata for hyparquet, which makes objects and paths of names: `__proto__`, dots and all become c0,
 * c1 … And it is kept from converting what would lose something.
 */
export function prepared(metadata: FileMetaData, types: readonly string[]): Column[] {
  const root = parquetSchema(metadata);
  const columns = root.children.map((node, place) => {
    const { type, converted_type, logical_type } = node.element;
    const isNumber = !converted_type || /^U?INT_64$/.test(converted_type);
    const large = type === 'INT64' && isNumber && (!logical_type || logical_type.type === 'INTEGER');
    const perMs = large ? SECONDS[/^duration\W(\w+)/.exec(types[place] ?? '')?.[1] ?? ''] : undefined;
    const name = node.element.name;
    const convert: Convert = perMs ? value => Number(value) * perMs : large ? whole : converted(node);
    return { name, convert, large: large && !perMs };
  });
  let number = 0;
  const leaves: string[][] = [];
  const rename = (node: SchemaTree, path: readonly string[], inMap: boolean): void => {
    for (const child of node.children) {
      const isMap = node.element.converted_type === 'MAP';
      if (!inMap) child.element.name = `c${number++}`; // a map's parts are told by their names, key and value
      const place = [...path, child.element.name];
      if (child.children.length) rename(child, place, isMap);
      else leaves.push(place);
    }
  };
  rename(root, [], false);
  for (const group of metadata.row_groups) {
    group.columns.forEach(({ meta_data }, place) => {
      if (meta_data) meta_data.path_in_schema = leaves[place] ?? [];
    });
  }
  return columns.map((column, place) => ({ ...column, key: root.children[place]?.element.name ?? '' }));
}

function converted(node: SchemaTree): Convert {
  const { element, children } = node;
  const [first] = children;
  if (!first) return plain(element);
  if (element.converted_type === 'LIST') {
    const convert = converted(first.children.length === 1 && first.children[0] ? first.children[0] : first);
    return value => (value as unknown[]).map(item => orNull(item, convert));
  }
  if (element.converted_type === 'MAP') {
    const convert = first.children[1] ? converted(first.children[1]) : null;
    return value =>
      Object.fromEntries(Object.entries(value as object).map(([key, item]) => [key, orNull(item, convert)]));
  }
  const fields = children.map(child => ({
    element: child.element,
    name: child.element.name,
    convert: converted(child)
  }));
  return value => {
    const given = value as Record<string, unknown>;
    // Not by assignment: a field may be called __proto__.
    return Object.fromEntries(fields.map(({ element, name, convert }) => [name, orNull(given[element.name], convert)]));
  };
}

/** A value that may be missing. */
export function orNull(value: unknown, convert: Convert): unknown {
  return value === null || value === undefined ? null : convert ? convert(value) : value;
}

/** What becomes of a value that has no parts. */
function plain(element: SchemaElement): Convert {
  const { type, converted_type, logical_type } = element;
  if (converted_type === 'DECIMAL' || logical_type?.type === 'DECIMAL') {
    const scale = element.scale ?? (logical_type?.type === 'DECIMAL' ? logical_type.scale : 0);
    raw(element);
    return value => decimal(value, scale);
  }
  if (logical_type?.type === 'TIME' || converted_type?.startsWith('TIME_')) {
    const unit =
      logical_type?.type === 'TIME' ? logical_type.unit : converted_type === 'TIME_MILLIS' ? 'MILLIS' : 'MICROS';
    raw(element);
    return value => timeOf(BigInt(value as number | bigint), unit === 'MILLIS' ? 3 : unit === 'MICROS' ? 6 : 9);
  }
  if (converted_type === 'JSON' || logical_type?.type === 'JSON') {
    raw(element);
    element.converted_type = 'UTF8';
    return null;
  }
  if (converted_type === 'INTERVAL' || converted_type === 'BSON') raw(element);
  if (type === 'INT64' && (!converted_type || /INT_64$/.test(converted_type))) {
    return logical_type && logical_type.type !== 'INTEGER' ? null : whole;
  }
  if (!type?.endsWith('BYTE_ARRAY') || element.converted_type === 'UTF8') return null;
  // Of its own: what hyparquet gives is a window on the whole file.
  return value => (value instanceof Uint8Array ? value.slice() : value);
}

function raw(element: SchemaElement): void {
  delete element.converted_type;
  delete element.logical_type;
}

/** A number where that is exact. */
function whole(value: unknown): unknown {
  return Number.isSafeInteger(Number(value)) ? Number(value) : value;
}

function decimal(value: unknown, scale: number): string {
  let unscaled: bigint;
  if (value instanceof Uint8Array) {
    let hex = '';
    for (const byte of value) hex += byte.toString(16).padStart(2, '0');
    unscaled = hex ? BigInt.asIntN(8 * value.length, BigInt(`0x${hex}`)) : 0n;
  } else {
    unscaled = BigInt(value as number | bigint);
  }
  const digits = String(unscaled < 0n ? -unscaled : unscaled).padStart(scale + 1, '0');
  const point = digits.length - scale;
  const text = scale > 0 ? `${digits.slice(0, point)}.${digits.slice(point)}` : digits + '0'.repeat(-scale);
  return unscaled < 0n ? `-${text}` : text;
}

/** hh:mm:ss with what it has of a second. */
function timeOf(value: bigint, places: number): string {
  const unit = 10n ** BigInt(places);
  const seconds = Number(value / unit);
  const two = (number: number): string => String(Math.floor(number)).padStart(2, '0');
  const rest = value % unit ? `.${String(value % unit).padStart(places, '0')}` : '';
  return `${two(seconds / 3600)}:${two((seconds / 60) % 60)}:${two(seconds % 60)}${rest}`;
}
