import type { Context } from "app";

export interface Value {
  category: string;
  units: number;
  value_cents: number;
}

/** What the stock of each category is worth, the most first. */
export function GET(_request: Request, { db }: Context): Value[] {
  return db.all<Value>(
    `SELECT products.category, sum(movements.quantity) AS units,
            sum(movements.quantity * products.price) AS value_cents
     FROM products JOIN movements ON movements.product_id = products.id
     GROUP BY products.category ORDER BY value_cents DESC`,
  );
}
