// Written by App Builder with the functions. It is written anew with them: change nothing here.
import { computed, shallowRef, toValue, watch, type ComputedRef, type MaybeRefOrGetter } from "vue";

import { pythonSource, type ArgumentsOf, type FunctionName, type PythonState, type ResultOf } from "./call-python";

type Refs<State> = { readonly [Key in keyof State]: ComputedRef<State[Key]> };

/**
 * A function of the notebook, each a ref: `const { data, loading, error, stale, reload } = usePython("forecast", () =>
 * ({ region: region.value }))`. It is called again when the arguments change, and while the notebook does not run;
 * `data` stays meanwhile, `stale` then.
 */
export function usePython<Name extends FunctionName>(
  name: Name,
  ...[given]: {} extends ArgumentsOf<Name>
    ? [given?: MaybeRefOrGetter<ArgumentsOf<Name>>]
    : [given: MaybeRefOrGetter<ArgumentsOf<Name>>]
): Refs<PythonState<ResultOf<Name>>> & { readonly reload: () => void } {
  const source = computed(() => pythonSource(name, toValue(given) ?? ({} as ArgumentsOf<Name>)));
  const state = shallowRef<PythonState<ResultOf<Name>>>(source.value.current());
  watch(
    source,
    (now, _, whenLeft) => {
      const take = () => {
        const { data, ...rest } = now.current();
        const last = state.value.data;
        const old = data === undefined && last !== undefined;
        state.value = old ? { ...rest, data: last, loading: false, stale: true } : now.current();
      };
      whenLeft(now.subscribe(take));
      take();
    },
    { immediate: true },
  );
  return {
    data: computed(() => state.value.data),
    loading: computed(() => state.value.loading),
    error: computed(() => state.value.error),
    stale: computed(() => state.value.stale),
    reload: () => source.value.reload(),
  };
}
