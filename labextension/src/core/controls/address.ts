/** Addresses of pictures that are asked for: fetched once they are about to be seen, and let go of afterwards. */

import * as React from 'react';

/** Gives an address to show a picture by; rejects where there is none, or it is no longer kept. */
export type Source = (id: string) => Promise<string>;

/** How far from what is in view a picture is fetched. */
const NEAR = '400px';

/** Let go of what the browser holds for an address. */
export function release(address: string): void {
  if (address.startsWith('blob:')) {
    URL.revokeObjectURL(address);
  }
}

/**
 * The address of a picture: "" until it is there, null where it cannot be had. `place`: where it is to be shown; without
 * it the picture is fetched at once.
 */
export function useAddress(source: Source | null, id: string, place?: React.RefObject<Element>): string | null {
  const [found, setFound] = React.useState<{ source: Source; id: string; address: string | null } | null>(null);
  React.useEffect(() => {
    if (!source || id === '') {
      return;
    }
    let wanted = true;
    let made = '';
    const stop = whenInView(place?.current ?? null, () => {
      source(id).then(
        address => {
          made = address;
          if (wanted) {
            setFound({ source, id, address });
          } else {
            release(address);
          }
        },
        () => wanted && setFound({ source, id, address: null })
      );
    });
    return () => {
      wanted = false;
      stop();
      release(made);
    };
  }, [source, id, place]);
  return found?.source === source && found?.id === id ? found.address : '';
}

/** Call something once an element is about to be seen; until what is returned is called. */
function whenInView(element: Element | null, seen: () => void): () => void {
  if (!element || !('IntersectionObserver' in window)) {
    seen();
    return () => undefined;
  }
  const observer = new IntersectionObserver(
    entries => {
      if (entries.some(entry => entry.isIntersecting)) {
        observer.disconnect();
        seen();
      }
    },
    { rootMargin: NEAR }
  );
  observer.observe(element);
  return () => observer.disconnect();
}
