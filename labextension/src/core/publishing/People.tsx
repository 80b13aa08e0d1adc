/** Whom something is shown to: nobody else, users and groups of the Hub by name, or everybody with an account. */

import * as React from 'react';
import { useTranslation } from '../controls/surroundings';
import type { Readers } from '../wire/api.generated';

export type Who = Readers['readers'];

/** What is written, as it is written. */
export interface Named {
  who: Who;
  users: string;
  groups: string;
}

export function namedOf({ readers, users = [], groups = [] }: Readers): Named {
  return { who: readers, users: users.join(', '), groups: groups.join(', ') };
}

export function readersOf({ who, users, groups }: Named): Required<Readers> {
  const people = who === 'people';
  return { readers: who, users: people ? names(users) : [], groups: people ? names(groups) : [] };
}

/** Names with commas, semicolons or lines between them, each once. */
export function names(text: string): string[] {
  return [...new Set(text.split(/[,;\n]/).map(name => name.trim()))].filter(name => name !== '');
}

export function PeopleFields({
  legend,
  choices,
  value,
  refused,
  disabled,
  onChange
}: {
  legend: string;
  choices: readonly Who[];
  value: Named;
  /** The field that the server did not take: `users`, `groups`, `readers` or another. */
  refused: string;
  disabled: boolean;
  onChange: (value: Named) => void;
}): React.ReactElement {
  const trans = useTranslation();
  const id = React.useId();
  const titles: Record<Who, string> = {
    me: trans.__('Only me'),
    people: trans.__('People and groups that I name'),
    everybody: trans.__('Everybody with an account on the Hub')
  };
  return (
    <fieldset className="jp-AppBuilder-people" disabled={disabled}>
      <legend>{legend}</legend>
      {choices.map(one => (
        <label key={one}>
          <input
            type="radio"
            name={`${id}-who`}
            checked={value.who === one}
            onChange={() => onChange({ ...value, who: one })}
          />
          <span>{titles[one]}</span>
        </label>
      ))}
      {value.who === 'people' && (
        <>
          {(['users', 'groups'] as const).map(kind => (
            <div key={kind} className="jp-AppBuilder-field">
              <label htmlFor={`${id}-${kind}`}>{kind === 'users' ? trans.__('Users') : trans.__('Groups')}</label>
              <input
                id={`${id}-${kind}`}
                className="jp-AppBuilder-input"
                value={value[kind]}
                autoComplete="off"
                spellCheck={false}
                aria-invalid={refused === kind || undefined}
                aria-describedby={`${id}-help`}
                onChange={event => onChange({ ...value, [kind]: event.target.value })}
              />
            </div>
          ))}
          <p id={`${id}-help`} className="jp-AppBuilder-hint">
            {trans.__('Names as they are on the Hub, with commas between them.')}
          </p>
        </>
      )}
    </fieldset>
  );
}
