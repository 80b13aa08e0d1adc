"use client";

import type { CSSProperties, ReactElement, ReactNode } from "react";
import { ResponsiveContainer } from "recharts";

import { cn } from "@/lib/utils";

/** What the series of a chart are called and coloured, by their key. Colours become `var(--color-KEY)`. */
export type ChartConfig = Record<string, { label: string; color: string }>;

interface ChartContainerProps {
  config: ChartConfig;
  /** Says in words what the chart shows; read out by screen readers. */
  label: string;
  className?: string;
  children: ReactElement;
}

/** A frame that gives a recharts chart its size, colours and text styles. */
function ChartContainer({ config, label, className, children }: ChartContainerProps) {
  const colors = Object.fromEntries(Object.entries(config).map(([key, { color }]) => [`--color-${key}`, color]));
  return (
    <div
      data-slot="chart"
      role="group"
      aria-label={label}
      style={colors as CSSProperties}
      className={cn(
        "h-64 w-full text-xs [&_.recharts-cartesian-axis-tick-value]:fill-muted-foreground [&_.recharts-label]:fill-muted-foreground",
        "[&_.recharts-cartesian-grid_line]:stroke-border/70 [&_.recharts-layer]:outline-none [&_.recharts-sector]:outline-none",
        "[&_.recharts-surface]:rounded-md [&_.recharts-surface]:outline-none [&_.recharts-surface:focus-visible]:ring-2 [&_.recharts-surface:focus-visible]:ring-ring",
        className,
      )}
    >
      <ResponsiveContainer width="100%" height="100%" initialDimension={{ width: 480, height: 256 }}>
        {children}
      </ResponsiveContainer>
    </div>
  );
}

interface ChartTooltipCardProps {
  title?: ReactNode;
  rows: { label: string; value: ReactNode; color?: string }[];
}

/** The inside of a tooltip; pass it to recharts' `<Tooltip content={…}>`. */
function ChartTooltipCard({ title, rows }: ChartTooltipCardProps) {
  return (
    <div className="grid min-w-36 gap-1.5 rounded-lg border bg-popover px-3 py-2 text-xs text-popover-foreground shadow-lg">
      {title && <div className="font-medium">{title}</div>}
      {rows.map((row) => (
        <div key={row.label} className="flex items-center gap-2">
          {row.color && <span aria-hidden className="size-2 rounded-full" style={{ background: row.color }} />}
          <span className="text-muted-foreground">{row.label}</span>
          <span className="ml-auto pl-3 font-medium tabular-nums">{row.value}</span>
        </div>
      ))}
    </div>
  );
}

/** Colour and name of each series, as a list. */
function ChartLegendList({ config, className }: { config: ChartConfig; className?: string }) {
  return (
    <ul className={cn("flex flex-wrap gap-x-4 gap-y-1 text-xs text-muted-foreground", className)}>
      {Object.entries(config).map(([key, { label, color }]) => (
        <li key={key} className="flex items-center gap-1.5">
          <span aria-hidden className="size-2.5 rounded-full" style={{ background: color }} />
          {label}
        </li>
      ))}
    </ul>
  );
}

export { ChartContainer, ChartLegendList, ChartTooltipCard };
