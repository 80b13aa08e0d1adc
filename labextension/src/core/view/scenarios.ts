/** What the log tells of the app's scenarios. */

import type { Scenario } from './items';

type Scenarios = ReadonlyMap<string, Scenario>;

/** Those of before with what `detail` says of them now; null where it says nothing. */
export function scenariosIn(detail: Readonly<Record<string, unknown>>, before: Scenarios): Scenarios | null {
  const outcomes = outcomesIn(detail);
  if (!outcomes) {
    // A check that could not try them, as nobody looked or the person stopped it, leaves them open.
    return detail['looked'] === false || ('looked' in detail && 'untried' in detail)
      ? inOtherVersion(before, '')
      : null;
  }
  const whole = (detail['scenarios'] as { all?: unknown }).all === true;
  return new Map([...(whole ? [] : before), ...outcomes.map(one => [one.name, one] as const)]);
}

/** The scenarios that were tried, where `detail` is of a call that tried some. */
export function outcomesIn(detail: Readonly<Record<string, unknown>>): Scenario[] | null {
  const told = detail['scenarios'];
  if (!isObject(told) || !Array.isArray(told['outcomes'])) {
    return null;
  }
  const found: Scenario[] = [];
  for (const one of told['outcomes'] as unknown[]) {
    if (isObject(one) && typeof one['name'] === 'string' && typeof one['title'] === 'string') {
      const { name, title, ok, message, step } = one;
      found.push({
        name,
        title,
        ok: ok === true,
        ...(typeof message === 'string' ? { message } : {}),
        ...(typeof step === 'number' ? { step } : {})
      });
    }
  }
  return found;
}

const FILE = /^scenarios\/([^/]+)\.yaml$/;

/** After a change of a file: one of a scenario says nothing of how that goes, another that each went so before it. */
export function afterChange(before: Scenarios, path: string, change: string, title?: string): Scenarios {
  const name = FILE.exec(path)?.[1];
  if (name === undefined) {
    const fresh = [...before.values()].some(one => !one.untried && !one.before);
    return fresh
      ? new Map([...before].map(([key, one]) => [key, one.untried ? one : { ...one, before: true }]))
      : before;
  }
  const now = new Map(before);
  if (change === 'deleted') {
    now.delete(name);
  } else {
    now.set(name, untried(before, name, title));
  }
  return now;
}

const TITLE = /^[+ ]title:[ \t]+(.+)$/m;
const WRITTEN = /^title:[ \t]+(.+)$/m;

/** The title that a patch of a scenario's file, or the arguments of the call that wrote it, give it. */
export function titleIn(patch = '', written: Readonly<Record<string, unknown>> = {}): string | undefined {
  const { title, content } = written;
  if (typeof title === 'string') {
    return title;
  }
  return plain((typeof content === 'string' ? WRITTEN.exec(content) : TITLE.exec(patch))?.[1]);
}

/** A text of YAML without its quotes, or what is said behind it. */
function plain(written = ''): string | undefined {
  const quoted = /^(?:"((?:[^"\\]|\\.)*)"|'((?:[^']|'')*)')[ \t]*(?:#.*)?\r?$/.exec(written);
  if (quoted) {
    return quoted[1]?.replace(/\\(["\\])/g, '$1') ?? quoted[2]?.replace(/''/g, "'");
  }
  return written.replace(/[ \t]+#.*$/, '').trim() || undefined;
}

const FILES = /^diff --git a\/scenarios\/([^/\n]+)\.yaml b\/.*\n(new|deleted)?/gm;

/** In another version, which `patch` leads to: what works in one says nothing of another. */
export function inOtherVersion(before: Scenarios, patch: string): Scenarios {
  const now = new Map([...before.keys()].map(name => [name, untried(before, name)]));
  for (const { 1: name = '', 2: how, index } of patch.matchAll(FILES)) {
    if (how === 'deleted') {
      now.delete(name);
    } else {
      const end = patch.indexOf('\ndiff --git ', index);
      now.set(name, untried(before, name, titleIn(patch.slice(index, end < 0 ? undefined : end))));
    }
  }
  return now;
}

function untried(known: Scenarios, name: string, title = known.get(name)?.title): Scenario {
  return { name, title: title ?? name, ok: false, untried: true };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
