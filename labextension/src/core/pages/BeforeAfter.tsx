/** How an app looked in two versions: side by side, below a slider, and where the two differ. */

import * as React from 'react';
import { useAddress } from '../controls/address';
import { Failure } from '../controls/Failure';
import { Icon, Spinner, type IconName } from '../controls/Icon';
import { useTranslation } from '../controls/surroundings';
import type { KeptPicture } from '../feed/Pictures';
import type { Checkpoint, PagePicture } from '../view/view';
import type { Transport } from '../wire/transport';
import { RequestFailed } from '../wire/wire';
import { difference, type Raster } from './pictureDifference';

/** Widths that pictures are taken at (`eyes/base.py`), with what has such a window. */
const WIDTHS = [390, 768, 1280] as const;
type Width = (typeof WIDTHS)[number];
/** Pixels of the larger of two pictures that are compared, at most: what the server keeps is smaller. */
const MOST_PIXELS = 8_000_000;

type View = 'beside' | 'slider' | 'difference';

/** One of the two versions. */
export interface Side {
  checkpoint: Checkpoint;
  title: string;
  pictures: readonly PagePicture[];
  /** The app has its files now. */
  present: boolean;
}

export function BeforeAfter({
  before,
  after,
  transport
}: {
  before: Side;
  after: Side;
  transport: Transport;
}): React.ReactElement {
  const trans = useTranslation();
  const [width, setWidth] = React.useState<Width>(() =>
    has(before, 1280) && has(after, 1280) ? 1280 : common(before, after)
  );
  const [view, setView] = React.useState<View>('beside');
  const [at, setAt] = React.useState(50);
  const dialog = React.useRef<HTMLDialogElement>(null);
  const [large, setLarge] = React.useState(false);
  const older = usePicture(pictureOf(before, width), transport);
  const newer = usePicture(pictureOf(after, width), transport);
  const both = typeof older === 'object' && typeof newer === 'object';
  const shown = both ? view : 'beside';
  const words = { before: trans.__('Before'), after: trans.__('After') };
  const body =
    both && shown === 'slider' ? (
      <Slider before={older} after={newer} at={at} setAt={setAt} />
    ) : both && shown === 'difference' ? (
      <Highlighted before={older} after={newer} />
    ) : (
      <div className="jp-AppBuilder-beside">
        <Shown side={before} word={words.before} picture={older} width={width} transport={transport} />
        <Shown side={after} word={words.after} picture={newer} width={width} transport={transport} />
      </div>
    );
  const views: [View, string][] = [
    ['beside', trans.__('Side by side')],
    ['slider', trans.__('Slider')],
    ['difference', trans.__('Difference')]
  ];
  const widths: [Width, IconName, string][] = [
    [390, 'phone', trans.__('Phone, 390 px')],
    [768, 'tablet', trans.__('Tablet, 768 px')],
    [1280, 'desktop', trans.__('Desktop, 1280 px')]
  ];
  return (
    <div className="jp-AppBuilder-beforeAfter">
      <div className="jp-AppBuilder-beforeAfterBar">
        <div className="jp-AppBuilder-ranges" role="group" aria-label={trans.__('Width of the window')}>
          {widths.map(([each, icon, label]) => (
            <button
              key={each}
              type="button"
              className="jp-AppBuilder-button"
              aria-pressed={each === width}
              aria-label={label}
              title={label}
              onClick={() => setWidth(each)}
            >
              <Icon name={icon} />
            </button>
          ))}
        </div>
        <div className="jp-AppBuilder-ranges" role="group" aria-label={trans.__('How to compare')}>
          {views.map(([each, label]) => (
            <button
              key={each}
              type="button"
              className="jp-AppBuilder-button"
              aria-pressed={each === shown}
              disabled={!both && each !== 'beside'}
              title={both || each === 'beside' ? undefined : trans.__('There is no picture of one of the two.')}
              onClick={() => setView(each)}
            >
              {label}
            </button>
          ))}
        </div>
        {both && (
          <button
            type="button"
            className="jp-AppBuilder-button"
            onClick={() => {
              setLarge(true);
              dialog.current?.showModal();
            }}
          >
            <Icon name="external" />
            {trans.__('Larger')}
          </button>
        )}
      </div>
      {!large && body}
      <dialog
        ref={dialog}
        className="jp-AppBuilder-largePicture jp-AppBuilder-largeComparison"
        aria-label={trans.__('Before and after')}
        onClose={() => setLarge(false)}
      >
        {large && body}
        <button type="button" className="jp-AppBuilder-button" onClick={() => dialog.current?.close()}>
          {trans.__('Close')}
        </button>
      </dialog>
    </div>
  );
}

function has(side: Side, width: number): boolean {
  return pictureOf(side, width) !== null;
}

