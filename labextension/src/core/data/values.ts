/** Values of a database as the panel shows them. What JSON has no way for is an object with one key that says what it is. */

import type { Translation } from '../controls/translation';
import { spoken } from '../controls/language';

type Odd = Partial<Record<'int' | 'real' | 'text' | 'blob' | 'bytes' | 'length', unknown>>;

/** A value as text. */
export function shown(value: unknown, trans: Translation): string {
  if (typeof value !== 'object' || value === null) {
    return String(value as string | number | boolean | null);
  }
  const { int, real, text, blob, bytes } = value as Odd;
  if (blob !== undefined) {
    return trans.__('%1 bytes', Number(bytes).toLocaleString(spoken()));
  }
  return text === undefined ? String(int ?? real ?? JSON.stringify(value)) : `${String(text)} …`;
}

/** What stands in a field for a value; null for SQL's NULL. */
export function fieldText(value: unknown, trans: Translation): string | null {
  return value === null ? null : shown(value, trans);
}

/** True for a value that is here whole, so that it can be changed, and compared with what the row has. */
export function isWhole(value: unknown): boolean {
  return typeof value !== 'object' || value === null || (value as Odd).int !== undefined;
}
