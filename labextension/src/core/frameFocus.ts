import * as React from 'react';

const TAB_MS = 500; // from a Tab until the focus has moved

/** Set on a frame that does not take the pointer: a person types elsewhere, and has not moved it since. */
export const RESTING = 'data-pointer-rests';

/**
 * Keep a page from taking the focus, and with it what a person types, by itself.
 *
 * The frame may have it when the person clicks into it or tabs to it. Clicks there are not seen from here, so the pointer
 * has to be over the frame, moved there since the last key elsewhere.
 */
export function useFrameFocus(frame: React.RefObject<HTMLIFrameElement>, stage: React.RefObject<HTMLElement>): void {
  React.useEffect(() => {
    let last: HTMLElement | null = null; // had the focus before
    let tabbed = -Infinity;
    const focused = (): void => {
      const active = document.activeElement;
      if (active instanceof HTMLElement && active !== frame.current && active !== document.body) {
        last = active;
      }
    };
    const keyed = (event: KeyboardEvent): void => {
      if (event.key === 'Tab') {
        tabbed = performance.now();
      } else if (!['Shift', 'Control', 'Alt', 'Meta'].includes(event.key)) {
        tabbed = -Infinity;
        frame.current?.setAttribute(RESTING, '');
      }
    };
    const moved = (): void => frame.current?.removeAttribute(RESTING);
    const left = (): void => {
      const taken = frame.current;
      if (!taken || document.activeElement !== taken) {
        return;
      }
      if (taken.matches(':hover') || performance.now() - tabbed < TAB_MS) {
        return;
      }
      taken.blur();
      window.focus();
      if (last?.isConnected) {
        last.focus({ preventScroll: true });
      }
    };
    focused();
    const area = stage.current;
    document.addEventListener('focusin', focused, true);
    document.addEventListener('keydown', keyed, true);
    window.addEventListener('blur', left);
    area?.addEventListener('pointermove', moved);
    area?.addEventListener('pointerdown', moved);
    return () => {
      document.removeEventListener('focusin', focused, true);
      document.removeEventListener('keydown', keyed, true);
      window.removeEventListener('blur', left);
      area?.removeEventListener('pointermove', moved);
      area?.removeEventListener('pointerdown', moved);
    };
  }, [frame, stage]);
}
