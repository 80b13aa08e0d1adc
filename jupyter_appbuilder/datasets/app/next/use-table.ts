"use client";

// Written by App Builder with the data. It is written anew with it: change nothing here.
import { useSyncExternalStore } from "react";

import { tableSource, type TableName, type Tables } from "./load-table";
import type { TableState } from "./parquet-reader.js";

/**
 * A dataset: `const { rows, columns, count, asOf, loading, error } = useTable("sales")`. When its data is handed over
 * again, the component renders with the new rows and keeps its state.
 */
export function useTable<Name extends TableName>(name: Name): TableState<Tables[Name]> {
  const source = tableSource(name);
  return useSyncExternalStore(source.subscribe, source.current, source.current);
}
