import * as React from 'react';

/**
 * While `open`, a press or focus anywhere outside the element closes what it holds. What takes the focus by itself, as
 * JupyterLab's launcher does when it appears, closes nothing: the focus goes back, once.
 */
export function useLeave(root: React.RefObject<HTMLElement>, open: boolean, close: () => void): void {
  const tell = React.useRef(close);
  tell.current = close;
  // It ends before what comes in its place takes the focus.
  React.useLayoutEffect(() => {
    if (!open) {
      return;
    }
    let pressed = false; // a key or something in it, since it opened
    let last: HTMLElement | null = null; // what had the focus in it
    const note = (): void => {
      pressed = true;
    };
    const outside = (event: Event): void => {
      const target = event.target as HTMLElement;
      if (root.current?.contains(target)) {
        last = target;
      } else if (event.type === 'pointerdown' || pressed || target instanceof HTMLIFrameElement) {
        tell.current();
      } else {
        const back = last;
        last = null;
        back?.focus();
      }
    };
    if (root.current?.contains(document.activeElement)) {
      last = document.activeElement as HTMLElement;
    }
    document.addEventListener('keydown', note, true);
    document.addEventListener('click', note, true);
    document.addEventListener('pointerdown', outside, true);
    document.addEventListener('focusin', outside, true);
    return () => {
      document.removeEventListener('keydown', note, true);
      document.removeEventListener('click', note, true);
      document.removeEventListener('pointerdown', outside, true);
      document.removeEventListener('focusin', outside, true);
    };
  }, [root, open]);
}
