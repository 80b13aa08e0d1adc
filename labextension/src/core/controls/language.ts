/** The language of the panel, for what the browser writes by itself: numbers, dates, how long ago. */

let language: string | undefined;

const RIGHT_TO_LEFT = new Set(['ar', 'ckb', 'dv', 'fa', 'he', 'ks', 'ps', 'sd', 'ug', 'ur', 'yi']);

/** Undefined: the browser's, where nobody says which. */
export function spoken(): string | undefined {
  return language;
}

/** From now on; one that no browser knows is as none. */
export function speak(code: string): void {
  try {
    [language] = Intl.getCanonicalLocales(code.replaceAll('_', '-'));
  } catch {
    language = undefined;
  }
}

/** Which way it is written. */
export function direction(): 'ltr' | 'rtl' {
  return RIGHT_TO_LEFT.has(language?.split('-')[0] ?? '') ? 'rtl' : 'ltr';
}

/** What a region of the panel needs, so that it is read aloud, hyphenated and laid out in its language. */
export function inLanguage(node: HTMLElement): void {
  if (language !== undefined) {
    node.lang = language;
    node.dir = direction();
  }
}
