import { useState, type ReactNode } from "react";
import { Plus } from "lucide-react";

import { Button } from "@/components/ui/button";
import type { Status } from "@/lib/tasks";
import { cn } from "@/lib/utils";

interface BoardColumnProps {
  status: Status;
  title: string;
  empty: string;
  count: number;
  onAdd: () => void;
  onDrop: (id: string) => void;
  children: ReactNode;
}

const dots: Record<Status, string> = { todo: "bg-chart-3", doing: "bg-chart-1", done: "bg-chart-5" };

export function BoardColumn({ status, title, empty, count, onAdd, onDrop, children }: BoardColumnProps) {
  const [over, setOver] = useState(false);
  return (
    <section
      aria-labelledby={`column-${status}`}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={(event) => {
        if (!event.currentTarget.contains(event.relatedTarget as Node | null)) setOver(false);
      }}
      onDropCapture={() => setOver(false)}
      onDrop={(event) => onDrop(event.dataTransfer.getData("text/plain"))}
      className={cn(
        "flex flex-col gap-3 rounded-2xl bg-muted/70 p-3 dark:bg-muted/30 transition-shadow md:min-h-96",
        over && "ring-2 ring-primary/60",
      )}
    >
      <header className="flex items-center gap-2 pl-1.5">
        <span aria-hidden className={cn("size-2 rounded-full", dots[status])} />
        <h2 id={`column-${status}`} className="text-sm font-semibold">
          {title}
        </h2>
        <span className="text-sm text-muted-foreground tabular-nums">{count}</span>
        <Button
          variant="ghost"
          size="icon-sm"
          className="ml-auto text-muted-foreground"
          aria-label={`Add a task to ${title}`}
          onClick={onAdd}
        >
          <Plus aria-hidden />
        </Button>
      </header>
      {count === 0 ? (
        <p className="grid flex-1 place-items-center rounded-lg border border-dashed p-6 text-center text-sm text-balance text-muted-foreground">
          {empty}
        </p>
      ) : (
        <ul className="flex flex-col gap-2.5">{children}</ul>
      )}
    </section>
  );
}
