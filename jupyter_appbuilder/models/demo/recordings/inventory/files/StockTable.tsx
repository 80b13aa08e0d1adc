import { useId, useState } from "react";

import type { Product } from "../functions/_stock";

interface Props {
  products?: Product[];
}

const money = new Intl.NumberFormat("en", { style: "currency", currency: "EUR" });

export default function StockTable({ products }: Props) {
  const [search, setSearch] = useState("");
  const id = useId();
  if (!products) return <p className="app-muted">Loading …</p>;
  const wanted = search.trim().toLowerCase();
  const rows = products.filter(({ name, code, category }) => `${name} ${code} ${category}`.toLowerCase().includes(wanted));
  return (
    <>
      <div className="search">
        <label htmlFor={id}>Search products</label>
        <input id={id} type="search" value={search} onChange={(event) => setSearch(event.target.value)} />
      </div>
      {rows.length === 0 ? (
        <p className="app-muted">No product fits “{search}”.</p>
      ) : (
        <div className="app-table" tabIndex={0} role="region" aria-label="Products">
          <table>
            <thead>
              <tr>
                <th scope="col">Product</th>
                <th scope="col" className="wide">
                  Category
                </th>
                <th scope="col" className="app-number wide">
                  Price
                </th>
                <th scope="col" className="app-number">
                  In stock
                </th>
                <th scope="col">State</th>
              </tr>
            </thead>
            <tbody>
              {rows.map((product) => (
                <tr key={product.id}>
                  <td>
                    {product.name} <small className="app-muted">{product.code}</small>
                  </td>
                  <td className="wide">{product.category}</td>
                  <td className="app-number wide">{money.format(product.price_cents / 100)}</td>
                  <td className="app-number">{product.on_hand}</td>
                  <td>
                    <State product={product} />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </>
  );
}

function State({ product: { on_hand, minimum } }: { product: Product }) {
  if (on_hand === 0) return <span className="state state-out">Out</span>;
  if (on_hand < minimum) return <span className="state state-low">Low</span>;
  return <span className="state">Fine</span>;
}
