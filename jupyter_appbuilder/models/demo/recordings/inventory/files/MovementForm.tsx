import { useId, useState, type FormEvent } from "react";

import type { Product } from "../functions/_stock";

interface Props {
  products?: Product[];
  onRecord: (movement: { product_id: number; quantity: number; note: string }) => Promise<unknown>;
}

export default function MovementForm({ products, onRecord }: Props) {
  const [chosen, setChosen] = useState(0);
  const [way, setWay] = useState<"in" | "out">("in");
  const [quantity, setQuantity] = useState("1");
  const [note, setNote] = useState("");
  const [error, setError] = useState("");
  const id = useId();
  if (!products) return <p className="app-muted">Loading …</p>;
  const product = products.find((one) => one.id === chosen) ?? products[0];
  if (!product) return <p className="app-muted">Add a product first.</p>;
  const none = way === "out" && product.on_hand === 0;

  async function record(event: FormEvent, { id: product_id }: Product) {
    event.preventDefault();
    setError("");
    try {
      await onRecord({ product_id, quantity: way === "in" ? Number(quantity) : -Number(quantity), note });
      setQuantity("1");
      setNote("");
    } catch (failed) {
      setError(failed instanceof Error ? failed.message : String(failed));
    }
  }

  return (
    <form className="app-form" onSubmit={(event) => void record(event, product)}>
      <div className="app-field">
        <label htmlFor={`${id}-product`}>Product</label>
        <select id={`${id}-product`} value={product.id} onChange={(event) => setChosen(Number(event.target.value))}>
          {products.map((one) => (
            <option key={one.id} value={one.id}>
              {one.name}
            </option>
          ))}
        </select>
        <small className="app-muted">{product.on_hand} in stock</small>
      </div>
      <fieldset className="ways">
        <legend>Direction</legend>
        {(["in", "out"] as const).map((one) => (
          <label key={one}>
            <input type="radio" name={`${id}-way`} checked={way === one} onChange={() => setWay(one)} />
            {one === "in" ? "Comes in" : "Goes out"}
          </label>
        ))}
      </fieldset>
      <div className="app-field">
        <label htmlFor={`${id}-quantity`}>Quantity</label>
        <input
          id={`${id}-quantity`}
          type="number"
          required
          min={1}
          max={way === "out" ? product.on_hand : 100_000}
          value={quantity}
          onChange={(event) => setQuantity(event.target.value)}
        />
      </div>
      <div className="app-field">
        <label htmlFor={`${id}-note`}>Note</label>
        <input id={`${id}-note`} maxLength={200} value={note} onChange={(event) => setNote(event.target.value)} />
      </div>
      {error && (
        <p role="alert" className="app-error">
          {error}
        </p>
      )}
      {none && <p className="app-muted">None is there to go out.</p>}
      <button className="app-button" disabled={none}>
        Record
      </button>
    </form>
  );
}
