// Written by App Builder with the data. It is written anew with it: change nothing here.
import { computed, onScopeDispose, shallowRef, type ComputedRef } from "vue";

import { tableSource, type TableName, type Tables } from "./load-table";
import type { TableState } from "./parquet-reader.js";

type Refs<State> = { readonly [Key in keyof State]: ComputedRef<State[Key]> };

/**
 * A dataset: `const { rows, columns, count, asOf, loading, error } = useTable("sales")`, each a ref. When its data is
 * handed over again, they hold the new rows, and the page keeps its state.
 */
export function useTable<Name extends TableName>(name: Name): Refs<TableState<Tables[Name]>> {
  const source = tableSource(name);
  const state = shallowRef(source.current());
  onScopeDispose(
    source.subscribe(() => {
      state.value = source.current();
    }),
  );
  return {
    rows: computed(() => state.value.rows),
    columns: computed(() => state.value.columns),
    count: computed(() => state.value.count),
    asOf: computed(() => state.value.asOf),
    loading: computed(() => state.value.loading),
    error: computed(() => state.value.error),
  };
}
