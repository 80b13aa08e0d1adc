import * as React from 'react';

/**
 * An edge that is dragged, or moved by the arrow keys where it takes the focus. `onMove` gets the pixels since the drag
 * began, or a step of the keys with `start` 0: right and down count up.
 */
export function Handle({
  className,
  label,
  axis,
  value,
  range,
  onStart,
  onMove
}: {
  className: string;
  /** None: only for the pointer. */
  label?: string;
  axis: 'x' | 'y';
  /** In px, for who hears it. */
  value: number;
  range: readonly [number, number];
  onStart: () => void;
  onMove: (pixels: number) => void;
}): React.ReactElement {
  const from = React.useRef<number | null>(null);
  const at = (event: React.PointerEvent): number => (axis === 'x' ? event.clientX : event.clientY);
  const end = (): void => {
    from.current = null;
  };
  const keys: Record<string, number> =
    axis === 'x' ? { ArrowLeft: -10, ArrowRight: 10 } : { ArrowUp: -10, ArrowDown: 10 };
  return (
    <div
      className={`jp-AppBuilder-handle jp-mod-${axis} ${className}`}
      {...(label === undefined
        ? { 'aria-hidden': true }
        : {
            role: 'separator',
            tabIndex: 0,
            'aria-label': label,
            'aria-orientation': axis === 'x' ? ('vertical' as const) : ('horizontal' as const),
            'aria-valuenow': Math.round(value),
            'aria-valuemin': range[0],
            'aria-valuemax': range[1]
          })}
      title={label}
      onPointerDown={event => {
        event.preventDefault();
        event.currentTarget.setPointerCapture?.(event.pointerId);
        from.current = at(event);
        onStart();
      }}
      onPointerMove={event => {
        if (from.current !== null) {
          onMove(at(event) - from.current);
        }
      }}
      onPointerUp={end}
      onPointerCancel={end}
      onLostPointerCapture={end}
      onKeyDown={event => {
        const step = keys[event.key];
        if (step !== undefined) {
          event.preventDefault();
          event.stopPropagation();
          onStart();
          onMove(event.shiftKey ? step / 10 : step);
        }
      }}
    />
  );
}
