/** The `- [ ]` items of a plan, counted from 1 as the server counts them (jupyter_appbuilder/turns/plans.py). */

const FENCE = /^\s*(```|~~~)/;
const BOX = /^(\s*(?:[-*+]|\d+[.)])\s+\[)[ xX](\]\s+\S)/;

/** How many items there are, and the text with those ticked that are `done`. */
export function checklist(text: string, done: readonly number[]): { items: number; text: string } {
  let items = 0;
  let fenced = false;
  const lines = text.split('\n').map(line => {
    if (FENCE.test(line)) {
      fenced = !fenced;
    } else if (!fenced && BOX.test(line)) {
      items += 1;
      return done.includes(items) ? line.replace(BOX, '$1x$2') : line;
    }
    return line;
  });
  return { items, text: lines.join('\n') };
}
