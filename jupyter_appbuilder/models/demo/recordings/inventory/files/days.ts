import type { Context } from "app";

export interface Day {
  day: string;
  received: number;
  issued: number;
}

/** The last eight days on which something moved, the latest last. */
export function GET(_request: Request, { db }: Context): Day[] {
  return db
    .all<Day>(
      `SELECT substr(moved_at, 1, 10) AS day,
              sum(max(quantity, 0)) AS received, sum(max(-quantity, 0)) AS issued
       FROM movements GROUP BY day ORDER BY day DESC LIMIT 8`,
    )
    .reverse();
}
