CREATE TABLE products (
  id INTEGER PRIMARY KEY,
  code TEXT NOT NULL UNIQUE COLLATE NOCASE,
  name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
  category TEXT NOT NULL CHECK (category IN ('Coffee', 'Tea', 'Equipment')),
  price_cents INTEGER NOT NULL CHECK (price_cents >= 0),
  minimum INTEGER NOT NULL CHECK (minimum >= 0)
) STRICT;

-- What is in stock is the sum of what came in (above 0) and went out (below 0).
CREATE TABLE movements (
  id INTEGER PRIMARY KEY,
  product_id INTEGER NOT NULL REFERENCES products (id),
  quantity INTEGER NOT NULL CHECK (quantity <> 0),
  note TEXT NOT NULL DEFAULT '',
  moved_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ'))
) STRICT;

CREATE INDEX movements_of_product ON movements (product_id);

INSERT INTO products (id, code, name, category, price_cents, minimum) VALUES
  (1, 'COF-1', 'Espresso beans, 1 kg', 'Coffee', 1890, 10),
  (2, 'COF-2', 'Filter beans, 1 kg', 'Coffee', 1650, 10),
  (3, 'COF-3', 'Decaf beans, 1 kg', 'Coffee', 1950, 4),
  (4, 'TEA-1', 'Assam, 250 g', 'Tea', 780, 8),
  (5, 'TEA-2', 'Sencha, 100 g', 'Tea', 940, 6),
  (6, 'TEA-3', 'Peppermint, 100 g', 'Tea', 420, 6),
  (7, 'EQU-1', 'Paper filters, 100', 'Equipment', 360, 20),
  (8, 'EQU-2', 'Milk jug, 600 ml', 'Equipment', 2100, 3);

INSERT INTO movements (product_id, quantity, note, moved_at) VALUES
  (1, 24, 'Delivery', '2026-01-05T08:10:00.000Z'),
  (2, 24, 'Delivery', '2026-01-05T08:12:00.000Z'),
  (4, 12, 'Delivery', '2026-01-06T09:02:00.000Z'),
  (5, 12, 'Delivery', '2026-01-06T09:03:00.000Z'),
  (6, 12, 'Delivery', '2026-01-06T09:05:00.000Z'),
  (7, 40, 'Delivery', '2026-01-08T08:25:00.000Z'),
  (3, 8, 'Delivery', '2026-01-08T08:30:00.000Z'),
  (8, 6, 'Delivery', '2026-01-08T08:31:00.000Z'),
  (1, -6, 'Café Nord', '2026-01-09T11:40:00.000Z'),
  (7, -18, 'Café Nord', '2026-01-09T11:40:00.000Z'),
  (2, -14, 'Market stall', '2026-01-10T07:15:00.000Z'),
  (5, -5, 'Market stall', '2026-01-10T07:15:00.000Z'),
  (3, -3, 'Café Nord', '2026-01-12T10:20:00.000Z'),
  (6, -3, 'Shop', '2026-01-12T16:05:00.000Z'),
  (7, -22, 'Shop', '2026-01-13T15:30:00.000Z'),
  (1, -4, 'Shop', '2026-01-13T15:32:00.000Z'),
  (2, -4, 'Shop', '2026-01-14T12:00:00.000Z'),
  (5, -3, 'Shop', '2026-01-14T12:01:00.000Z'),
  (8, -1, 'Café Nord', '2026-01-14T12:45:00.000Z');
