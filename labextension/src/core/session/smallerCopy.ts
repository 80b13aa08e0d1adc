/** Pictures as models are shown them: PNG or JPEG of at most a million pixels. */

import type { Translation } from '../controls/translation';

const MOST_PIXELS = 1_000_000;
const LARGEST = 3_500_000; // bytes
const LARGEST_PNG = 900_000; // bytes; above that a photograph is smaller as JPEG

/** A copy of a picture that is too large, or of another format; null where it can be shown as it is. Rejects where it
 * cannot be read. */
export async function smallerCopy(file: File, trans: Translation): Promise<Blob | null> {
  const picture = await createImageBitmap(file);
  try {
    const pixels = picture.width * picture.height;
    const plain = file.type === 'image/png' || file.type === 'image/jpeg';
    if (plain && pixels <= MOST_PIXELS && file.size <= LARGEST) {
      return null;
    }
    const scale = Math.min(1, Math.sqrt(MOST_PIXELS / pixels));
    const canvas = document.createElement('canvas');
    canvas.width = Math.max(1, Math.floor(picture.width * scale));
    canvas.height = Math.max(1, Math.floor(picture.height * scale));
    const context = canvas.getContext('2d');
    if (!context) {
      throw new Error(trans.__('This browser draws no pictures.'));
    }
    context.imageSmoothingQuality = 'high';
    context.drawImage(picture, 0, 0, canvas.width, canvas.height);
    const png = await encoded(canvas, 'image/png', trans);
    return png.size <= LARGEST_PNG ? png : await encoded(onWhite(canvas), 'image/jpeg', trans);
  } finally {
    picture.close();
  }
}

/** JPEG has no transparency: what is transparent would be black. */
function onWhite(source: HTMLCanvasElement): HTMLCanvasElement {
  const canvas = document.createElement('canvas');
  canvas.width = source.width;
  canvas.height = source.height;
  const context = canvas.getContext('2d');
  if (context) {
    context.fillStyle = '#fff';
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.drawImage(source, 0, 0);
  }
  return canvas;
}

function encoded(canvas: HTMLCanvasElement, type: string, trans: Translation): Promise<Blob> {
  return new Promise((resolve, reject) => {
    const taken = (blob: Blob | null): void =>
      blob ? resolve(blob) : reject(new Error(trans.__('The picture could not be drawn.')));
    canvas.toBlob(taken, type, 0.85);
  });
}
