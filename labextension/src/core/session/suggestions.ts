/** What `/` and `@` offer while a request is written. */

import type { IconName } from '../controls/Icon';

export interface Suggestion {
  key: string;
  label: string;
  detail?: string;
  icon: IconName;
  /** Stands in the place of what was typed. */
  insert?: string;
  /** Is done; what was typed goes. */
  run?: () => void;
}

/** What is offered for a character and what follows it; those of `@` may take a while. */
export type Suggest = (trigger: '/' | '@', query: string) => readonly Suggestion[] | Promise<readonly Suggestion[]>;

export interface Trigger {
  trigger: '/' | '@';
  query: string;
  /** Where it stands in the text. */
  start: number;
  end: number;
}

/** What is being completed at the caret: `/` begins the text, `@` a word. */
export function triggerAt(text: string, caret: number): Trigger | null {
  const before = text.slice(0, caret);
  const command = /^\/([\w-]*)$/.exec(before);
  if (command) {
    return { trigger: '/', query: command[1] ?? '', start: 0, end: caret };
  }
  const name = /(?:^|[\s(])@([\w./-]{0,100})$/.exec(before);
  return name ? { trigger: '@', query: name[1] ?? '', start: caret - (name[1] ?? '').length - 1, end: caret } : null;
}

/** Those that hold all that was typed: in the name's beginning first. */
export function matching(all: readonly Suggestion[], query: string, most = 12): Suggestion[] {
  const wanted = query.toLowerCase();
  const rank = ({ label }: Suggestion): number => {
    const name = label.toLowerCase().replace(/^\//, '');
    const alone = name.slice(name.lastIndexOf('/') + 1);
    return name.startsWith(wanted) || alone.startsWith(wanted) ? 0 : name.includes(wanted) ? 1 : 2;
  };
  return all
    .map((suggestion, at) => ({ suggestion, at, rank: rank(suggestion) }))
    .filter(one => one.rank < 2)
    .sort((one, other) => one.rank - other.rank || one.at - other.at)
    .slice(0, most)
    .map(one => one.suggestion);
}
