import type { Context, Tables } from "app";

import { refused, stock, whole } from "./_stock";

export type Movement = Tables["movements"] & { product: string; day: string };

export function GET(_request: Request, { db }: Context): Movement[] {
  return db.all<Movement>(
    `SELECT movements.*, products.name AS product, substr(movements.moved_at, 1, 10) AS day
     FROM movements JOIN products ON products.id = movements.product_id
     ORDER BY movements.moved_at DESC, movements.id DESC LIMIT 100`,
  );
}

export async function POST(request: Request, { db }: Context): Promise<Response | { id: number }> {
  const given = (await request.json()) as Record<string, unknown>;
  const quantity = whole(given.quantity, -100_000, 100_000);
  const product = stock(db).find(({ id }) => id === given.product_id);
  if (!product) return refused("There is no such product.");
  if (!quantity) return refused("The quantity is a whole number, below 0 for what goes out.");
  if (product.on_hand + quantity < 0) return refused(`There are only ${product.on_hand} of ${product.name}.`);
  const note = String(given.note ?? "").trim().slice(0, 200);
  const { lastInsertRowid } = db.run(
    "INSERT INTO movements (product_id, quantity, note) VALUES (?, ?, ?)",
    product.id,
    quantity,
    note,
  );
  return { id: lastInsertRowid };
}
