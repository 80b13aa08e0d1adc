import type { ReactNode } from "react";

import type { RidesRow } from "@/datasets/rides";
import { byDay, byWeek, byWeekday, shortDate, workAndWeekend, type Station } from "@/lib/rides";

interface ChartProps {
  rows: readonly RidesRow[];
  shown: readonly Station[];
}

const WIDTH = 360; // px; the picture grows with its place
const HEIGHT = 220;
const LEFT = 40;
const BOTTOM = HEIGHT - 26;
const TOP = 10;

/** A step of 1, 2 or 5 times a power of ten, so that four of them reach above `most`. */
function stepFor(most: number): number {
  const raw = Math.max(most, 1) / 4;
  const power = 10 ** Math.floor(Math.log10(raw));
  return ([1, 2, 5, 10].find((step) => step * power >= raw) ?? 10) * power;
}

/** The frame of a chart: lines across, what they stand for, and where a value lies. */
function Chart({ label, most, children }: { label: string; most: number; children: (y: (value: number) => number) => ReactNode }) {
  const step = stepFor(most);
  const y = (value: number) => BOTTOM - (value / (4 * step)) * (BOTTOM - TOP);
  return (
    <svg role="img" aria-label={label} viewBox={`0 0 ${WIDTH} ${HEIGHT}`} className="w-full text-[12px]">
      {[0, 1, 2, 3, 4].map((line) => (
        <g key={line}>
          <line x1={LEFT} x2={WIDTH} y1={y(line * step)} y2={y(line * step)} className="stroke-border" />
          <text x={LEFT - 6} y={y(line * step) + 4} textAnchor="end" className="fill-muted-foreground">
            {(line * step).toLocaleString("en")}
          </text>
        </g>
      ))}
      {children(y)}
    </svg>
  );
}

function AxisText({ x, children }: { x: number; children: ReactNode }) {
  return (
    <text x={x} y={HEIGHT - 6} textAnchor="middle" className="fill-muted-foreground">
      {children}
    </text>
  );
}

export function WeeklyRides({ rows, shown }: ChartProps) {
  const weeks = byWeek(rows);
  const most = Math.max(...weeks.flatMap((week) => shown.map(({ key }) => week[key])));
  const x = (at: number) => LEFT + 20 + (at / Math.max(weeks.length - 1, 1)) * (WIDTH - LEFT - 48);
  return (
    <Chart label="Line chart of rides a day by week and counter" most={most}>
      {(y) => (
        <>
          {shown.map(({ key, color }) => (
            <polyline
              key={key}
              points={weeks.map((week, at) => `${x(at)},${y(week[key])}`).join(" ")}
              fill="none"
              stroke={color}
              strokeWidth={2}
            />
          ))}
          {weeks.map((week, at) => at % 6 === 0 && <AxisText key={week.monday} x={x(at)}>{shortDate(week.monday)}</AxisText>)}
        </>
      )}
    </Chart>
  );
}

export function WeekdayRides({ rows, shown }: ChartProps) {
  const days = byWeekday(rows);
  const most = Math.max(...days.flatMap((day) => shown.map(({ key }) => day[key])));
  const slot = (WIDTH - LEFT) / days.length;
  const bar = (slot * 0.72) / shown.length;
  return (
    <Chart label="Bar chart of mean rides by weekday and counter" most={most}>
      {(y) =>
        days.map((day, at) => (
          <g key={day.day}>
            {shown.map(({ key, color, name }, number) => (
              <rect
                key={key}
                x={LEFT + at * slot + slot * 0.14 + number * bar}
                width={bar - 1}
                y={y(day[key])}
                height={BOTTOM - y(day[key])}
                rx={2}
                fill={color}
              >
                <title>{`${name}, ${day.day}: ${day[key].toLocaleString("en")}`}</title>
              </rect>
            ))}
            <AxisText x={LEFT + (at + 0.5) * slot}>{day.day}</AxisText>
          </g>
        ))
      }
    </Chart>
  );
}

export function WeatherRides({ rows }: { rows: readonly RidesRow[] }) {
  const days = byDay(rows);
  const most = Math.max(...days.map(({ rides }) => rides));
  const x = (temperature: number) => LEFT + 12 + (temperature / 30) * (WIDTH - LEFT - 40);
  return (
    <Chart label="Scatter plot of temperature and rides by day" most={most}>
      {(y) => (
        <>
          {days.map(({ date, rides, temperature }) => (
            <circle key={date} cx={x(temperature)} cy={y(rides)} r={4} fill="var(--chart-1)" fillOpacity={0.65}>
              <title>{`${shortDate(date)}: ${rides.toLocaleString("en")} rides at ${temperature} °C`}</title>
            </circle>
          ))}
          {[0, 10, 20, 30].map((degrees) => (
            <AxisText key={degrees} x={x(degrees)}>
              {degrees} °C
            </AxisText>
          ))}
        </>
      )}
    </Chart>
  );
}

/** The notebook's first table: the mean of a day at work and at the weekend. */
export function WorkAndWeekend({ rows, shown }: ChartProps) {
  const { work, weekend } = workAndWeekend(rows);
  return (
    <table className="w-full text-sm tabular-nums">
      <thead className="text-muted-foreground">
        <tr>
          <th scope="col" className="py-2 text-left font-medium">
            Counter
          </th>
          <th scope="col" className="py-2 text-right font-medium">
            Mon to Fri
          </th>
          <th scope="col" className="py-2 text-right font-medium">
            Weekend
          </th>
        </tr>
      </thead>
      <tbody>
        {shown.map(({ key, name }) => (
          <tr key={key} className="border-t">
            <td className="py-2.5">{name}</td>
            <td className="py-2.5 text-right">{work[key].toLocaleString("en")}</td>
            <td className="py-2.5 text-right">{weekend[key].toLocaleString("en")}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
