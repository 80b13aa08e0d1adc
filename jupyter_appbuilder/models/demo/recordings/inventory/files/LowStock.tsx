import type { Product } from "../functions/_stock";

interface Props {
  products?: Product[];
}

export default function LowStock({ products }: Props) {
  if (!products) return <p className="app-muted">Loading …</p>;
  const low = products.filter(({ on_hand, minimum }) => on_hand < minimum);
  if (!low.length) return <p className="app-muted">Nothing: of each product there is enough.</p>;
  return (
    <ul className="low">
      {low.map(({ id, name, on_hand, minimum }) => (
        <li key={id}>
          <span>{name}</span>
          <strong>
            {on_hand} of {minimum}
          </strong>
        </li>
      ))}
    </ul>
  );
}
