/** What the open previews show, by session: for the panel, which takes a picture of the same. */

export interface ShownPage {
  path: string;
  /** CSS px. */
  width: number;
  height: number;
  dark: boolean;
}

export type Screenshot = (page: ShownPage) => Promise<Blob>;

/** What a picture can have. */
const SMALLEST = 200;
const WIDEST = 2560;
const HIGHEST = 2000;

export const PHONE = { width: 390, height: 844 };
export const TABLET = { width: 820, height: 1180 };
export const DESKTOP = { width: 1280, height: 800 };

const pages = new Map<string, ShownPage>();

export function showsPage(session: string, page: ShownPage): () => void {
  pages.set(session, page);
  return () => {
    if (pages.get(session) === page) {
      pages.delete(session);
    }
  };
}

/** As a preview shows it, in another size if one is given; the first page on a desktop where none is open. */
export function shownPage(session: string, size?: { width: number; height: number }): ShownPage {
  const shown = { path: '/', dark: false, ...DESKTOP, ...pages.get(session), ...size };
  return {
    ...shown,
    width: within(shown.width, WIDEST),
    height: within(shown.height, HIGHEST)
  };
}

function within(side: number, most: number): number {
  return Math.round(Math.min(most, Math.max(SMALLEST, side)));
}