function pictureOf(side: Side, width: number): KeptPicture | null {
  return side.pictures.find(one => one.width === width)?.picture ?? null;
}

/** A width of which there are pictures of both. */
function common(before: Side, after: Side): Width {
  return [...WIDTHS].reverse().find(width => has(before, width) && has(after, width)) ?? 1280;
}

/** A picture that can be shown, with its size as the log has it. */
interface Loaded {
  address: string;
  width: number;
  height: number;
}

/** A picture, once it is here; `none` where there is none, `gone` where it is no longer kept. */
function usePicture(picture: KeptPicture | null, transport: Transport): Loaded | 'none' | 'loading' | 'gone' {
  const address = useAddress(transport.picture, picture?.sha256 ?? '');
  const { sha256, width, height } = picture ?? NO_PICTURE;
  return React.useMemo(() => {
    if (sha256 === '') {
      return 'none';
    }
    return address === '' ? 'loading' : address === null ? 'gone' : { address, width, height };
  }, [sha256, width, height, address]);
}

const NO_PICTURE = { sha256: '', width: 0, height: 0 };

/** One of the two, or why there is no picture of it, and how to get one. */
function Shown({
  side,
  word,
  picture,
  width,
  transport
}: {
  side: Side;
  word: string;
  picture: Loaded | 'none' | 'loading' | 'gone';
  width: number;
  transport: Transport;
}): React.ReactElement {
  const trans = useTranslation();
  return (
    <figure className="jp-AppBuilder-besideOne">
      <figcaption>
        <b>{word}</b> {side.title}
      </figcaption>
      {typeof picture === 'object' ? (
        <Scrolled label={trans.__('%1: %2', word, side.title)}>
          <img
            src={picture.address}
            width={picture.width}
            height={picture.height}
            alt={trans.__('The app in the version “%1”, %2 px wide', side.title, width)}
          />
        </Scrolled>
      ) : picture === 'loading' ? (
        <p className="jp-AppBuilder-note" role="status">
          <Spinner /> {trans.__('Loading…')}
        </p>
      ) : (
        <NoPicture side={side} gone={picture === 'gone'} transport={transport} />
      )}
    </figure>
  );
}

/** What is long can be scrolled, also by keys. */
function Scrolled({ label, children }: { label: string; children: React.ReactNode }): React.ReactElement {
  return (
    <div className="jp-AppBuilder-scrolled" role="region" aria-label={label} tabIndex={0}>
      {children}
    </div>
  );
}

function NoPicture({ side, gone, transport }: { side: Side; gone: boolean; transport: Transport }): React.ReactElement {
  const trans = useTranslation();
  const [taking, setTaking] = React.useState(false);
  const [failure, setFailure] = React.useState<RequestFailed | null>(null);
  const name = side.checkpoint.checkpoint.slice(0, 7);
  const { takePicture } = transport;
  return (
    <div className="jp-AppBuilder-noPicture">
      <p>
        {gone
          ? trans.__('The picture of version %1 is no longer kept.', name)
          : trans.__('Version %1 was never looked at: nobody checked the app while it was the present one.', name)}
      </p>
      {!side.present ? (
        <p className="jp-AppBuilder-note">
          {trans.__(
            'Only the present version can be looked at. Restore this one to take its picture; you can undo that.'
          )}
        </p>
      ) : takePicture ? (
        <button
          type="button"
          className="jp-AppBuilder-button"
          disabled={taking}
          onClick={() => {
            setTaking(true);
            setFailure(null);
            takePicture
              .call(transport, side.checkpoint.checkpoint)
              .catch((error: unknown) => setFailure(RequestFailed.from(error)))
              .finally(() => setTaking(false));
          }}
        >
          {taking ? <Spinner /> : <Icon name="eye" />}
          {taking ? trans.__('Looking at the app…') : trans.__('Look at it now')}
        </button>
      ) : (
        <p className="jp-AppBuilder-note">{trans.__('It is taken when the agent checks the app.')}</p>
      )}
      {failure && <Failure error={failure} />}
    </div>
  );
}

