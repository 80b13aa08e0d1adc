/** Who may open what is published on the Hub: said, and changed. */

import * as React from 'react';
import { Failure } from '../controls/Failure';
import { Icon, Spinner } from '../controls/Icon';
import { useTranslation } from '../controls/surroundings';
import type { Readers } from '../wire/api.generated';
import type { Requests } from '../wire/transport';
import { RequestFailed } from '../wire/wire';
import { namedOf, PeopleFields, readersOf, type Named } from './People';

export type ReadersAsks = Required<Pick<Requests, 'readers' | 'setReaders'>>;

/** So many names are drawn. */
const DRAWN = 20;

export function ReadersPart({
  target,
  asks,
  disabled
}: {
  target: string;
  asks: ReadersAsks;
  disabled: boolean;
}): React.ReactElement {
  const trans = useTranslation();
  const id = React.useId();
  const [now, setNow] = React.useState<Readers | null>(null);
  const [wanted, setWanted] = React.useState<Named | null>(null);
  const [failure, setFailure] = React.useState<RequestFailed | null>(null);
  const [saving, setSaving] = React.useState(false);
  const [saved, setSaved] = React.useState(false);
  const [again, setAgain] = React.useState(0);
  const heading = React.useRef<HTMLHeadingElement>(null);
  React.useEffect(() => {
    let current = true;
    setFailure(null);
    asks.readers(target).then(
      found => current && setNow(found),
      (error: unknown) => current && setFailure(RequestFailed.from(error))
    );
    return () => {
      current = false;
    };
  }, [asks, target, again]);
  const leave = (): void => {
    setWanted(null);
    setFailure(null);
    heading.current?.focus();
  };
  const save = (event: React.FormEvent): void => {
    event.preventDefault();
    if (!wanted || saving) {
      return;
    }
    const order = readersOf(wanted);
    if (order.readers === 'people' && order.users.length + order.groups.length === 0) {
      setFailure(
        new RequestFailed({
          message: trans.__('Nobody is named who may open it.'),
          hint: trans.__('Name users or groups, or choose another answer.'),
          field: 'users'
        })
      );
      return;
    }
    setSaving(true);
    setFailure(null);
    asks
      .setReaders(target, order)
      .then(
        found => {
          setNow(found);
          setSaved(true);
          setWanted(null);
          heading.current?.focus();
        },
        (error: unknown) => setFailure(RequestFailed.from(error))
      )
      .finally(() => setSaving(false));
  };
  return (
    <section className="jp-AppBuilder-readers" aria-labelledby={id}>
      <h4 id={id} ref={heading} tabIndex={-1}>
        {trans.__('Who may open it')}
      </h4>
      {!now && !failure && (
        <p className="jp-AppBuilder-note" role="status">
          <Spinner /> {trans.__('Asking the Hub…')}
        </p>
      )}
      {now && !wanted && (
        <>
          <Summary readers={now} />
          {saved && (
            <p className="jp-AppBuilder-hint" role="status">
              <Icon name="check" /> {trans.__('Changed, at once and for the next versions.')}
            </p>
          )}
          <div className="jp-AppBuilder-actions">
            <button
              type="button"
              className="jp-AppBuilder-button"
              disabled={disabled}
              onClick={() => {
                setSaved(false);
                setWanted(namedOf(now));
              }}
            >
              <Icon name="person" />
              {trans.__('Change who…')}
            </button>
          </div>
        </>
      )}
      {wanted && (
        <form onSubmit={save} noValidate>
          <PeopleFields
            legend={trans.__('Besides you')}
            choices={['me', 'people', 'everybody']}
            value={wanted}
            refused={failure?.field ?? ''}
            disabled={saving}
            onChange={value => {
              setFailure(null);
              setWanted(value);
            }}
          />
          {(now?.readers === 'everybody') !== (wanted.who === 'everybody') && (
            <p className="jp-AppBuilder-hint">{trans.__('The app starts anew for this, which takes some seconds.')}</p>
          )}
          {failure && <Failure error={failure} />}
          <div className="jp-AppBuilder-actions">
            <button type="button" className="jp-AppBuilder-button" disabled={saving} onClick={leave}>
              {trans.__('Cancel')}
            </button>
            <button type="submit" className="jp-AppBuilder-button jp-mod-primary" disabled={disabled || saving}>
              {saving && <Spinner />}
              {saving ? trans.__('Saving…') : trans.__('Save')}
            </button>
          </div>
        </form>
      )}
      {failure && !wanted && (
        <Failure error={failure}>
          <button type="button" className="jp-AppBuilder-link" onClick={() => setAgain(count => count + 1)}>
            {trans.__('Try again')}
          </button>
        </Failure>
      )}
    </section>
  );
}

function Summary({ readers: { readers, users = [], groups = [] } }: { readers: Readers }): React.ReactElement {
  const trans = useTranslation();
  if (readers === 'me' || (readers === 'people' && users.length + groups.length === 0)) {
    return (
      <p className="jp-AppBuilder-note">
        {trans.__('Nobody but you. Name people or groups of the Hub, or let in everybody with an account.')}
      </p>
    );
  }
  if (readers === 'everybody') {
    return <p>{trans.__('Everybody with an account on the Hub.')}</p>;
  }
  return <PeopleNames users={users} groups={groups} />;
}

/** Names as small tags. */
export function PeopleNames({
  users,
  groups
}: {
  users: readonly string[];
  groups: readonly string[];
}): React.ReactElement {
  const trans = useTranslation();
  const all = [...users, ...groups.map(group => trans.__('group %1', group))];
  return (
    <ul className="jp-AppBuilder-names">
      {all.slice(0, DRAWN).map((name, at) => (
        <li key={at} className="jp-AppBuilder-tag" title={name}>
          {name}
        </li>
      ))}
      {all.length > DRAWN && <li className="jp-AppBuilder-quiet">{trans.__('and %1 more', all.length - DRAWN)}</li>}
    </ul>
  );
}
