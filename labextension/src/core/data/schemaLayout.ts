/** Where tables and the lines between them stand in a picture of a schema. Units are pixels at full size. */

import type { DatabaseColumn, DatabaseTable } from '../wire/api.generated';

export const BOX = { width: 200, head: 26, line: 19, foot: 6, gap: 24 };
export const MOST_COLUMNS = 12; // of a box; the others are counted

const LANE = 7; // from one line to the next beside it
const ASIDE = 16; // from a box to the nearest line that passes it
const WIDER = 1.4; // how much wider than high the whole is about
const APART = 3; // from the middle of a row: where a line leaves it (below), and where one arrives (above)
const ROUND = 4; // radius of a bend

export interface Box {
  table: DatabaseTable;
  columns: readonly DatabaseColumn[];
  /** How many columns are left out. */
  more: number;
  x: number;
  y: number;
  height: number;
}

export type Point = readonly [x: number, y: number];

/** From a table's column to the one that it refers to. All of its parts are level or upright, and none crosses a box. */
export interface Line {
  key: string;
  from: string;
  to: string;
  points: readonly Point[];
}

export interface Picture {
  boxes: readonly Box[];
  lines: readonly Line[];
  width: number;
  height: number;
}

/** Tables stand in columns, right of those that they refer to; a table without references in the last ones. Lines run
 * between the columns, and above all boxes where they pass a column; those to the same table's column run together. */
export function pictureOf(tables: readonly DatabaseTable[]): Picture {
  const columns = inColumns(tables);
  const places = new Map<string, Place>();
  columns.forEach((names, column) => {
    let y = 0;
    for (const table of names) {
      const shown = shownColumns(table, tables);
      const height = heightOf(table);
      const box = { table, columns: shown, more: table.columns.length - shown.length, x: 0, y, height };
      places.set(folded(table.name), { box, column });
      y += height + BOX.gap;
    }
  });
  const routes = routesOf(tables, places);
  const lanes = lanesOf(routes, columns.length);
  const lefts: number[] = []; // of each column
  let x = 0;
  columns.forEach((_, column) => {
    lefts.push(x);
    x += BOX.width + gapOf(lanes[column + 1], column === columns.length - 1);
  });
  const above = lanes[OVER] ?? [];
  const top = above.length ? ASIDE + above.length * LANE : 0;
  const boxes = [...places.values()].map(place => {
    place.box.x = lefts[place.column] ?? 0;
    place.box.y += top;
    return place.box;
  });
  const upright = (gap: number, key: string): number =>
    (lefts[gap - 1] ?? 0) + BOX.width + ASIDE + (lanes[gap] ?? []).indexOf(key) * LANE;
  const level = (key: string): number => above.indexOf(key) * LANE;
  return {
    boxes,
    lines: routes.map(({ key, name, from, to, row, aim, leave, arrive }) => {
      const start: Point = [leave <= from.column ? from.box.x : from.box.x + BOX.width, rowOf(from.box, row) + APART];
      const end: Point = [arrive <= to.column ? to.box.x : to.box.x + BOX.width, rowOf(to.box, aim) - APART];
      const [out, into] = [upright(leave, key), upright(arrive, key)];
      const over: Point[] =
        leave === arrive
          ? []
          : [
              [out, level(key)],
              [into, level(key)]
            ];
      const points: Point[] = [start, [out, start[1]], ...over, [into, end[1]], end];
      return { key: name, from: from.box.table.name, to: to.box.table.name, points };
    }),
    width: x,
    height: Math.max(0, ...boxes.map(box => box.y + box.height))
  };
}

/** A line as SVG draws it, its corners rounded. */
export function drawn(points: readonly Point[]): string {
  const [first, ...others] = points;
  let path = first ? `M${first.join(' ')}` : '';
  others.forEach((corner, at) => {
    const [before, after] = [points[at], others[at + 1]];
    if (!before || !after) {
      path += `L${corner.join(' ')}`;
      return;
    }
    path += `L${towards(corner, before).join(' ')}Q${corner.join(' ')} ${towards(corner, after).join(' ')}`;
  });
  return path;
}

