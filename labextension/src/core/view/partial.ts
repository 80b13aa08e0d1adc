/** Reading a tool call's JSON arguments while they are still arriving. */

export interface PartialArguments {
  /** String values found so far, by key, in order; the last may be cut off. */
  values: Record<string, string>;
  /** The key whose value is still arriving, if any. */
  open: string | null;
}

const ESCAPES: Record<string, string> = { n: '\n', t: '\t', r: '\r', b: '\b', f: '\f' };

/** Read a JSON string whose opening quote is at `start`; `end` is -1 while the closing quote has not arrived. */
function readString(text: string, start: number): { value: string; end: number } {
  let value = '';
  let at = start + 1;
  while (at < text.length) {
    const plain = nextSpecial(text, at);
    value += text.slice(at, plain);
    if (plain >= text.length) {
      break;
    }
    if (text[plain] === '"') {
      return { value, end: plain };
    }
    const escape = text[plain + 1];
    if (escape === undefined) {
      break;
    }
    if (escape === 'u') {
      const code = text.slice(plain + 2, plain + 6);
      if (code.length < 4) {
        break;
      }
      value += String.fromCharCode(parseInt(code, 16));
      at = plain + 6;
    } else {
      value += ESCAPES[escape] ?? escape;
      at = plain + 2;
    }
  }
  return { value, end: -1 };
}

function nextSpecial(text: string, from: number): number {
  const special = /["\\]/g; // a file of a megabyte is read in each frame while it arrives
  special.lastIndex = from;
  return special.exec(text)?.index ?? text.length;
}

/**
 * The string values of a JSON object that may be cut off anywhere. Nested values count under their own keys
 * (the last one of a name wins), which is what a progress line needs.
 */
export function readPartial(text: string): PartialArguments {
  const values: Record<string, string> = {};
  let key: string | null = null;
  let at = 0;
  while (at < text.length) {
    const char = text[at];
    if (char !== '"') {
      if (char === ',' || char === '{' || char === '}') {
        key = null;
      }
      at += 1;
      continue;
    }
    const { value, end } = readString(text, at);
    if (key !== null) {
      values[key] = value;
      if (end < 0) {
        return { values, open: key };
      }
      key = null;
      at = end + 1;
      continue;
    }
    if (end < 0) {
      break;
    }
    at = end + 1;
    let after = at;
    while (after < text.length && /\s/.test(text[after] ?? '')) {
      after += 1;
    }
    if (text[after] === ':') {
      key = value;
      at = after + 1;
    }
  }
  return { values, open: null };
}

/** The arguments of a finished call: an object, or null when the model wrote invalid JSON. */
export function readArguments(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text === '' ? '{}' : text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null;
  } catch {
    return null;
  }
}

/** A call's arguments as the log has them; of those that are no JSON, because the call broke off, what can be read. */
export function asWritten(args: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const raw = args['raw'];
  return typeof raw === 'string' && Object.keys(args).length === 1 ? readPartial(raw).values : args;
}

/** The number of lines in a text; an empty one has none and a final newline does not start another. */
export function countLines(text: string): number {
  if (text === '') {
    return 0;
  }
  let lines = text.endsWith('\n') ? 0 : 1;
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) {
    lines += 1;
  }
  return lines;
}
