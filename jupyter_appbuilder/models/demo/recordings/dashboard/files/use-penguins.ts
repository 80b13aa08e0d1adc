import { useEffect, useState } from "react";

import { parsePenguins, type Penguin } from "@/lib/penguins";

type Loading = { state: "loading" } | { state: "failed"; message: string } | { state: "ready"; penguins: Penguin[] };

export function usePenguins(): Loading {
  const [result, setResult] = useState<Loading>({ state: "loading" });

  useEffect(() => {
    let current = true; // false once nobody waits for the answer
    fetch(`${import.meta.env.BASE_URL}data/penguins.csv`)
      .then((response) => {
        if (!response.ok) throw new Error(`The data could not be loaded (${response.status}).`);
        return response.text();
      })
      .then((text) => {
        if (current) setResult({ state: "ready", penguins: parsePenguins(text) });
      })
      .catch((error: Error) => {
        if (current) setResult({ state: "failed", message: error.message });
      });
    return () => {
      current = false;
    };
  }, []);

  return result;
}
