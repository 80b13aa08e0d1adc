import * as React from 'react';
import { useTranslation } from '../controls/surroundings';
import { NARROWEST, nearestSide, WIDEST, type Fit } from './frameSize';
import { Handle } from './Handle';

/** The page in its size, drawn as large as there is room, with an edge at each side that makes it wider or narrower. */
export function Sized({
  fit: { width, height, scale },
  onWidth,
  children
}: {
  fit: Fit;
  onWidth: (width: number) => void;
  /** The frame, given how it is to be drawn. */
  children: (style: React.CSSProperties) => React.ReactNode;
}): React.ReactElement {
  const trans = useTranslation();
  const before = React.useRef({ width: 0, scale: 1 });
  const begin = (): void => {
    before.current = { width: width ?? 0, scale };
  };
  // The page stands in the middle: each edge moves by half of what is added.
  const move = (pixels: number): void =>
    onWidth(nearestSide(before.current.width + (2 * pixels) / before.current.scale));
  const handle = { axis: 'x', value: width ?? 0, range: [NARROWEST, WIDEST], onStart: begin } as const;
  return (
    <div
      className={`jp-AppBuilder-sized${width === null ? '' : ' jp-mod-sized'}`}
      style={width === null ? undefined : { width: width * scale, height: height === null ? '100%' : height * scale }}
    >
      {width !== null && <Handle {...handle} className="jp-mod-start" onMove={pixels => move(-pixels)} />}
      {children(
        width === null
          ? {}
          : { width, height: height ?? `${100 / scale}%`, transform: scale < 1 ? `scale(${scale})` : undefined }
      )}
      {width !== null && (
        <Handle {...handle} className="jp-mod-end" label={trans.__('Width of the page')} onMove={move} />
      )}
    </div>
  );
}
