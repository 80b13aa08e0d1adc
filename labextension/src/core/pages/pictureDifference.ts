/** Where two pictures differ, pixel by pixel. */

/** RGBA, as a canvas has it. */
export interface Raster {
  width: number;
  height: number;
  data: Uint8ClampedArray;
}

export interface Difference {
  /** 1 where the pictures differ; of the smallest size that holds both. */
  mask: Uint8Array;
  width: number;
  height: number;
  /** Of all pixels, from 0 to 1. */
  share: number;
  /** Parts that differ, as left, top, width and height; the largest first. */
  parts: readonly (readonly [number, number, number, number])[];
}

/** How far two colours may be apart and count as one, of 255 in each of its parts. */
const NEAR = 28;
/** Pixels of the squares that parts are put together from. */
const CELL = 16;
const MOST_PARTS = 60;

/**
 * A pixel differs where the colour of either picture is none of those, or between those, that the other has there and
 * beside it: edges that are smoothed otherwise, or lie one pixel further, are the same. What only the longer picture has
 * differs.
 */
export function difference(before: Raster, after: Raster): Difference {
  const width = Math.max(before.width, after.width);
  const height = Math.max(before.height, after.height);
  const mask = new Uint8Array(width * height);
  let count = 0;
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      if (differs(before, after, x, y)) {
        mask[y * width + x] = 1;
        count += 1;
      }
    }
  }
  const share = mask.length > 0 ? count / mask.length : 0;
  return { mask, width, height, share, parts: count > 0 ? partsOf(mask, width, height) : [] };
}

function differs(before: Raster, after: Raster, x: number, y: number): boolean {
  const inBefore = x < before.width && y < before.height;
  const inAfter = x < after.width && y < after.height;
  if (!inBefore || !inAfter) {
    return inBefore || inAfter;
  }
  if (near(before, (y * before.width + x) * 4, after, (y * after.width + x) * 4)) {
    return false;
  }
  return !isBeside(before, after, x, y) || !isBeside(after, before, x, y);
}

/** Whether this one's colour at a place lies among those that the other picture has there and beside it. */
function isBeside(one: Raster, other: Raster, x: number, y: number): boolean {
  const at = (y * one.width + x) * 4;
  const [top, bottom] = [Math.max(0, y - 1), Math.min(other.height - 1, y + 1)];
  const [left, right] = [Math.max(0, x - 1), Math.min(other.width - 1, x + 1)];
  for (let part = 0; part < 3; part += 1) {
    const value = one.data[at + part] ?? 0;
    let least = 255;
    let most = 0;
    for (let row = top; row <= bottom; row += 1) {
      for (let column = left; column <= right; column += 1) {
        const there = other.data[(row * other.width + column) * 4 + part] ?? 0;
        least = there < least ? there : least;
        most = there > most ? there : most;
      }
    }
    if (value < least - NEAR || value > most + NEAR) {
      return false;
    }
  }
  return true;
}

function near(one: Raster, at: number, other: Raster, there: number): boolean {
  for (let part = 0; part < 3; part += 1) {
    if (Math.abs((one.data[at + part] ?? 0) - (other.data[there + part] ?? 0)) > NEAR) {
      return false;
    }
  }
  return true;
}

/** The boxes around what differs and lies together. */
function partsOf(mask: Uint8Array, width: number, height: number): [number, number, number, number][] {
  const columns = Math.ceil(width / CELL);
  const rows = Math.ceil(height / CELL);
  const cells = new Uint8Array(columns * rows);
  for (let at = 0; at < mask.length; at += 1) {
    if (mask[at]) {
      cells[Math.floor(Math.floor(at / width) / CELL) * columns + Math.floor((at % width) / CELL)] = 1;
    }
  }
  const found: [number, number, number, number][] = [];
  for (let start = 0; start < cells.length; start += 1) {
    if (cells[start] !== 1) {
      continue;
    }
    const waiting = [start];
    cells[start] = 2;
    let [left, top, right, bottom] = [columns, rows, 0, 0];
    for (let cell = waiting.pop(); cell !== undefined; cell = waiting.pop()) {
      const x = cell % columns;
      const y = Math.floor(cell / columns);
      left = Math.min(left, x);
      right = Math.max(right, x);
      top = Math.min(top, y);
      bottom = Math.max(bottom, y);
      for (let row = Math.max(0, y - 1); row <= Math.min(rows - 1, y + 1); row += 1) {
        for (let column = Math.max(0, x - 1); column <= Math.min(columns - 1, x + 1); column += 1) {
          if (cells[row * columns + column] === 1) {
            cells[row * columns + column] = 2;
            waiting.push(row * columns + column);
          }
        }
      }
    }
    const x = left * CELL;
    const y = top * CELL;
    found.push([x, y, Math.min(width, (right + 1) * CELL) - x, Math.min(height, (bottom + 1) * CELL) - y]);
  }
  return found.sort((a, b) => b[2] * b[3] - a[2] * a[3]).slice(0, MOST_PARTS);
}
