"use client";

import { useEffect, useState } from "react";

/** Shows that the page is running, and for how long: it keeps counting while its code is replaced. */
export function LiveBadge() {
  const [seconds, setSeconds] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => setSeconds((value) => value + 1), 1000);
    return () => clearInterval(timer);
  }, []);
  const time = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  return (
    <div className="flex items-center gap-2 rounded-full border bg-card/70 py-1 pr-3 pl-2.5 text-sm backdrop-blur">
      <span aria-hidden className="relative flex size-2">
        <span className="absolute inline-flex size-full animate-ping rounded-full bg-chart-5 opacity-70" />
        <span className="relative inline-flex size-2 rounded-full bg-chart-5" />
      </span>
      <span className="font-medium">Live</span>
      <span className="text-muted-foreground tabular-nums">{time}</span>
    </div>
  );
}
