import { Bar, BarChart, CartesianGrid, Tooltip, XAxis, YAxis } from "recharts";

import { ChartContainer, ChartTooltipCard, type ChartConfig } from "@/components/ui/chart";
import { colors, islandNames, speciesNames, type Penguin } from "@/lib/penguins";

const config: ChartConfig = Object.fromEntries(speciesNames.map((name) => [name, { label: name, color: colors[name] }]));

/** How many of each species live on each island. */
export function IslandBars({ penguins }: { penguins: Penguin[] }) {
  const rows = islandNames.map((island) => ({
    island,
    ...Object.fromEntries(
      speciesNames.map((name) => [
        name,
        penguins.filter((each) => each.island === island && each.species === name).length,
      ]),
    ),
  }));
  return (
    <ChartContainer config={config} label="Bar chart of the number of penguins by island and species">
      <BarChart data={rows} margin={{ top: 8, right: 8, bottom: 0, left: 0 }}>
        <CartesianGrid vertical={false} />
        <XAxis dataKey="island" tickLine={false} axisLine={false} />
        <YAxis width={32} allowDecimals={false} tickLine={false} axisLine={false} />
        <Tooltip
          cursor={{ fill: "var(--muted)", opacity: 0.6 }}
          content={({ active, payload, label }) =>
            active && (
              <ChartTooltipCard
                title={label}
                rows={speciesNames.map((name) => ({
                  label: name,
                  value: payload.find((item) => item.dataKey === name)?.value ?? 0,
                  color: colors[name],
                }))}
              />
            )
          }
        />
        {speciesNames.map((name) => (
          <Bar key={name} dataKey={name} stackId="island" fill={`var(--color-${name})`} maxBarSize={56} isAnimationActive={false} />
        ))}
      </BarChart>
    </ChartContainer>
  );
}
