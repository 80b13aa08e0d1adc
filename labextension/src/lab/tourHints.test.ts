import { describe, expect, it } from 'vitest';
import { placed } from './tourHints';

const HINT = { width: 300, height: 160 };

describe('a hint of the tour', () => {
  it('never lies over what it points at, nor outside the window where there is room beside it', () => {
    for (const room of [
      { width: 1400, height: 900 },
      { width: 900, height: 700 }
    ]) {
      for (const width of [26, 230, 380, 600]) {
        for (const height of [26, 120, 400]) {
          for (let left = 0; left <= room.width - width; left += 97) {
            for (let top = 0; top <= room.height - height; top += 83) {
              const at = placed({ left, top, width, height }, HINT, room);
              const apart =
                at.left + at.width <= left ||
                at.left >= left + width ||
                at.top + HINT.height <= top ||
                at.top >= top + height;
              expect(apart, JSON.stringify({ room, left, top, width, height, at })).toBe(true);
              expect(at.left).toBeGreaterThanOrEqual(0);
              expect(at.left + at.width).toBeLessThanOrEqual(room.width);
            }
          }
        }
      }
    }
  });

  it('stands below a toolbar, and beside what is as high as wide', () => {
    const room = { width: 1280, height: 800 };
    expect(placed({ left: 290, top: 60, width: 620, height: 34 }, HINT, room)).toEqual({
      left: 450,
      top: 106,
      width: HINT.width
    });
    expect(placed({ left: 930, top: 300, width: 300, height: 300 }, HINT, room).left).toBe(618);
  });
});
