import type { Day } from "../functions/days";

interface Props {
  days?: Day[];
}

const BARS = 170; // px, of the longest bars in both directions together
const LABEL = 22; // px

/** What came in above the line, what went out below it, day by day. */
export default function MovementChart({ days }: Props) {
  if (!days) return <p className="app-muted">Loading …</p>;
  if (!days.length) return <p className="app-muted">Nothing has moved yet.</p>;
  const [first, last] = [days[0]!.day, days.at(-1)!.day];
  const highest = Math.max(...days.map(({ received }) => received));
  const lowest = Math.max(...days.map(({ issued }) => issued));
  const unit = BARS / (highest + lowest);
  const middle = LABEL + highest * unit; // where the line is
  const height = middle + lowest * unit + 2 * LABEL;
  const slot = 100 / days.length; // percent of the width
  return (
    <figure className="chart">
      <svg role="img" aria-label={`Units that came in and went out on ${days.length} days`} height={height}>
        <line x1="0" x2="100%" y1={middle} y2={middle} className="chart-axis" />
        {days.map(({ day, received, issued }, at) => {
          const centre = `${(at + 0.5) * slot}%`;
          const bar = { x: `${(at + 0.22) * slot}%`, width: `${0.56 * slot}%`, rx: 3 };
          const up = received * unit;
          const down = issued * unit;
          return (
            <g key={day}>
              {received > 0 && <rect {...bar} y={middle - up} height={up} className="chart-in" />}
              {received > 0 && (
                <text x={centre} y={middle - up - 6}>
                  {received}
                </text>
              )}
              {issued > 0 && <rect {...bar} y={middle} height={down} className="chart-out" />}
              {issued > 0 && (
                <text x={centre} y={middle + down + 16}>
                  {issued}
                </text>
              )}
              <text x={centre} y={height - 4} className="chart-day">
                {Number(day.slice(8))}
              </text>
            </g>
          );
        })}
      </svg>
      <figcaption>
        <span>
          {shortDay(first)} to {shortDay(last)}
        </span>{" "}
        <span className="key key-in">Came in</span> <span className="key key-out">Went out</span>
      </figcaption>
    </figure>
  );
}

function shortDay(day: string): string {
  return new Date(`${day}T12:00:00Z`).toLocaleDateString("en", { day: "numeric", month: "short", timeZone: "UTC" });
}