function towards([x, y]: Point, [otherX, otherY]: Point): Point {
  const length = Math.hypot(otherX - x, otherY - y);
  const part = length ? Math.min(ROUND, length / 2) / length : 0;
  return [x + (otherX - x) * part, y + (otherY - y) * part];
}

/** The arrows of the keyboard, as steps to the right and down. */
export const ARROWS: Readonly<Record<string, Point>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1]
};

/** The box that one comes to from another by a step, if there is one: the nearest, and rather straight on. */
export function beside(boxes: readonly Box[], from: Box, [right, down]: Point): Box | undefined {
  const far = (box: Box): number => {
    const [x, y] = [box.x - from.x, box.y + box.height / 2 - from.y - from.height / 2];
    const ahead = x * right + y * down;
    const aside = Math.abs(x * down) + Math.abs(y * right);
    return ahead > 0 ? ahead + 2 * aside : Infinity;
  };
  const ordered = boxes.filter(box => box !== from && far(box) < Infinity).sort((one, other) => far(one) - far(other));
  return ordered[0];
}

interface Place {
  box: Box;
  column: number;
}

/** `leave` and `arrive` are gaps between columns: that of a number lies left of the column with it. Nothing leaves leftwards from the first. */
interface Route {
  /** Of the lines that run together. */
  key: string;
  name: string;
  from: Place;
  to: Place;
  row: string | undefined;
  aim: string | undefined;
  leave: number;
  arrive: number;
}

const OVER = -1; // the gap above all boxes

function routesOf(tables: readonly DatabaseTable[], places: ReadonlyMap<string, Place>): Route[] {
  return tables.flatMap(table =>
    table.foreign_keys.flatMap((key, at) => {
      const from = places.get(folded(table.name));
      const to = places.get(folded(key.table));
      if (!from || !to) {
        return []; // SQLite takes a reference to a table that is not there
      }
      const aim = aimOf(key, to.box.table);
      const leave = to.column < from.column ? from.column : from.column + 1;
      const arrive = from.column < to.column ? to.column : to.column + 1;
      const together = `${folded(to.box.table.name)} ${folded(aim ?? '')}`;
      return [{ key: together, name: `${table.name} ${at}`, from, to, row: key.columns[0], aim, leave, arrive }];
    })
  );
}

/** By gap, the lines that need a place of their own in it. */
function lanesOf(routes: readonly Route[], columns: number): Record<number, string[]> {
  const lanes: Record<number, string[]> = {};
  for (let gap = OVER; gap <= columns; gap++) {
    const through = routes.filter(({ leave, arrive }) =>
      gap === OVER ? leave !== arrive : leave === gap || arrive === gap
    );
    lanes[gap] = [...new Set(through.map(({ key }) => key))];
  }
  return lanes;
}

/** The width of the gap right of a column; behind the `last` one is no box to keep away from. */
function gapOf(lanes: readonly string[] = [], last: boolean): number {
  if (lanes.length === 0) {
    return last ? 0 : BOX.gap;
  }
  return (last ? 1 : 2) * ASIDE + (lanes.length - 1) * LANE;
}

