// Written by App Builder with the data. It is written anew with it: change nothing here.
import { tableSource as source, type Table, type TableSource } from "./parquet-reader.js";

/** The app's datasets. The files beside this one each add theirs, with the types of its columns. */
export interface Tables {}

export type TableName = keyof Tables & string;

export function tableSource<Name extends TableName>(name: Name): TableSource<Tables[Name]> {
  return source(name, `@BASE@@URL@/${name}.parquet`);
}

/** A dataset's rows, once they are loaded. Rejects with an Error for people where they cannot be. */
export function loadTable<Name extends TableName>(name: Name): Promise<Table<Tables[Name]>> {
  return tableSource(name).load();
}
