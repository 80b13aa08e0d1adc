/** How the feed names a tool call: an icon, a verb, and the file or command it is about. */

import type { IconName } from '../controls/Icon';
import type { Translation } from '../controls/translation';

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
}

export function toolLabel(tool: string, args: Readonly<Record<string, unknown>>, trans: Translation): ToolLabel {
  const text = (...names: string[]): string => {
    for (const name of names) {
      const value = args[name];
      if (typeof value === 'string' && value !== '') {
        return value;
      }
    }
    return '';
  };
  const path = text('path', 'file') || null;
  switch (tool) {
    case 'write_file':
      return { icon: 'filePlus', doing: trans.__('Writing'), did: trans.__('Wrote'), path, subject: '' };
    case 'edit_file':
      return { icon: 'pencil', doing: trans.__('Editing'), did: trans.__('Edited'), path, subject: '' };
    case 'read_file':
      return { icon: 'eye', doing: trans.__('Reading'), did: trans.__('Read'), path, subject: lineRange(args) };
    case 'delete_file':
      return { icon: 'trash', doing: trans.__('Deleting'), did: trans.__('Deleted'), path: null, subject: path ?? '' };
    case 'rename_file': {
      const to = text('new', 'new_path', 'to', 'destination');
      const from = text('old', 'old_path', 'from', 'source') || (path ?? '');
      return {
        icon: 'file',
        doing: trans.__('Renaming'),
        did: trans.__('Renamed'),
        path: null,
        subject: to ? `${from} → ${to}` : from
      };
    }
    case 'write_plan':
      return { icon: 'plan', doing: trans.__('Writing a plan'), did: trans.__('Wrote a plan'), path: null, subject: '' };
    case 'tick_plan':
      return { icon: 'check', doing: trans.__('Ticking off'), did: trans.__('Ticked off'), path: null, subject: trans.__('the plan') };
    case 'list_files':
      return {
        icon: 'list',
        doing: trans.__('Listing files'),
        did: trans.__('Listed files'),
        path: null,
        subject: text('path', 'under')
      };
    case 'search_files':
      return {
        icon: 'search',
        doing: trans.__('Searching for'),
        did: trans.__('Searched for'),
        path: null,
        subject: text('query', 'pattern', 'text')
      };
    case 'run_command':
      return {
        icon: 'terminal',
        doing: trans.__('Running'),
        did: trans.__('Ran'),
        path: null,
        subject: text('command')
      };
    case 'install_packages': {
      const packages = args['packages'];
      return {
        icon: 'box',
        doing: trans.__('Installing'),
        did: trans.__('Installed'),
        path: null,
        subject: Array.isArray(packages) ? packages.join(' ') : text('packages')
      };
    }
    case 'request_network':
      return { icon: 'globe', doing: trans.__('Asking for'), did: trans.__('Asked for'), path: null, subject: text('host') };
    case 'check_app':
      return { icon: 'shield', doing: trans.__('Checking the app'), did: trans.__('Checked the app'), path: null, subject: '' };
    default:
      return { icon: 'wrench', doing: trans.__('Running'), did: trans.__('Ran'), path, subject: tool };
  }
}

function lineRange(args: Readonly<Record<string, unknown>>): string {
  const number = (...names: string[]): number | null => {
    for (const name of names) {
      const value = args[name];
      if (typeof value === 'number') {
        return value;
      }
    }
    return null;
  };
  const start = number('start', 'start_line', 'first', 'first_line');
  const end = number('end', 'end_line', 'last', 'last_line');
  return start === null && end === null ? '' : `${start ?? 1}–${end ?? ''}`;
}
