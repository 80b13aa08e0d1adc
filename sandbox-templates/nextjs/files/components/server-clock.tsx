"use client";

import { Server } from "lucide-react";
import { useEffect, useState } from "react";

import { url } from "@/lib/utils";

/** Asks app/api/time/route.ts: shows that the app has a server side. */
export function ServerClock() {
  const [said, setSaid] = useState("asking the server …");
  useEffect(() => {
    fetch(url("/api/time"))
      .then((answer) => answer.json() as Promise<{ now: string }>)
      .then(({ now }) => setSaid(`the server answered at ${new Date(now).toLocaleTimeString()}`))
      .catch(() => setSaid("the server did not answer"));
  }, []);
  return (
    <p className="flex items-center gap-2 text-sm text-muted-foreground">
      <Server aria-hidden className="size-4" />
      <code className="rounded bg-muted px-1.5 py-0.5 font-mono text-xs text-foreground">GET /api/time</code>
      {said}
    </p>
  );
}
