/** The conversation as a text: what was asked and answered, and each step in a line. */

import type { Translation } from '../controls/translation';
import { publicationText } from '../publishing/PublishedLine';
import { refreshText } from '../publishing/RefreshedLine';
import { asked as question } from '../view/asked';
import { nameOf, NOBODY, type Participants } from '../view/people';
import type { Entry, Item, SessionView, Turn } from '../view/view';

/** One part of it. `who`: whose request it is, where several take part. `markdown`: as a model wrote it; `lines`: plain text. */
export type Part =
  | { kind: 'request'; text: string; at: string; who: string }
  | { kind: 'markdown'; text: string }
  | { kind: 'lines'; lines: string[] };

/** What an entry consists of, for people. */
export function partsOf(entry: Entry, trans: Translation, people = NOBODY): Part[] {
  const parts: Part[] =
    entry.kind === 'turn'
      ? [{ kind: 'request', text: asked(entry), at: entry.startedAt, who: nameOf(entry.byWhom, people) }]
      : [];
  for (const item of entry.items) {
    const part = partOf(item, entry.kind === 'turn' ? entry.startedAt : '', trans, people);
    const before = parts[parts.length - 1];
    if (part?.kind === 'lines' && before?.kind === 'lines') {
      before.lines.push(...part.lines);
    } else if (part) {
      parts.push(part);
    }
  }
  if (entry.kind === 'turn' && entry.message !== '') {
    parts.push({ kind: 'lines', lines: [entry.message] });
  }
  return parts;
}

function asked({ request, files }: Turn): string {
  return [request, ...files.map(file => file.name)].join('\n');
}

function partOf(item: Item, at: string, trans: Translation, people: Participants): Part | null {
  const line = (text: string): Part => ({ kind: 'lines', lines: [text] });
  switch (item.kind) {
    case 'text':
    case 'plan':
      return { kind: 'markdown', text: item.text };
    case 'request':
      return { kind: 'request', text: item.text, at, who: nameOf(item.byWhom, people) };
    case 'tool':
      return line(item.result?.summary || item.tool);
    case 'file':
      return line(`${item.change.path} +${item.change.added} −${item.change.removed}`);
    case 'restore':
      return line(trans.__('Went back to: %1', item.title || item.restored.checkpoint.slice(0, 7)));
    case 'problem':
      return line(item.problem.message);
    case 'approval': {
      const name = nameOf(item.byWhom, people);
      const parts = [
        question(item.approval, trans),
        item.granted === null ? '' : item.granted ? trans.__('Allowed.') : trans.__('Denied.'),
        name === '' ? '' : `(${trans.__('answered by %1', name)})`
      ];
      return line(parts.filter(part => part !== '').join(' '));
    }
    case 'forked':
      return line(trans.__('Forked from %1', item.name));
    case 'note':
      return line(item.text);
    case 'publication':
      return line(publicationText(item, trans));
    case 'refresh':
      return line(refreshText(item, trans));
    case 'failure':
      return line(item.message);
    case 'reasoning':
    case 'refused':
    case 'network':
    case 'rule':
    case 'budget':
    case 'resumed':
    case 'compacted':
      return null;
  }
}

const TEXTS = new WeakMap<Entry, string>();

/** All of an entry that one may look for, in small letters; worked out once. */
export function searched(entry: Entry, trans: Translation): string {
  let text = TEXTS.get(entry);
  if (text === undefined) {
    text = partsOf(entry, trans)
      .map(part => (part.kind === 'lines' ? part.lines.join('\n') : part.text))
      .join('\n')
      .toLocaleLowerCase();
    TEXTS.set(entry, text);
  }
  return text;
}

/** The numbers of the entries that hold the words as they stand. */
export function found(view: SessionView, words: string, trans: Translation): number[] {
  const wanted = words.trim().toLocaleLowerCase();
  return wanted === ''
    ? []
    : view.entries.flatMap((entry, at) => (searched(entry, trans).includes(wanted) ? [at] : []));
}

/** The conversation as Markdown. */
export function asMarkdown(view: SessionView, trans: Translation): string {
  const passages = [`# ${view.session?.title ?? ''}`];
  for (const entry of view.entries) {
    for (const part of partsOf(entry, trans, view.people)) {
      passages.push(
        part.kind === 'request'
          ? quoted(part.text, part.who)
          : part.kind === 'markdown'
            ? part.text
            : part.lines.map(line => `- ${literal(line)}`).join('\n')
      );
    }
  }
  return `${passages.join('\n\n')}\n`;
}

function quoted(text: string, who: string): string {
  return [...(who === '' ? [] : [`**${literal(who)}**`, '']), text]
    .join('\n')
    .split('\n')
    .map(line => `> ${line}`.trimEnd())
    .join('\n');
}

/** A line that Markdown shows as it is. */
function literal(line: string): string {
  return line.replace(/\s+/g, ' ').replace(/[\\`*_[\]<>]/g, '\\$&');
}