/** The tables by column, left to right and top to bottom. */
function inColumns(tables: readonly DatabaseTable[]): DatabaseTable[][] {
  const referred = new Set(tables.flatMap(one => one.foreign_keys.map(key => folded(key.table))));
  const alone = tables.filter(one => one.foreign_keys.length === 0 && !referred.has(folded(one.name)));
  const ranks = ranked(tables);
  const sizes = tables.map(heightOf);
  const whole = sizes.reduce((sum, height) => sum + height + BOX.gap, 0);
  const most = Math.max(0, ...sizes, Math.sqrt((whole * (BOX.width + 2 * ASIDE)) / WIDER));
  const columns: DatabaseTable[][] = [];
  const heights = new Map<string, number>(); // at which a table stands in its column
  const place = (group: readonly DatabaseTable[]): void => {
    let y = Infinity;
    for (const table of group) {
      const height = heightOf(table);
      if (y + height > most) {
        columns.push([]);
        y = 0;
      }
      columns.at(-1)?.push(table);
      heights.set(folded(table.name), y);
      y += height + BOX.gap;
    }
  };
  for (let rank = 0; rank <= Math.max(-1, ...ranks.values()); rank++) {
    const group = tables.filter(one => ranks.get(folded(one.name)) === rank && !alone.includes(one));
    // Near the height of what they refer to, fewer lines cross.
    const wanted = (one: DatabaseTable): number => {
      const known = one.foreign_keys.flatMap(key => heights.get(folded(key.table)) ?? []);
      return known.length ? known.reduce((sum, y) => sum + y, 0) / known.length : 0;
    };
    const order = new Map(group.map(one => [one, wanted(one)]));
    place([...group].sort((one, other) => (order.get(one) ?? 0) - (order.get(other) ?? 0)));
  }
  place(alone);
  return columns;
}

/** How many steps a table is from one that refers to no other. Tables that refer to each other in a circle count once. */
function ranked(tables: readonly DatabaseTable[]): ReadonlyMap<string, number> {
  const known = new Map(tables.map(table => [folded(table.name), table]));
  const ranks = new Map<string, number>();
  const visit = (name: string, table: DatabaseTable, above: ReadonlySet<string>): number => {
    const path = new Set([...above, name]);
    let rank = 0;
    for (const key of table.foreign_keys) {
      const other = folded(key.table);
      const found = known.get(other);
      if (found && !path.has(other)) {
        rank = Math.max(rank, (ranks.get(other) ?? visit(other, found, path)) + 1);
      }
    }
    ranks.set(name, rank);
    return rank;
  };
  known.forEach((table, name) => ranks.has(name) || visit(name, table, new Set()));
  return ranks;
}

/** As many as a box has room for: keys, and what refers or is referred to, before the others. */
function shownColumns(table: DatabaseTable, tables: readonly DatabaseTable[]): readonly DatabaseColumn[] {
  if (table.columns.length <= MOST_COLUMNS) {
    return table.columns;
  }
  const own = folded(table.name);
  const named = new Set(
    tables.flatMap(one =>
      one.foreign_keys.flatMap(key => [
        ...(one === table ? key.columns : []),
        ...(folded(key.table) === own ? key.to : [])
      ])
    )
  );
  const names = new Set([...named].map(folded));
  const counts = ({ name, primary_key }: DatabaseColumn): boolean => primary_key || names.has(folded(name));
  const first = [...table.columns.filter(counts), ...table.columns.filter(one => !counts(one))].slice(0, MOST_COLUMNS);
  return table.columns.filter(one => first.includes(one));
}

function heightOf({ columns }: DatabaseTable): number {
  const lines = Math.min(columns.length, MOST_COLUMNS) + (columns.length > MOST_COLUMNS ? 1 : 0);
  return BOX.head + lines * BOX.line + BOX.foot;
}

/** The height at which a column stands; at the end of the box where it is left out. */
function rowOf(box: Box, column: string | undefined): number {
  const at = box.columns.findIndex(({ name }) => folded(name) === folded(column ?? ''));
  if (at < 0 && box.more === 0) {
    return box.y + BOX.head / 2;
  }
  return box.y + BOX.head + ((at < 0 ? box.columns.length : at) + 0.5) * BOX.line;
}

/** The first of the columns that a foreign key refers to. */
function aimOf(key: DatabaseTable['foreign_keys'][number], other: DatabaseTable): string | undefined {
  return key.to[0] ?? other.columns.find(one => one.primary_key)?.name;
}

/** SQLite takes names that differ by the case of a-z for one. */
function folded(name: string): string {
  return name.replace(/[A-Z]/g, letter => letter.toLowerCase());
}
