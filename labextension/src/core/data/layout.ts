/** A layout as the editor sees it: what stands where, and each change as a JSON Patch with the one that undoes it. */

import type { Layout, LayoutPart } from '../wire/api.generated';

export type Json = unknown;

export interface Step {
  op: 'add' | 'remove' | 'replace' | 'move' | 'test';
  path: string;
  from?: string;
  value?: Json;
}

/** A change and what takes it back. */
export interface Change {
  /** Where what was changed is then. */
  at: string;
  patch: readonly Step[];
  undo: readonly Step[];
}

/** A line of the outline. `kind` says which properties it has. */
export interface Entry {
  kind: 'app' | 'page' | 'region' | 'part';
  /** A JSON pointer into the layout. */
  at: string;
  depth: number;
  name: string;
  /** What tells it from its like: a title, a label. */
  label: string;
}

export const REGIONS = ['top', 'main', 'aside', 'bottom'] as const;
const DEEPEST = 24;
const TELLING = ['title', 'label', 'text', 'submit'];

export const isObject = (value: Json): value is Record<string, Json> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
export const asObject = (value: Json): Record<string, Json> => (isObject(value) ? value : {});
export const asList = (value: Json): readonly Json[] => (Array.isArray(value) ? (value as Json[]) : []);
export const asText = (value: Json): string => (typeof value === 'string' ? value : '');
const escaped = (name: string): string => name.replaceAll('~', '~0').replaceAll('/', '~1');
const last = (at: string): string => at.slice(at.lastIndexOf('/') + 1);
export const parentOf = (at: string): string => at.slice(0, at.lastIndexOf('/'));
export const inside = (at: string, name: string | number): string => `${at}/${escaped(String(name))}`;

/** What a pointer names; undefined where that is not there. */
export function found(layout: Json, at: string): Json {
  return at
    .split('/')
    .slice(1)
    .map(part => part.replaceAll('~1', '/').replaceAll('~0', '~'))
    .reduce<Json>((value, part) => {
      if (Array.isArray(value)) {
        return value[Number(part)] as Json;
      }
      return isObject(value) && Object.hasOwn(value, part) ? value[part] : undefined;
    }, layout);
}

/** The layout line by line: the app, its pages, their regions, what stands in them. */
export function outlined(layout: Layout['layout']): readonly [Entry, ...Entry[]] {
  const entries: [Entry, ...Entry[]] = [{ kind: 'app', at: '', depth: 0, name: '', label: asText(layout.title) }];
  const nodes = (list: Json, at: string, depth: number): void => {
    asList(list).forEach((one, index) => {
      const node = asObject(one);
      const props = asObject(node.props);
      const label = TELLING.map(name => asText(props[name])).find(text => text !== '') ?? '';
      entries.push({ kind: 'part', at: inside(at, index), depth, name: asText(node.component), label });
      if (depth < DEEPEST) {
        nodes(node.children, inside(inside(at, index), 'children'), depth + 1);
      }
    });
  };
  asList(layout.pages).forEach((one, index) => {
    const page = asObject(one);
    const at = inside('/pages', index);
    entries.push({ kind: 'page', at, depth: 1, name: asText(page.path), label: asText(page.title) });
    for (const region of REGIONS.filter(name => name === 'main' || name in page)) {
      entries.push({ kind: 'region', at: inside(at, region), depth: 2, name: region, label: '' });
      nodes(page[region], inside(at, region), 3);
    }
  });
  return entries;
}

/** Where new parts go by a chosen line: at the end of a region or of a part's children. Null where none can stand. */
export function placeFor(entry: Entry, layout: Json, parts: readonly LayoutPart[]): string | null {
  if (entry.kind === 'region') {
    return entry.at;
  }
  if (entry.kind === 'page') {
    return inside(entry.at, 'main');
  }
  if (entry.kind === 'part') {
    const part = parts.find(one => one.name === entry.name);
    const holds = !part?.known || part.props.some(({ name }) => name === 'children');
    return holds || found(layout, inside(entry.at, 'children')) ? inside(entry.at, 'children') : null;
  }
  return null;
}

/** Give something another value; undefined takes it away. What it lies in is compared with what was seen. */
export function set(layout: Json, at: string, value: Json): Change {
  const before = found(layout, at);
  const seen: Step[] = before === undefined ? [] : [{ op: 'test', path: at, value: before }];
  if (value === undefined) {
    return { at, patch: [...seen, { op: 'remove', path: at }], undo: [{ op: 'add', path: at, value: before }] };
  }
  const holder = parentOf(at);
  if (before === undefined && holder && found(layout, holder) === undefined) {
    // props or on, which a part need not have
    const made = { [last(at).replaceAll('~1', '/').replaceAll('~0', '~')]: value };
    return { at, patch: [{ op: 'add', path: holder, value: made }], undo: [{ op: 'remove', path: holder }] };
  }
  const did: Step = { op: before === undefined ? 'add' : 'replace', path: at, value };
  const back: Step = before === undefined ? { op: 'remove', path: at } : { op: 'replace', path: at, value: before };
  return { at, patch: [...seen, did], undo: [back] };
}

/** Put a part at the end of a list, which is made where there is none. */
export function added(layout: Json, list: string, value: Json): Change {
  const before = found(layout, list);
  if (!Array.isArray(before)) {
    return {
      at: inside(list, 0),
      patch: [{ op: 'add', path: list, value: [value] }],
      undo: [{ op: 'remove', path: list }]
    };
  }
  const at = inside(list, before.length);
  return {
    at,
    patch: [{ op: 'add', path: at, value }],
    undo: [
      { op: 'test', path: at, value },
      { op: 'remove', path: at }
    ]
  };
}

/** One place up or down in its list; null at the end of it. */
export function moved(layout: Json, at: string, by: 1 | -1): Change | null {
  const list = parentOf(at);
  const place = Number(last(at)) + by;
  const items = found(layout, list);
  if (!Array.isArray(items) || place < 0 || place >= items.length) {
    return null;
  }
  const to = inside(list, place);
  const test: Step = { op: 'test', path: at, value: found(layout, at) };
  return {
    at: to,
    patch: [test, { op: 'move', from: at, path: to }],
    undo: [{ op: 'move', from: to, path: at }]
  };
}

/** Texts of the app, for the person to write over. */
const FIRST: Record<string, Json> = {
  text: 'Text',
  label: 'Label', // not translated: of the app
  title: 'Title',
  value: '0',
  to: '/',
  rows: [],
  // not translated: of the app
  fields: [{ name: 'title', label: 'Title' }]
};

export const isAction = (name: string): boolean => /^on[A-Z]/.test(name);

/** A new part with what it needs, so that it can stand there at once. */
export function fresh(part: LayoutPart): Json {
  const needed = part.props.filter(({ needed, name }) => needed && name !== 'children').map(({ name }) => name);
  const props = Object.fromEntries(needed.filter(name => !isAction(name)).map(name => [name, FIRST[name] ?? '']));
  const on = Object.fromEntries(needed.filter(isAction).map(name => [name, { say: 'Done' }]));
  return {
    component: part.name,
    ...(Object.keys(props).length ? { props } : {}),
    ...(Object.keys(on).length ? { on } : {})
  };
}

/** A path that no page has. */
export function freePath(layout: Layout['layout']): string {
  const taken = new Set(asList(layout.pages).map(page => asText(asObject(page).path)));
  for (let number = 1; ; number++) {
    const path = number === 1 ? '/new' : `/new-${number}`;
    if (!taken.has(path)) {
      return path;
    }
  }
}
