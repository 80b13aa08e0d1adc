import type { Context } from "app";

import { refused, stock, whole, type Product } from "./_stock";

const CATEGORIES = ["Coffee", "Tea", "Equipment"];

export function GET(_request: Request, { db }: Context): Product[] {
  return stock(db);
}

export async function POST(request: Request, { db }: Context): Promise<Response | { id: number }> {
  const given = (await request.json()) as Record<string, unknown>;
  const name = String(given.name ?? "").trim();
  const code = String(given.code ?? "").trim().toUpperCase();
  const category = String(given.category ?? "");
  const price = Number(given.price ?? Number.NaN);
  const minimum = whole(given.minimum, 0, 100_000);
  const first = whole(given.on_hand ?? 0, 0, 100_000);
  if (!name || name.length > 100) return refused("A product needs a name of 100 characters at most.");
  if (!/^[A-Z0-9-]{1,20}$/.test(code)) return refused("A code has letters, digits and dashes, 20 at most.");
  if (!CATEGORIES.includes(category)) return refused(`Choose a category: ${CATEGORIES.join(", ")}.`);
  if (!(price >= 0 && price <= 100_000)) return refused("The price is an amount from 0 to 100,000.");
  if (minimum === null || first === null) return refused("Quantities are whole numbers from 0 to 100,000.");
  if (db.get("SELECT 1 FROM products WHERE code = ?", code)) return refused(`There is a product ${code} already.`);
  return db.transaction(() => {
    const { lastInsertRowid: id } = db.run(
      "INSERT INTO products (code, name, category, price_cents, minimum) VALUES (?, ?, ?, ?, ?)",
      code,
      name,
      category,
      Math.round(price * 100),
      minimum,
    );
    if (first) db.run("INSERT INTO movements (product_id, quantity, note) VALUES (?, ?, 'First count')", id, first);
    return { id };
  });
}
