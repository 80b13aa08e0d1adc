// Written by App Builder with the data. It is written anew with it: change nothing here.
import { tableSource } from "./parquet-reader.js";

/** @param {string} name */
function source(name) {
  return tableSource(name, new URL(`../../@URL@/${name}.parquet`, import.meta.url).href);
}

/**
 * A dataset's rows, once they are loaded. Rejects with an Error for people where they cannot be.
 * @param {string} name
 */
export function loadTable(name) {
  return source(name).load();
}

/**
 * Calls `draw` with a dataset as it stands, and again when it is loaded or its data is handed over again: draw what is
 * there, `{ rows, columns, count, asOf, loading, error }`. The function that is returned ends that.
 * @template Row
 * @param {string} name
 * @param {(state: import("./parquet-reader.js").TableState<Row>) => void} draw
 * @returns {() => void}
 */
export function watchTable(name, draw) {
  /** @type {import("./parquet-reader.js").TableSource<Row>} */
  const table = source(name);
  const end = table.subscribe(() => draw(table.current()));
  draw(table.current());
  return end;
}
