/** What the agent says may be wanted next: lines of the form `Next: …` that end what it says. */

const LINE = /^\s*(?:[-*]\s+)?(?:\*\*)?Next:(?:\*\*)?\s+(.{3,120}?)\s*$/;
const MOST = 3;

/** Its words without these lines, and what they ask for: three at most. */
export function nextRequests(text: string): { text: string; next: readonly string[] } {
  const lines = text.trimEnd().split('\n');
  const next: string[] = [];
  while (lines.length > 0) {
    const line = lines[lines.length - 1] ?? '';
    const found = LINE.exec(line);
    if (found?.[1]) {
      next.unshift(found[1]);
    } else if (line.trim() !== '' || next.length === 0) {
      break;
    }
    lines.pop();
  }
  return next.length === 0 ? { text, next } : { text: lines.join('\n').trimEnd(), next: next.slice(0, MOST) };
}
