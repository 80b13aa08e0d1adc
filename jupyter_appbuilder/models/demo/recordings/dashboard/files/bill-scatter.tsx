import { CartesianGrid, Scatter, ScatterChart, Tooltip, XAxis, YAxis } from "recharts";

import { ChartContainer, ChartTooltipCard, type ChartConfig } from "@/components/ui/chart";
import { colors, speciesNames, type Penguin } from "@/lib/penguins";

const config: ChartConfig = Object.fromEntries(speciesNames.map((name) => [name, { label: name, color: colors[name] }]));

/** Length against depth of the bill: the picture in which the three species part. */
export function BillScatter({ penguins }: { penguins: Penguin[] }) {
  const known = penguins.filter((each) => each.billLength !== null && each.billDepth !== null);
  return (
    <ChartContainer config={config} className="h-80" label="Scatter plot of bill length and bill depth by species">
      <ScatterChart margin={{ top: 8, right: 12, bottom: 16, left: 0 }}>
        <CartesianGrid strokeDasharray="3 3" />
        <XAxis
          type="number"
          dataKey="billLength"
          domain={[30, 60]}
          ticks={[30, 35, 40, 45, 50, 55, 60]}
          tickLine={false}
          axisLine={false}
          label={{ value: "Bill length (mm)", position: "insideBottom", offset: -10 }}
        />
        <YAxis
          type="number"
          dataKey="billDepth"
          domain={[12, 22]}
          ticks={[12, 14, 16, 18, 20, 22]}
          width={48}
          tickLine={false}
          axisLine={false}
          label={{ value: "Bill depth (mm)", angle: -90, position: "insideLeft", style: { textAnchor: "middle" } }}
        />
        <Tooltip
          cursor={{ strokeDasharray: "3 3" }}
          content={({ active, payload }) => {
            const penguin = payload?.[0]?.payload as Penguin | undefined;
            if (!active || !penguin) return null;
            return (
              <ChartTooltipCard
                title={penguin.species}
                rows={[
                  { label: "Bill length", value: `${penguin.billLength} mm`, color: colors[penguin.species] },
                  { label: "Bill depth", value: `${penguin.billDepth} mm` },
                  { label: "Island", value: penguin.island },
                ]}
              />
            );
          }}
        />
        {speciesNames.map((name) => (
          <Scatter
            key={name}
            name={name}
            data={known.filter((each) => each.species === name)}
            fill={`var(--color-${name})`}
            fillOpacity={0.75}
            isAnimationActive={false}
          />
        ))}
      </ScatterChart>
    </ChartContainer>
  );
}
