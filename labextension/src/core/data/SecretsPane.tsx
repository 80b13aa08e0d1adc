/** The secrets of an app: which its code asks for, and a field to set one. A value goes in and is never shown. */

import * as React from 'react';
import { Ago } from '../controls/Ago';
import { Failure } from '../controls/Failure';
import { Icon, Spinner } from '../controls/Icon';
import { useTranslation } from '../controls/surroundings';
import type { Secret, Secrets } from '../wire/api.generated';
import type { Requests } from '../wire/transport';
import { RequestFailed } from '../wire/wire';
import { tracked } from './tracked';

export type SecretAsks = Required<Pick<Requests, 'secrets' | 'setSecret' | 'removeSecret'>>;

const NAME = /^[A-Z][A-Z0-9_]{0,63}$/;

/** `changed` is another number whenever the app's code may have changed. */
export function SecretsPane({ asks, changed }: { asks: SecretAsks; changed: number }): React.ReactElement {
  const trans = useTranslation();
  const [found, setFound] = React.useState<Secrets | null>(null);
  const [failure, setFailure] = React.useState<RequestFailed | null>(null); // of reading
  const [refusal, setRefusal] = React.useState<RequestFailed | null>(null); // of what was done here
  const [round, setRound] = React.useState(0);
  const reading = React.useRef(tracked());

  React.useEffect(() => {
    const current = (reading.current = tracked());
    asks.secrets().then(
      told => current.is && (setFound(told), setFailure(null)),
      (error: unknown) => current.is && setFailure(RequestFailed.from(error))
    );
    return current.end;
  }, [asks, changed, round]);

  /** Something was done: what is being read meanwhile may not have it, and is read again. */
  const again = (): void => {
    reading.current.end();
    setRound(known => known + 1);
  };
  const set = async (name: string, value: string): Promise<boolean> => {
    setRefusal(null);
    try {
      setFound(await asks.setSecret(name, value));
      again();
      return true;
    } catch (error) {
      setRefusal(RequestFailed.from(error));
      return false;
    }
  };
  const remove = (name: string): void => {
    setRefusal(null);
    asks.removeSecret(name).then(again, (error: unknown) => setRefusal(RequestFailed.from(error)));
  };
  return (
    <section className="jp-AppBuilder-data jp-AppBuilder-secrets" aria-label={trans.__('Secrets')}>
      {failure && <Failure error={failure} />}
      {refusal && <Failure error={refusal} />}
      {!found && !failure && (
        <p className="jp-AppBuilder-dataEmpty" role="status">
          <Spinner /> {trans.__('Looking for secrets…')}
        </p>
      )}
      {found && (
        <>
          <p className="jp-AppBuilder-hint">
            {trans.__('Keys and passwords that the app’s functions get as env. Nobody is shown their values.')}{' '}
            {found.problem || trans.__('They are kept in %1.', found.where)}
          </p>
          <ul className="jp-AppBuilder-secretList">
            {found.secrets.map(secret => (
              <SecretRow key={secret.name} secret={secret} onSet={set} onRemove={remove} />
            ))}
          </ul>
          <NewSecret onSet={set} />
        </>
      )}
    </section>
  );
}

function SecretRow({
  secret,
  onSet,
  onRemove
}: {
  secret: Secret;
  onSet: (name: string, value: string) => Promise<boolean>;
  onRemove: (name: string) => void;
}): React.ReactElement {
  const trans = useTranslation();
  const [open, setOpen] = React.useState(!secret.set);
  React.useEffect(() => setOpen(!secret.set), [secret.set]);
  return (
    <li className="jp-AppBuilder-secret">
      <div className="jp-AppBuilder-dataBar">
        <Icon name="key" />
        <code>{secret.name}</code>
        {secret.set ? (
          <span className="jp-AppBuilder-hint">
            {trans.__('set')} <Ago at={secret.at ?? ''} />
          </span>
        ) : (
          <span className="jp-AppBuilder-tag">{trans.__('not set yet')}</span>
        )}
        {secret.set && (
          <span className="jp-AppBuilder-secretActions">
            <button
              type="button"
              className="jp-AppBuilder-link"
              aria-expanded={open}
              aria-label={trans.__('Replace %1', secret.name)}
              onClick={() => setOpen(!open)}
            >
              {trans.__('Replace')}
            </button>
            <button
              type="button"
              className="jp-AppBuilder-link"
              aria-label={trans.__('Remove %1', secret.name)}
              onClick={() => onRemove(secret.name)}
            >
              {trans.__('Remove')}
            </button>
          </span>
        )}
      </div>
      {(secret.why || secret.used_by.length > 0) && (
        <p className="jp-AppBuilder-hint">
          {secret.why && `${secret.why} `}
          {secret.used_by.length > 0 && trans.__('Read by %1.', secret.used_by.join(', '))}
        </p>
      )}
      {open && <SecretField name={secret.name} onSet={onSet} onDone={() => setOpen(false)} />}
    </li>
  );
}

/** A field for one value, empty whenever it is shown. */
export function SecretField({
  name,
  onSet,
  onDone
}: {
  name: string;
  onSet: (name: string, value: string) => Promise<boolean>;
  onDone?: () => void;
}): React.ReactElement {
  const trans = useTranslation();
  const [value, setValue] = React.useState('');
  const [waiting, setWaiting] = React.useState(false);
  return (
    <form
      className="jp-AppBuilder-dataBar"
      autoComplete="off"
      onSubmit={event => {
        event.preventDefault();
        if (waiting || !value) {
          return;
        }
        setWaiting(true);
        void onSet(name, value).then(done => {
          setWaiting(false);
          if (done) {
            setValue('');
            onDone?.();
          }
        });
      }}
    >
      <input
        className="jp-AppBuilder-input"
        type="password"
        autoComplete="new-password"
        spellCheck={false}
        value={value}
        aria-label={trans.__('Value of %1', name)}
        placeholder={trans.__('Value')}
        onChange={event => setValue(event.target.value)}
      />
      <button type="submit" className="jp-AppBuilder-button jp-mod-primary" disabled={waiting || !value}>
        {waiting && <Spinner />}
        {trans.__('Set')}
      </button>
    </form>
  );
}

function NewSecret({ onSet }: { onSet: (name: string, value: string) => Promise<boolean> }): React.ReactElement {
  const trans = useTranslation();
  const [name, setName] = React.useState('');
  const fits = NAME.test(name);
  return (
    <div className="jp-AppBuilder-secret">
      <div className="jp-AppBuilder-dataBar">
        <input
          className="jp-AppBuilder-input"
          value={name}
          spellCheck={false}
          autoComplete="off"
          aria-label={trans.__('Name of a further secret')}
          aria-invalid={name !== '' && !fits}
          placeholder={trans.__('Another name, e.g. API_KEY')}
          onChange={event => setName(event.target.value.trim().toUpperCase().replaceAll('-', '_'))}
        />
      </div>
      {fits && <SecretField name={name} onSet={onSet} onDone={() => setName('')} />}
    </div>
  );
}
