import { Bar, BarChart, CartesianGrid, Tooltip, XAxis, YAxis } from "recharts";

import { ChartContainer, ChartTooltipCard, type ChartConfig } from "@/components/ui/chart";
import { colors, speciesNames, type Penguin } from "@/lib/penguins";

const config: ChartConfig = Object.fromEntries(speciesNames.map((name) => [name, { label: name, color: colors[name] }]));

const WIDTH = 250; // g
const STARTS = Array.from({ length: 16 }, (_, index) => 2500 + index * WIDTH);

/** How body mass is spread, in steps of 250 g. */
export function MassHistogram({ penguins }: { penguins: Penguin[] }) {
  const bins = STARTS.map((start) => {
    const inside = penguins.filter(({ mass }) => mass !== null && mass >= start && mass < start + WIDTH);
    return {
      start,
      name: (start / 1000).toFixed(1),
      ...Object.fromEntries(speciesNames.map((name) => [name, inside.filter((each) => each.species === name).length])),
    };
  });
  return (
    <ChartContainer config={config} label="Histogram of body mass by species">
      <BarChart data={bins} barCategoryGap={2} margin={{ top: 8, right: 8, bottom: 14, left: 0 }}>
        <CartesianGrid vertical={false} />
        <XAxis
          dataKey="name"
          interval={1}
          tickLine={false}
          axisLine={false}
          label={{ value: "Body mass (kg)", position: "insideBottom", offset: -8 }}
        />
        <YAxis width={32} allowDecimals={false} tickLine={false} axisLine={false} />
        <Tooltip
          cursor={{ fill: "var(--muted)", opacity: 0.6 }}
          content={({ active, payload }) => {
            const bin = payload?.[0]?.payload as { start: number } | undefined;
            if (!active || !bin) return null;
            return (
              <ChartTooltipCard
                title={`${bin.start.toLocaleString("en")} – ${(bin.start + WIDTH).toLocaleString("en")} g`}
                rows={speciesNames.map((name) => ({
                  label: name,
                  value: payload.find((item) => item.dataKey === name)?.value ?? 0,
                  color: colors[name],
                }))}
              />
            );
          }}
        />
        {speciesNames.map((name) => (
          <Bar key={name} dataKey={name} stackId="mass" fill={`var(--color-${name})`} isAnimationActive={false} />
        ))}
      </BarChart>
    </ChartContainer>
  );
}
