/** What is said of publications, and asked of the agent about what the gate found. */

import type { Translation } from '../controls/translation';
import type { Publication, PublishedRelease } from '../wire/api.generated';
import type { PublishingFinding } from '../wire/events.generated';

/** A publication's name, as addresses and servers can have it (`publishing/base.py`). */
const NAME = /^[a-z0-9](?:[a-z0-9-]{0,40}[a-z0-9])?$/;
export const LONGEST_NAME = 42;

/** The order in which kinds of findings are told: what does most harm first. */
const KINDS: readonly string[] = [
  'check',
  'secret',
  'personal_data',
  'open_function',
  'other_host',
  'source_map',
  'accessibility',
  'not_looked_at'
];

/** So many findings are named in one request to the agent. */
const NAMED = 20;

/** What is wrong with a name; "" if nothing is. */
export function nameProblem(name: string, trans: Translation): string {
  if (name === '') {
    return trans.__('It needs a name: it is part of the address.');
  }
  return NAME.test(name)
    ? ''
    : trans.__('Lower-case letters, digits and hyphens, %1 at most; no hyphen at either end.', LONGEST_NAME);
}

/** A name that is near to what was typed: what cannot stand in one is left out as it is typed. */
export function asName(typed: string): string {
  return typed
    .toLowerCase()
    .replace(/ß/g, 'ss')
    .normalize('NFKD')
    .replace(/[\s_.]+/g, '-')
    .replace(/[^a-z0-9-]/g, '')
    .slice(0, LONGEST_NAME);
}

/** Findings by their kind, the gravest kind first; of unknown kinds last. */
export function byKind(findings: readonly PublishingFinding[]): [string, PublishingFinding[]][] {
  const found = new Map<string, PublishingFinding[]>();
  for (const finding of findings) {
    found.set(finding.kind, [...(found.get(finding.kind) ?? []), finding]);
  }
  const rank = (kind: string): number => (KINDS.includes(kind) ? KINDS.indexOf(kind) : KINDS.length);
  return [...found].sort(([one], [other]) => rank(one) - rank(other));
}

export function kindTitle(kind: string, trans: Translation): string {
  switch (kind) {
    case 'check':
      return trans.__('Checks that failed');
    case 'secret':
      return trans.__('Secrets');
    case 'personal_data':
      return trans.__('Personal or private data');
    case 'open_function':
      return trans.__('Functions that answer everybody');
    case 'other_host':
      return trans.__('Requests to other hosts');
    case 'source_map':
      return trans.__('Source code beside the app');
    case 'accessibility':
      return trans.__('Accessibility');
    case 'not_looked_at':
      return trans.__('Not looked at');
    default:
      return kind;
  }
}

/** Where something was found: `src/App.tsx:12`, or what it is in where that is no file of the app. */
export function placeOf({ path, line, where }: PublishingFinding, trans: Translation): string {
  const place = path && line !== null ? `${path}:${line}` : path;
  switch (where) {
    case 'bundle':
      return trans.__('%1, in what was built', place);
    case 'history':
      return trans.__('%1, in an earlier version', place);
    case 'data':
      return place || trans.__('in the data');
    case 'page':
      return place || trans.__('on the page');
    default:
      return place;
  }
}

/** What the agent is asked to mend. It is shown to the person, who sends it. */
export function requestToFix(findings: readonly PublishingFinding[], trans: Translation): string {
  const lines = findings.slice(0, NAMED).map(finding => {
    const place = placeOf(finding, trans);
    const hint = finding.hint ? ` ${finding.hint}` : '';
    return `- ${place ? `${place}: ` : ''}${finding.message}${hint}`;
  });
  const more = findings.length - NAMED;
  return [
    trans.__('Before I publish the app, please mend what was found:'),
    ...lines,
    ...(more > 0 ? [trans.__('- and %1 more of these kinds', more)] : [])
  ].join('\n');
}

/** The release that readers get now. */
export function liveRelease({ live, releases }: Publication): PublishedRelease | null {
  return releases.find(release => release.number === live) ?? null;
}

/** Releases that can be gone back to, the newest first. */
export function earlier({ live, releases }: Publication): PublishedRelease[] {
  return releases.filter(release => release.kept && release.number !== live);
}

/** An address as the browser opens it, from what the server gave: nothing but a page of the web. */
export function webAddress(url: string, base: string): string {
  try {
    const address = new URL(url, base);
    return address.protocol === 'http:' || address.protocol === 'https:' ? address.href : '';
  } catch {
    return '';
  }
}
