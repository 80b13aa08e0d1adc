import type { Value } from "../functions/values";

interface Props {
  values?: Value[];
}

const money = new Intl.NumberFormat("en", { style: "currency", currency: "EUR" });

export default function ValueByCategory({ values }: Props) {
  if (!values) return <p className="app-muted">Loading …</p>;
  if (!values.length) return <p className="app-muted">There is no stock yet.</p>;
  const most = Math.max(...values.map(({ value_cents }) => value_cents), 1);
  const total = values.reduce((sum, { value_cents }) => sum + value_cents, 0);
  return (
    <>
      <ul className="values">
        {values.map(({ category, units, value_cents }) => (
          <li key={category}>
            <span>
              {category} <small className="app-muted">{units} units</small>
            </span>
            <strong>{money.format(value_cents / 100)}</strong>
            <svg aria-hidden="true" height="10">
              <rect width="100%" height="10" rx="5" className="value-track" />
              <rect width={`${(100 * value_cents) / most}%`} height="10" rx="5" className="chart-in" />
            </svg>
          </li>
        ))}
      </ul>
      <p className="values-total">
        <span>Together</span> <strong>{money.format(total / 100)}</strong>
      </p>
    </>
  );
}
