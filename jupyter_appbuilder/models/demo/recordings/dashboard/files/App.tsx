import { useState, type ReactNode } from "react";
import { CircleAlert, SearchX } from "lucide-react";

import { BillScatter } from "@/components/bill-scatter";
import { FilterBar } from "@/components/filter-bar";
import { IslandBars } from "@/components/island-bars";
import { MassHistogram } from "@/components/mass-histogram";
import { PenguinTable } from "@/components/penguin-table";
import { SummaryCards } from "@/components/summary-cards";
import { ThemeToggle } from "@/components/theme-toggle";
import { Alert, AlertDescription, AlertTitle } from "@/components/ui/alert";
import { Button } from "@/components/ui/button";
import { Card, CardContent, CardDescription, CardHeader, CardTitle } from "@/components/ui/card";
import { Skeleton } from "@/components/ui/skeleton";
import { usePenguins } from "@/hooks/use-penguins";
import { matches, noFilters, type Penguin } from "@/lib/penguins";

export default function App() {
  const data = usePenguins();
  return (
    <div className="mx-auto flex min-h-dvh max-w-6xl flex-col gap-6 px-5 py-8 sm:px-8">
      <header className="flex items-start justify-between gap-4">
        <div>
          <h1 className="text-2xl font-semibold tracking-tight">Palmer penguins</h1>
          <p className="text-muted-foreground">Three species, three islands, three years near Palmer Station, Antarctica.</p>
        </div>
        <ThemeToggle />
      </header>
      <main className="flex flex-col gap-6">
        {data.state === "loading" && <Loading />}
        {data.state === "failed" && (
          <Alert variant="destructive">
            <CircleAlert aria-hidden />
            <AlertTitle>No data</AlertTitle>
            <AlertDescription>{data.message}</AlertDescription>
          </Alert>
        )}
        {data.state === "ready" && <Dashboard penguins={data.penguins} />}
      </main>
      <footer className="text-xs text-muted-foreground">
        Data: Gorman, Williams and Fraser (2014), Palmer Station LTER, CC0.
      </footer>
    </div>
  );
}

function Dashboard({ penguins }: { penguins: Penguin[] }) {
  const [filters, setFilters] = useState(noFilters);
  const shown = penguins.filter((each) => matches(each, filters));
  return (
    <>
      <FilterBar filters={filters} onChange={setFilters} />
      <SummaryCards shown={shown} total={penguins.length} />
      {shown.length === 0 ? (
        <div className="flex flex-col items-center gap-3 rounded-xl border border-dashed py-16 text-center">
          <SearchX aria-hidden className="size-8 text-muted-foreground" />
          <p className="text-muted-foreground">No penguin matches these filters.</p>
          <Button variant="outline" onClick={() => setFilters(noFilters)}>
            Show all
          </Button>
        </div>
      ) : (
        <>
          <Panel title="Bill shape" description="Each dot is a bird; the species part clearly.">
            <BillScatter penguins={shown} />
          </Panel>
          <div className="grid gap-6 lg:grid-cols-2">
            <Panel title="Where they live" description="Birds by island.">
              <IslandBars penguins={shown} />
            </Panel>
            <Panel title="Body mass" description="Birds in steps of 250 g.">
              <MassHistogram penguins={shown} />
            </Panel>
          </div>
          <Panel title="All measurements" description="Every bird that matches the filters.">
            <PenguinTable penguins={shown} />
          </Panel>
        </>
      )}
    </>
  );
}

interface PanelProps {
  title: string;
  description: string;
  children: ReactNode;
}

function Panel({ title, description, children }: PanelProps) {
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

function Loading() {
  return (
    <div role="status" aria-label="Loading the data" className="flex flex-col gap-6">
      <Skeleton className="h-24" />
      <div className="grid grid-cols-2 gap-4 lg:grid-cols-4">
        {[1, 2, 3, 4].map((each) => (
          <Skeleton key={each} className="h-24" />
        ))}
      </div>
      <Skeleton className="h-96" />
    </div>
  );
}
