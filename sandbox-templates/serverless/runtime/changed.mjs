import { writeFileSync } from 'node:fs';

/** Written anew by whoever changes rows from outside the app, where the server has made its folder. */
export const CHANGED = '.app/rows-changed';

/** Open pages ask for their data again: it was changed by nobody whom they would know of. */
export function tellPages() {
  try {
    writeFileSync(CHANGED, `${Date.now()}\n`);
  } catch {
    // they show it when they ask next
  }
}
