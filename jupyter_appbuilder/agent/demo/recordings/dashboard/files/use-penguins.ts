import { useEffect, useState } from "react";

import { parsePenguins, type Penguin } from "@/lib/penguins";

type Loading = { state: "loading" } | { state: "failed"; message: string } | { state: "ready"; penguins: Penguin[] };

export function usePenguins(): Loading {
  const [result, setResult] = useState<Loading>({ state: "loading" });

  useEffect(() => {
    const abort = new AbortController();
    fetch(`${import.meta.env.BASE_URL}data/penguins.csv`, { signal: abort.signal })
      .then((response) => {
        if (!response.ok) throw new Error(`The data could not be loaded (${response.status}).`);
        return response.text();
      })
      .then((text) => setResult({ state: "ready", penguins: parsePenguins(text) }))
      .catch((error: Error) => {
        if (!abort.signal.aborted) setResult({ state: "failed", message: error.message });
      });
    return () => abort.abort();
  }, []);

  return result;
}
