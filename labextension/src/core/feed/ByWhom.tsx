import * as React from 'react';
import { useTranslation } from '../controls/surroundings';
import { nameOf, NOBODY } from '../view/people';
import type { Person } from '../wire/events';

/** Those who take part in the session that is shown. */
export const People = React.createContext(NOBODY);

/** What to call someone of several; "" where there is only one, or they are not known. */
export function useName(person: Person | null): string {
  return nameOf(person, React.useContext(People));
}

/** The name of who wrote what stands below, where several take part. */
export function ByWhom({ person }: { person: Person | null }): React.ReactElement | null {
  const trans = useTranslation();
  const name = useName(person);
  return name === '' || person === null ? null : (
    <div
      className="jp-AppBuilder-byWhom jp-AppBuilder-ellipsis"
      title={trans.__('%1 asked this (%2)', name, person.id)}
    >
      <bdi>{name}</bdi>
    </div>
  );
}
