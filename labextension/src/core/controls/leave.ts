import * as React from 'react';

/** While `open`, a press or focus anywhere outside the element closes what it holds. */
export function useLeave(root: React.RefObject<HTMLElement>, open: boolean, close: () => void): void {
  const tell = React.useRef(close);
  tell.current = close;
  React.useEffect(() => {
    if (!open) {
      return;
    }
    const outside = (event: Event): void => {
      if (!root.current?.contains(event.target as Node)) {
        tell.current();
      }
    };
    document.addEventListener('pointerdown', outside, true);
    document.addEventListener('focusin', outside, true);
    return () => {
      document.removeEventListener('pointerdown', outside, true);
      document.removeEventListener('focusin', outside, true);
    };
  }, [root, open]);
}
