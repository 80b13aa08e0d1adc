import * as React from 'react';
import { IconButton } from '../controls/IconButton';
import { useTranslation } from '../controls/surroundings';
import { DEVICES, nearestSide, side, turned, type FrameSize } from './frameSize';

/** Chooses how large the page is: a device's size, turned, or one's own in numbers. */
export function SizeControls({
  size,
  setSize,
  room,
  scale
}: {
  size: FrameSize;
  setSize: (size: FrameSize) => void;
  /** What there is for the page, in px. */
  room: { width: number; height: number };
  scale: number;
}): React.ReactElement {
  const trans = useTranslation();
  return (
    <>
      <span className="jp-AppBuilder-devices" role="group" aria-label={trans.__('Width')}>
        {(
          [
            ['desktop', trans.__('Full width')],
            ['tablet', trans.__('Tablet width')],
            ['phone', trans.__('Phone width')]
          ] as const
        ).map(([name, label]) => (
          <IconButton
            key={name}
            icon={name}
            label={label}
            onClick={() => setSize(DEVICES[name])}
            pressed={size.device === name}
          />
        ))}
        <IconButton
          icon="width"
          label={trans.__('Custom width')}
          onClick={() =>
            setSize({ device: 'custom', width: size.width ?? nearestSide(room.width), height: size.height })
          }
          pressed={size.device === 'custom'}
        />
      </span>
      {size.width !== null && (
        <span className="jp-AppBuilder-size" role="group" aria-label={trans.__('Size of the page in pixels')}>
          <SideInput
            label={trans.__('Width in pixels')}
            value={size.width}
            onChange={width => setSize({ ...size, device: 'custom', width: width ?? size.width })}
          />
          <span aria-hidden="true">×</span>
          <SideInput
            label={trans.__('Height in pixels; empty for all the room')}
            value={size.height}
            empty={trans.__('auto')}
            onChange={height => setSize({ ...size, device: 'custom', height })}
          />
          <IconButton icon="rotate" label={trans.__('Rotate')} onClick={() => setSize(turned(size, room))} />
          {scale < 1 && (
            <span className="jp-AppBuilder-note" title={trans.__('The page is drawn smaller, so that it fits')}>
              {trans.__('%1 %', Math.round(scale * 100))}
            </span>
          )}
        </span>
      )}
    </>
  );
}

/** A number of pixels. What is typed holds as soon as a page can have it, and is the nearest such number when it is left. */
function SideInput({
  label,
  value,
  empty,
  onChange
}: {
  label: string;
  value: number | null;
  /** What stands there without a number; there always is one if this is left out. */
  empty?: string;
  onChange: (value: number | null) => void;
}): React.ReactElement {
  const [typed, setTyped] = React.useState<string | null>(null);
  return (
    <input
      className="jp-AppBuilder-side"
      inputMode="numeric"
      role="spinbutton"
      aria-label={label}
      aria-valuenow={value ?? undefined}
      title={label}
      placeholder={empty}
      value={typed ?? String(value ?? '')}
      onFocus={event => event.currentTarget.select()}
      onChange={event => {
        setTyped(event.target.value);
        const given = event.target.value.trim() === '' ? NaN : side(Number(event.target.value));
        if (given) {
          onChange(given);
        }
      }}
      onBlur={() => {
        const given = Number(typed);
        if (typed !== null && typed.trim() === '') {
          onChange(empty === undefined ? value : null);
        } else if (typed !== null && Number.isFinite(given)) {
          onChange(nearestSide(given));
        }
        setTyped(null);
      }}
      onKeyDown={event => {
        const step = event.key === 'ArrowUp' ? 1 : event.key === 'ArrowDown' ? -1 : 0;
        if (step !== 0 && value !== null) {
          setTyped(null);
          onChange(nearestSide(value + step * (event.shiftKey ? 10 : 1)));
        } else if (event.key === 'Enter' || event.key === 'Escape') {
          event.currentTarget.blur();
        } else {
          return;
        }
        event.preventDefault();
        event.stopPropagation();
      }}
    />
  );
}
