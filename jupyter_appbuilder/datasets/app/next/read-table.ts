// Written by App Builder with the data. It is written anew with it: change nothing here.
import { readFile, stat } from "node:fs/promises";
import path from "node:path";

import type { TableName, Tables } from "./load-table";
import { readTable as read, type Table } from "./parquet-reader.js";

const kept = new Map<string, { changed: number; table: Promise<Table<unknown>> }>();

/**
 * A dataset on the server: for server components, route handlers and server actions. Read anew when its file changed.
 * A page that shows it holds <RefreshData /> so that an open one follows.
 */
export async function readTable<Name extends TableName>(name: Name): Promise<Table<Tables[Name]>> {
  if (!/^[a-z][a-z0-9_]*$/.test(name)) throw new Error("There is no dataset of that name.");
  const file = path.join(process.cwd(), "@FOLDER@", `${name}.parquet`);
  const { mtimeMs: changed } = await stat(file);
  let known = kept.get(name);
  if (known?.changed !== changed) {
    known = { changed, table: readFile(file).then((bytes) => read(new Uint8Array(bytes).buffer)) };
    kept.set(name, known);
  }
  return (await known.table) as Table<Tables[Name]>;
}
