import { useState } from "react";
import { ChevronLeft, ChevronRight } from "lucide-react";

import { Button } from "@/components/ui/button";
import { Table, TableBody, TableCell, TableHead, TableHeader, TableRow } from "@/components/ui/table";
import { colors, type Penguin } from "@/lib/penguins";

const PAGE = 8;

export function PenguinTable({ penguins }: { penguins: Penguin[] }) {
  const [wanted, setWanted] = useState(0);
  const pages = Math.max(1, Math.ceil(penguins.length / PAGE));
  const page = Math.min(wanted, pages - 1); // a filter may leave fewer pages than before
  const first = page * PAGE;
  const rows = penguins.slice(first, first + PAGE);
  return (
    <div className="flex flex-col gap-3">
      <Table>
        <TableHeader>
          <TableRow>
            <TableHead>Species</TableHead>
            <TableHead>Island</TableHead>
            <TableHead>Sex</TableHead>
            <TableHead className="text-right">Bill (mm)</TableHead>
            <TableHead className="text-right">Flipper (mm)</TableHead>
            <TableHead className="text-right">Mass (g)</TableHead>
            <TableHead className="text-right">Year</TableHead>
          </TableRow>
        </TableHeader>
        <TableBody>
          {rows.map((each) => (
            <TableRow key={each.id}>
              <TableCell className="font-medium">
                <span className="flex items-center gap-2">
                  <span aria-hidden className="size-2 rounded-full" style={{ background: colors[each.species] }} />
                  {each.species}
                </span>
              </TableCell>
              <TableCell>{each.island}</TableCell>
              <TableCell className="capitalize">{each.sex ?? "–"}</TableCell>
              <TableCell className="text-right tabular-nums">
                {each.billLength === null ? "–" : `${each.billLength} × ${each.billDepth ?? "–"}`}
              </TableCell>
              <TableCell className="text-right tabular-nums">{each.flipper ?? "–"}</TableCell>
              <TableCell className="text-right tabular-nums">{each.mass?.toLocaleString("en") ?? "–"}</TableCell>
              <TableCell className="text-right tabular-nums">{each.year}</TableCell>
            </TableRow>
          ))}
        </TableBody>
      </Table>
      <div className="flex items-center gap-2 text-sm text-muted-foreground">
        <p aria-live="polite" className="tabular-nums">
          {rows.length === 0 ? "No penguins" : `${first + 1}–${first + rows.length} of ${penguins.length}`}
        </p>
        <Button
          variant="outline"
          size="icon-sm"
          className="ml-auto"
          aria-label="Previous page"
          disabled={page === 0}
          onClick={() => setWanted(page - 1)}
        >
          <ChevronLeft aria-hidden />
        </Button>
        <Button
          variant="outline"
          size="icon-sm"
          aria-label="Next page"
          disabled={page === pages - 1}
          onClick={() => setWanted(page + 1)}
        >
          <ChevronRight aria-hidden />
        </Button>
      </div>
    </div>
  );
}
