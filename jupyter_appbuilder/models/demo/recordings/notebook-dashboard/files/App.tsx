import { useState, type ReactNode } from "react";

import { WeatherRides, WeekdayRides, WeeklyRides, WorkAndWeekend } from "@/components/ride-charts";
import { ThemeToggle } from "@/components/theme-toggle";
import { Card, CardContent, CardDescription, CardHeader, CardTitle } from "@/components/ui/card";
import { Skeleton } from "@/components/ui/skeleton";
import type { RidesRow } from "@/datasets/rides";
import { useTable } from "@/datasets/use-table";
import { stations, sum } from "@/lib/rides";
import { cn } from "@/lib/utils";

const DRY = 1; // mm a day

export default function App() {
  const { rows, asOf, loading, error } = useTable("rides");
  return (
    <div className="mx-auto flex min-h-dvh max-w-6xl flex-col gap-6 px-5 py-8 sm:px-8">
      <header className="flex items-start justify-between gap-4">
        <div>
          <h1 className="text-2xl font-semibold tracking-tight">Bicycle counts</h1>
          <p className="text-muted-foreground">Three counters in the summer half of 2025, and the weather.</p>
        </div>
        <ThemeToggle />
      </header>
      <main className="flex flex-col gap-6">
        {error ? (
          <p role="alert" className="rounded-xl border border-destructive p-5">
            {error.message}
          </p>
        ) : loading ? (
          <div role="status" aria-label="Loading the data" className="flex flex-col gap-6">
            <Skeleton className="h-20" />
            <Skeleton className="h-28" />
            <Skeleton className="h-96" />
          </div>
        ) : (
          <Dashboard rows={rows} />
        )}
      </main>
      <footer className="text-xs text-muted-foreground">
        From bicycles.ipynb; the counts are invented.{asOf && ` Data as of ${new Date(asOf).toLocaleDateString("en")}.`}
      </footer>
    </div>
  );
}

function Dashboard({ rows }: { rows: readonly RidesRow[] }) {
  const [chosen, setChosen] = useState<string[]>(stations.map(({ name }) => name));
  const [dry, setDry] = useState(false);
  const shown = stations.filter(({ name }) => chosen.includes(name));
  const filtered = rows.filter((row) => chosen.includes(row.station) && (!dry || row.rain_mm < DRY));
  const days = new Set(filtered.map((row) => row.date)).size;

  const toggle = (name: string) =>
    setChosen((all) => (all.includes(name) ? all.filter((each) => each !== name) : [...all, name]));

  return (
    <>
      <section
        aria-label="Filters"
        className="flex flex-wrap items-center gap-x-6 gap-y-4 rounded-xl border bg-card px-5 py-4 shadow-xs"
      >
        <div role="group" aria-label="Counters" className="flex flex-wrap gap-2">
          {stations.map(({ name, color }) => (
            <button
              key={name}
              type="button"
              aria-pressed={chosen.includes(name)}
              onClick={() => toggle(name)}
              className={cn(
                "inline-flex h-9 items-center gap-2 rounded-full border px-3.5 text-sm font-medium outline-none focus-visible:ring-[3px] focus-visible:ring-ring/50",
                chosen.includes(name) ? "border-transparent bg-accent text-accent-foreground" : "text-muted-foreground",
              )}
            >
              <span
                aria-hidden
                className="size-2.5 rounded-full border-2"
                style={{ borderColor: color, background: chosen.includes(name) ? color : "transparent" }}
              />
              {name}
            </button>
          ))}
        </div>
        <label className="flex items-center gap-2 text-sm font-medium">
          <input type="checkbox" checked={dry} onChange={(event) => setDry(event.target.checked)} className="size-4" />
          Dry days only
        </label>
      </section>
      <div className="grid grid-cols-2 gap-4 *:first:col-span-2 sm:grid-cols-3 sm:*:first:col-span-1">
        <Figure label="Rides" value={sum(filtered).toLocaleString("en")} />
        <Figure label="Days" value={String(days)} />
        <Figure label="Rides a day" value={days ? Math.round(sum(filtered) / days).toLocaleString("en") : "–"} />
      </div>
      {filtered.length === 0 ? (
        <p className="rounded-xl border border-dashed py-16 text-center text-muted-foreground">
          Nothing fits these filters. Choose a counter.
        </p>
      ) : (
        <>
          <div className="grid gap-6 md:grid-cols-2">
            <Panel title="By week" description="Rides a day, as the mean of each week.">
              <WeeklyRides rows={filtered} shown={shown} />
            </Panel>
            <Panel title="By weekday" description="The park is for weekends, the road for working days.">
              <WeekdayRides rows={filtered} shown={shown} />
            </Panel>
            <Panel title="Weather" description="Each dot is a day: warm ones bring more people.">
              <WeatherRides rows={filtered} />
            </Panel>
            <Panel title="Work and weekend" description="The mean of a day.">
              <WorkAndWeekend rows={filtered} shown={shown} />
            </Panel>
          </div>
        </>
      )}
    </>
  );
}

function Figure({ label, value }: { label: string; value: string }) {
  return (
    <Card className="py-4">
      <CardContent>
        <dl>
          <dt className="text-sm text-muted-foreground">{label}</dt>
          <dd className="text-2xl font-semibold tracking-tight tabular-nums">{value}</dd>
        </dl>
      </CardContent>
    </Card>
  );
}

function Panel({ title, description, children }: { title: string; description: string; children: ReactNode }) {
  return (
    <Card className="min-w-0">
      <CardHeader>
        <CardTitle role="heading" aria-level={2}>
          {title}
        </CardTitle>
        <CardDescription>{description}</CardDescription>
      </CardHeader>
      <CardContent>{children}</CardContent>
    </Card>
  );
}
