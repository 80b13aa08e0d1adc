import { describe, expect, it } from 'vitest';
import { difference, type Raster } from './pictureDifference';

type Colour = readonly [number, number, number];
const WHITE: Colour = [255, 255, 255];
const BLACK: Colour = [0, 0, 0];

function picture(width: number, height: number, colour: (x: number, y: number) => Colour): Raster {
  const data = new Uint8ClampedArray(width * height * 4);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      data.set([...colour(x, y), 255], (y * width + x) * 4);
    }
  }
  return { width, height, data };
}

/** Black from an edge on, which is smoothed over one pixel. */
const edge = (at: number, between: number): Raster =>
  picture(40, 20, x => (x < at ? WHITE : x === at ? [between, between, between] : BLACK));

describe('two pictures', () => {
  it('are the same where only their edges are smoothed otherwise, or a colour is hardly another', () => {
    expect(difference(edge(20, 60), edge(20, 180)).share).toBe(0);
    expect(difference(edge(20, 128), edge(21, 128)).share).toBe(0);
    const grey = picture(8, 8, () => [200, 200, 200]);
    expect(
      difference(
        grey,
        picture(8, 8, () => [205, 196, 203])
      ).share
    ).toBe(0);
  });

  it('differ where something came, went or moved, in parts', () => {
    const box = (left: number, top: number): Raster =>
      picture(200, 100, (x, y) => (x >= left && x < left + 20 && y >= top && y < top + 20 ? BLACK : WHITE));
    const blank = picture(200, 100, () => WHITE);
    const came = difference(blank, box(100, 40));
    expect(came.share).toBeCloseTo(400 / 20_000);
    expect(came.parts).toEqual([[96, 32, 32, 32]]);
    expect(difference(box(100, 40), blank).share).toBe(came.share);
    expect(difference(box(10, 10), box(150, 60)).parts).toHaveLength(2);
    // A line of one pixel that is no longer there is no matter of smoothing.
    const line = picture(40, 40, (_, y) => (y === 20 ? BLACK : WHITE));
    expect(
      difference(
        line,
        picture(40, 40, () => WHITE)
      ).share
    ).toBeCloseTo(1 / 40);
  });

  it('of different sizes differ by what only one of them has', () => {
    const found = difference(
      picture(10, 10, () => WHITE),
      picture(10, 30, () => WHITE)
    );
    expect([found.width, found.height]).toEqual([10, 30]);
    expect(found.share).toBeCloseTo(2 / 3);
    expect(
      difference(
        picture(20, 10, () => WHITE),
        picture(10, 20, () => WHITE)
      ).share
    ).toBeCloseTo(200 / 400);
    expect(
      difference(
        picture(0, 0, () => WHITE),
        picture(0, 0, () => WHITE)
      ).share
    ).toBe(0);
  });
});
