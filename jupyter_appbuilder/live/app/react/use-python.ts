// Written by App Builder with the functions. It is written anew with them: change nothing here.
import { useRef, useSyncExternalStore } from "react";

import { pythonSource, type ArgumentsOf, type FunctionName, type PythonState, type ResultOf } from "./call-python";

/** What a call came to. `reload` calls again. */
export type PythonResult<Result> = PythonState<Result> & { readonly reload: () => void };

/**
 * A function of the notebook: `const { data, loading, error, stale, reload } = usePython("forecast", { region })`. It is
 * called again when the arguments change, and while the notebook does not run; `data` stays meanwhile, `stale` then.
 */
export function usePython<Name extends FunctionName>(
  name: Name,
  ...[given]: {} extends ArgumentsOf<Name> ? [given?: ArgumentsOf<Name>] : [given: ArgumentsOf<Name>]
): PythonResult<ResultOf<Name>> {
  const source = pythonSource(name, given ?? ({} as ArgumentsOf<Name>));
  const state = useSyncExternalStore(source.subscribe, source.current, source.current);
  const last = useRef<ResultOf<Name> | undefined>(undefined);
  const reload = source.reload;
  if (state.data !== undefined) last.current = state.data;
  if (state.data !== undefined || last.current === undefined) return { ...state, reload };
  return { ...state, data: last.current, loading: false, stale: true, reload };
}
