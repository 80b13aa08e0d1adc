import { expect, test } from 'vitest';
import type { DatabaseTable } from '../wire/api.generated';
import { BOX, drawn, MOST_COLUMNS, pictureOf, type Box, type Picture, type Point } from './schemaLayout';

/** `refers` has `column → table`, or `column → table.column`. */
export function table(name: string, columns: readonly string[], ...refers: readonly string[]): DatabaseTable {
  return {
    name,
    rows: 0,
    columns: columns.map((column, at) => ({
      name: column,
      type: 'INTEGER',
      nullable: true,
      default: null,
      primary_key: at === 0,
      generated: false
    })),
    indexes: [],
    foreign_keys: refers.map(text => {
      const [from = '', aim = ''] = text.split(' → ');
      const [other = '', ...to] = aim.split('.');
      return { table: other, columns: [from], to, on_delete: 'NO ACTION' };
    }),
    virtual: false,
    sql: ''
  };
}

/** Many tables, each with a reference to some before it, by a fixed rule. */
export function many(count: number): DatabaseTable[] {
  return Array.from({ length: count }, (_, at) => {
    const columns = ['id', ...Array.from({ length: (at * 7) % 17 }, (__, each) => `c${each}`), 'a', 'b'];
    const refers = at % 5 === 4 ? [] : [`a → t${Math.floor(at / 3)}`, `b → t${(at * 31) % count}`];
    return table(`t${at}`, columns, ...refers);
  });
}

/** Whether a level or upright line from `one` to `other` has a part inside a box, its sides left out. */
function crosses(one: Point, other: Point, box: Box): boolean {
  return (
    Math.max(one[0], other[0]) > box.x &&
    Math.min(one[0], other[0]) < box.x + BOX.width &&
    Math.max(one[1], other[1]) > box.y &&
    Math.min(one[1], other[1]) < box.y + box.height
  );
}

/** No two boxes touch, no line runs through one, and each begins and ends at the side of its tables, in the picture. */
function sound(tables: readonly DatabaseTable[]): Picture {
  const picture = pictureOf(tables);
  const { boxes, lines, width, height } = picture;
  expect(boxes.map(box => box.table.name).sort()).toEqual(tables.map(({ name }) => name).sort());
  boxes.forEach((one, at) => {
    expect(one.x >= 0 && one.y >= 0 && one.x + BOX.width <= width && one.y + one.height <= height).toBe(true);
    for (const other of boxes.slice(at + 1)) {
      const apart =
        one.x + BOX.width < other.x ||
        other.x + BOX.width < one.x ||
        one.y + one.height < other.y ||
        other.y + other.height < one.y;
      if (!apart) {
        expect.fail(`${one.table.name} touches ${other.table.name}`);
      }
    }
  });
  for (const { from, to, points, key } of lines) {
    for (const [name, end] of [
      [from, points[0]],
      [to, points.at(-1)]
    ] as const) {
      const box = boxes.find(each => each.table.name === name);
      const [x = 0, y = 0] = end ?? [];
      expect(box && [box.x, box.x + BOX.width].includes(x) && y > box.y && y < box.y + box.height, key).toBe(true);
    }
    points.slice(1).forEach(([x, y], at) => {
      const [beforeX, beforeY] = points[at] ?? [0, 0];
      expect(x === beforeX || y === beforeY, `${key} is upright or level`).toBe(true);
      expect(x >= 0 && y >= 0 && x <= width && y <= height, `${key} is in the picture`).toBe(true);
      const crossed = boxes.find(box => crosses([beforeX, beforeY], [x, y], box));
      expect(crossed?.table.name, `${key} crosses`).toBeUndefined();
    });
    expect(drawn(points)).not.toContain('NaN');
  }
  return picture;
}

test('each reference is a line, also of a table to itself, in circles, and to another case of its name', () => {
  const tables = [
    table('people', ['id', 'boss', 'team'], 'boss → people', 'team → teams'),
    table('Teams', ['id', 'lead'], 'lead → people.id'),
    table('tasks', ['id', 'who', 'by', 'of'], 'who → people', 'by → PEOPLE.ID', 'of → tasks.id'),
    table('notes', ['id', 'task'], 'task → tasks', 'id → gone'),
    table('settings', ['name'])
  ];
  const lines = sound(tables).lines.map(({ from, to }) => `${from} ${to}`);
  expect(lines).toEqual([
    'people people',
    'people Teams',
    'Teams people',
    'tasks people',
    'tasks people',
    'tasks tasks',
    'notes tasks'
  ]);
});

test('no table, one, eight and many are drawn without boxes that touch or lines through them', () => {
  expect(sound([])).toMatchObject({ boxes: [], lines: [], width: 0, height: 0 });
  expect(sound([table('tasks', ['id'])])).toMatchObject({ lines: [], width: BOX.width });
  expect(sound(many(8)).lines).toHaveLength(14);
  const { lines, width, height } = sound(many(60));
  expect(lines).toHaveLength(96);
  expect(width / height).toBeGreaterThan(0.5);
  expect(width / height).toBeLessThan(4);
});

test('tables that many refer to, and long chains of them, fit as well', () => {
  const hub = [table('hub', ['id']), ...Array.from({ length: 40 }, (_, at) => table(`t${at}`, ['id', 'h'], 'h → hub'))];
  expect(sound(hub).lines).toHaveLength(40);
  const chain = Array.from({ length: 30 }, (_, at) => table(`t${at}`, ['id', 'next'], `next → t${(at + 1) % 30}`));
  expect(sound(chain).lines).toHaveLength(30);
});

test('of a table with many columns those are shown that references need', () => {
  const columns = Array.from({ length: 30 }, (_, at) => `c${at}`);
  const wide = table('wide', columns, 'c20 → other.c25');
  const other = table('other', columns);
  const { boxes } = sound([wide, other]);
  expect(boxes.map(box => [box.columns.length, box.more])).toEqual([
    [MOST_COLUMNS, 18],
    [MOST_COLUMNS, 18]
  ]);
  const shown = new Map(boxes.map(box => [box.table.name, box.columns.map(({ name }) => name)]));
  expect(shown.get('wide')?.slice(-2)).toEqual(['c10', 'c20']);
  expect(shown.get('other')?.slice(-2)).toEqual(['c10', 'c25']);
});