/** Both in one place, the older one left of a line that the person moves. */
function Slider({
  before,
  after,
  at,
  setAt
}: {
  before: Loaded;
  after: Loaded;
  /** Percent of the width that show the older one. */
  at: number;
  setAt: (at: number) => void;
}): React.ReactElement {
  const trans = useTranslation();
  const width = Math.max(before.width, after.width);
  const height = Math.max(before.height, after.height);
  const place = (picture: Loaded): React.CSSProperties => ({ width: `${(100 * picture.width) / width}%` });
  return (
    <>
      <div className="jp-AppBuilder-sliderWords" aria-hidden="true">
        <b>{trans.__('Before')}</b>
        <b>{trans.__('After')}</b>
      </div>
      <Scrolled label={trans.__('Before and after')}>
        <div
          className="jp-AppBuilder-slider"
          style={{ aspectRatio: `${width} / ${height}`, maxWidth: width, '--at': `${at}%` } as React.CSSProperties}
        >
          <img src={after.address} alt={trans.__('After')} style={place(after)} draggable={false} />
          <div className="jp-AppBuilder-sliderBefore">
            <img src={before.address} alt={trans.__('Before')} style={place(before)} draggable={false} />
          </div>
          <input
            type="range"
            min={0}
            max={100}
            value={at}
            aria-label={trans.__('How much of the version before is shown')}
            aria-valuetext={trans.__('%1 % before, %2 % after', at, 100 - at)}
            onChange={event => setAt(Number(event.target.value))}
          />
          <span className="jp-AppBuilder-sliderLine" aria-hidden="true" />
        </div>
      </Scrolled>
    </>
  );
}

/** The newer one, faint, with what differs on it. */
function Highlighted({ before, after }: { before: Loaded; after: Loaded }): React.ReactElement {
  const trans = useTranslation();
  const canvas = React.useRef<HTMLCanvasElement>(null);
  const [told, setTold] = React.useState<{ share: number; parts: number } | Error | null>(null);
  React.useEffect(() => {
    let wanted = true;
    setTold(null);
    Promise.all([rasterOf(before), rasterOf(after)])
      .then(([one, other]) => {
        if (wanted && canvas.current) {
          const found = difference(one, other);
          draw(canvas.current, other, found);
          setTold({ share: found.share, parts: found.parts.length });
        }
      })
      .catch((error: unknown) => wanted && setTold(error instanceof Error ? error : new Error(String(error))));
    return () => {
      wanted = false;
    };
  }, [before, after]);
  const said =
    told === null
      ? trans.__('Comparing…')
      : told instanceof Error
        ? trans.__('The pictures cannot be compared: %1', told.message)
        : told.share === 0
          ? trans.__('They look the same.')
          : trans._n(
              '%2 % of the picture differs, in one place.',
              '%2 % of the picture differs, in %1 places.',
              told.parts,
              told.parts,
              percent(told.share)
            );
  return (
    <>
      <p className="jp-AppBuilder-note" role="status">
        {told === null && <Spinner />} {said}
      </p>
      <Scrolled label={trans.__('Difference')}>
        <canvas
          ref={canvas}
          role="img"
          aria-label={said}
          width={Math.max(before.width, after.width)}
          height={Math.max(before.height, after.height)}
        />
      </Scrolled>
    </>
  );
}

/** A share in percent, so that little is not nothing. */
export function percent(share: number): string {
  const value = 100 * share;
  return value < 0.1 ? '< 0.1' : value < 10 ? value.toFixed(1) : value.toFixed(0);
}

async function rasterOf(picture: Loaded): Promise<Raster> {
  const image = new Image();
  image.src = picture.address;
  await image.decode();
  const { naturalWidth: width, naturalHeight: height } = image;
  if (width * height > MOST_PIXELS) {
    throw new Error(`${width} × ${height} px`);
  }
  const canvas = document.createElement('canvas');
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext('2d', { willReadFrequently: true });
  if (!context) {
    throw new Error('no canvas');
  }
  context.drawImage(image, 0, 0);
  return { width, height, data: context.getImageData(0, 0, width, height).data };
}

/** Draws the newer picture in faint grey, what differs in a strong colour, and frames around the parts. */
function draw(canvas: HTMLCanvasElement, after: Raster, found: ReturnType<typeof difference>): void {
  canvas.width = found.width;
  canvas.height = found.height;
  const context = canvas.getContext('2d');
  if (!context) {
    return;
  }
  const image = context.createImageData(found.width, found.height);
  const { data } = image;
  data.fill(255);
  for (let y = 0; y < found.height; y += 1) {
    for (let x = 0; x < found.width; x += 1) {
      const at = (y * found.width + x) * 4;
      if (found.mask[at / 4]) {
        data[at] = 214;
        data[at + 1] = 0;
        data[at + 2] = 110;
      } else if (x < after.width && y < after.height) {
        const from = (y * after.width + x) * 4;
        const light = 0.3 * part(after, from) + 0.59 * part(after, from + 1) + 0.11 * part(after, from + 2);
        data[at] = data[at + 1] = data[at + 2] = 255 - (255 - light) * 0.35;
      }
    }
  }
  context.putImageData(image, 0, 0);
  context.lineWidth = Math.max(2, found.width / 400);
  context.strokeStyle = '#0b57d0';
  for (const [left, top, width, height] of found.parts) {
    context.strokeRect(left, top, width, height);
  }
}

function part(raster: Raster, at: number): number {
  return raster.data[at] ?? 255;
}
