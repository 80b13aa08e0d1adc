/** How the feed names a tool call: an icon, a verb, and the file or command it is about, all as the tool says itself. */

import * as React from 'react';
import { isIcon, type IconName } from '../controls/Icon';
import { known, type Translation } from '../controls/translation';
import type { Tool } from '../wire/api.generated';

/** What the tools say of themselves, by name; empty until the server has said so. */
export type Tools = ReadonlyMap<string, Tool>;

export const ToolsContext = React.createContext<Tools>(new Map());

export function useTools(): Tools {
  return React.useContext(ToolsContext);
}

export function byName(tools: readonly Tool[]): Tools {
  return new Map(tools.map(tool => [tool.name, tool]));
}

export interface ToolLabel {
  icon: IconName;
  /** While it runs or arrives, e.g. "Writing". */
  doing: string;
  /** Once it has ended, e.g. "Wrote". */
  did: string;
  /** A file inside the app, shown as a link. */
  path: string | null;
  /** Anything else it is about: a command, a query. */
  subject: string;
  /** It is a sentence of somebody's, no code. */
  prose: boolean;
}

/** `tool` is what the tool called `name` says of itself, if that is known. */
export function toolLabel(
  tool: Tool | undefined,
  name: string,
  args: Readonly<Record<string, unknown>>,
  trans: Translation
): ToolLabel {
  const path = tool?.opens ? text(args[tool.opens]) || null : null;
  const about = (tool?.subject ?? [])
    .filter(argument => argument !== tool?.opens)
    .map(argument => text(args[argument]));
  const between = tool?.effect === 'write' ? ' → ' : ' ';
  const subject = [...about, lineRange(args)].filter(part => part !== '').join(between);
  const prose = tool?.subject.includes('title') ?? false;
  const icon = tool && isIcon(tool.icon) ? tool.icon : 'wrench';
  if (!tool?.doing || !tool.did) {
    return {
      icon,
      doing: trans.__('Running'),
      did: trans.__('Ran'),
      path,
      subject: `${name} ${subject}`.trim(),
      prose
    };
  }
  return { icon, doing: known(tool.doing, trans), did: known(tool.did, trans), path, subject, prose };
}

/** A text, or those of a list. */
function text(value: unknown): string {
  return Array.isArray(value)
    ? value.filter(item => typeof item === 'string').join(' ')
    : typeof value === 'string'
      ? value
      : '';
}

function lineRange(args: Readonly<Record<string, unknown>>): string {
  const { start_line: start, end_line: end } = args;
  return typeof start === 'number' || typeof end === 'number' ? `${String(start ?? 1)}–${String(end ?? '')}` : '';
}
