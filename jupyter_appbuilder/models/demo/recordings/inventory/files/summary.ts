import type { Context } from "app";

import { stock } from "./_stock";

export function GET(_request: Request, { db }: Context): { products: number; units: number; low: number } {
  const products = stock(db);
  return {
    products: products.length,
    units: products.reduce((sum, { on_hand }) => sum + on_hand, 0),
    low: products.filter(({ on_hand, minimum }) => on_hand < minimum).length,
  };
}
