import type { Context, Tables } from "app";

/** A product, and how many of it are there. */
export type Product = Tables["products"] & { on_hand: number };

export function stock(db: Context["db"]): Product[] {
  return db.all<Product>(
    `SELECT products.*, coalesce(sum(movements.quantity), 0) AS on_hand
     FROM products LEFT JOIN movements ON movements.product_id = products.id
     GROUP BY products.id ORDER BY products.category, products.name`,
  );
}

export function refused(detail: string): Response {
  return Response.json({ detail }, { status: 400 });
}

/** A whole number that a person entered, within bounds; null for all else. */
export function whole(value: unknown, least: number, most: number): number | null {
  return typeof value === "number" && Number.isInteger(value) && value >= least && value <= most ? value : null;
}
