/** The `- [ ]` items of a plan, counted from 1 as the server counts them (turns/plans.py, tests/vectors). */

const FENCE = /^[ \t]*(```|~~~)/;
const BOX = /^([ \t]*(?:[-*+]|[0-9]+[.)])[ \t]+\[)[ xX](\][ \t]+[^ \t\r])/;

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
