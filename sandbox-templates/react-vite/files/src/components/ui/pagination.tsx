import { ChevronLeft, ChevronRight } from "lucide-react";

import { Button } from "@/components/ui/button";
import { cn } from "@/lib/utils";

interface PaginationProps {
  /** Counts from 1. */
  page: number;
  pages: number;
  onPageChange: (page: number) => void;
  className?: string;
}

/** Page numbers, the first, the last and those around the present one. */
function Pagination({ page, pages, onPageChange, className }: PaginationProps) {
  const shown = Array.from({ length: pages }, (_, index) => index + 1).filter(
    (number) => number === 1 || number === pages || Math.abs(number - page) <= 1,
  );
  return (
    <nav aria-label="Pages" className={cn("flex items-center gap-1", className)}>
      <Button
        variant="ghost"
        size="icon-sm"
        aria-label="Previous page"
        disabled={page <= 1}
        onClick={() => onPageChange(page - 1)}
      >
        <ChevronLeft aria-hidden />
      </Button>
      {shown.map((number, index) => (
        <span key={number} className="flex items-center gap-1">
          {index > 0 && number - (shown[index - 1] ?? 0) > 1 && <span aria-hidden>…</span>}
          <Button
            variant={number === page ? "outline" : "ghost"}
            size="icon-sm"
            aria-label={`Page ${number}`}
            aria-current={number === page ? "page" : undefined}
            onClick={() => onPageChange(number)}
          >
            {number}
          </Button>
        </span>
      ))}
      <Button
        variant="ghost"
        size="icon-sm"
        aria-label="Next page"
        disabled={page >= pages}
        onClick={() => onPageChange(page + 1)}
      >
        <ChevronRight aria-hidden />
      </Button>
    </nav>
  );
}

export { Pagination };
