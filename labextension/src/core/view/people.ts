/** Who takes part in a session, where the server knows people apart. */

import type { Person } from '../wire/events';

/** What they are called, by what they log in as. */
export type Participants = ReadonlyMap<string, string>;

export const NOBODY: Participants = new Map();

/** What to call someone of several; "" where there is only one, or they are not known. */
export function nameOf(person: Person | null, people: Participants): string {
  const name = person === null ? undefined : people.get(person.id);
  if (person === null || name === undefined || people.size < 2) {
    return '';
  }
  const same = Array.from(people.values()).filter(other => other === name).length > 1;
  return same ? `${name} (${person.id})` : name;
}
