/** The functions on an app's server: what each answers and said last, and a call of one. */

import * as React from 'react';
import { Disclosure } from '../controls/Disclosure';
import { Failure } from '../controls/Failure';
import { Icon, Spinner } from '../controls/Icon';
import { IconButton } from '../controls/IconButton';
import { useTranslation } from '../controls/surroundings';
import type { AppFunction, FunctionCalled, FunctionLine } from '../wire/api.generated';
import type { FunctionRequest, Requests } from '../wire/transport';
import { RequestFailed } from '../wire/wire';
import { tracked } from './tracked';
import { spoken } from '../controls/language';

export type FunctionAsks = Required<Pick<Requests, 'functions' | 'callFunction'>>;

const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;
type Method = (typeof METHODS)[number];

/** `changed` is another number whenever the app's code may have changed. */
export function FunctionsPane({ asks, changed }: { asks: FunctionAsks; changed: number }): React.ReactElement {
  const trans = useTranslation();
  const [found, setFound] = React.useState<readonly AppFunction[] | null>(null);
  const [failure, setFailure] = React.useState<RequestFailed | null>(null);
  const [chosen, setChosen] = React.useState('');
  const [round, setRound] = React.useState(0);

  React.useEffect(() => {
    const current = tracked();
    asks.functions().then(
      told => current.is && (setFound(told ?? []), setFailure(null)),
      (error: unknown) => current.is && setFailure(RequestFailed.from(error))
    );
    return current.end;
  }, [asks, changed, round]);

  const again = (): void => setRound(known => known + 1);
  const one = found?.find(({ name }) => name === chosen) ?? found?.[0];
  return (
    <section className="jp-AppBuilder-data" aria-label={trans.__('Functions')}>
      {failure && <Failure error={failure} />}
      {!found && !failure && (
        <p className="jp-AppBuilder-dataEmpty" role="status">
          <Spinner /> {trans.__('Asking the app’s server…')}
        </p>
      )}
      {found?.length === 0 && (
        <p className="jp-AppBuilder-dataEmpty">
          {trans.__('The app has no functions yet. Say in the chat what its server should do.')}
        </p>
      )}
      {found && one && (
        <>
          <div className="jp-AppBuilder-dataTables" role="group" aria-label={trans.__('Functions')}>
            {found.map(each => (
              <button
                key={each.name}
                type="button"
                className="jp-AppBuilder-button jp-mod-quiet"
                aria-pressed={each === one}
                onClick={() => setChosen(each.name)}
              >
                {each.failure && <Icon name="alert" />}
                {each.name}
              </button>
            ))}
            <IconButton icon="reload" label={trans.__('Ask again')} onClick={again} />
          </div>
          <OneFunction key={one.name} one={one} asks={asks} onCalled={again} />
        </>
      )}
    </section>
  );
}

function OneFunction({
  one,
  asks,
  onCalled
}: {
  one: AppFunction;
  asks: FunctionAsks;
  onCalled: () => void;
}): React.ReactElement {
  const trans = useTranslation();
  const methods = METHODS.filter(method => one.methods.length === 0 || one.methods.includes(method));
  const [wanted, setMethod] = React.useState<Method | null>(null);
  const method = wanted && methods.includes(wanted) ? wanted : (methods[0] ?? 'GET'); // the code may be another by now
  const [rest, setRest] = React.useState('');
  const [body, setBody] = React.useState('');
  const [waiting, setWaiting] = React.useState(false);
  const [called, setCalled] = React.useState<FunctionCalled | null>(null);
  const [failure, setFailure] = React.useState<RequestFailed | null>(null);
  const takesBody = method !== 'GET';

  const call = (): void => {
    const [more = '', query = ''] = rest.split(/\?(.*)/s);
    const request: FunctionRequest = { name: `${one.name}${more && `/${more.replace(/^\//, '')}`}`, method, query };
    if (takesBody && body.trim()) {
      try {
        request.body = JSON.parse(body) as unknown;
      } catch (error) {
        const message = trans.__('The body is no JSON: %1', String(error));
        setFailure(new RequestFailed({ message, hint: trans.__('Write texts and names in double quotes.') }));
        return;
      }
    }
    setWaiting(true);
    setFailure(null);
    asks
      .callFunction(request)
      .then(
        told => {
          setCalled(told);
          onCalled();
        },
        (error: unknown) => {
          setCalled(null);
          setFailure(RequestFailed.from(error));
        }
      )
      .finally(() => setWaiting(false));
  };
  return (
    <div className="jp-AppBuilder-function">
      <p className="jp-AppBuilder-hint">
        <code>{one.path}</code> ·{' '}
        {one.methods.length ? trans.__('answers %1', one.methods.join(', ')) : trans.__('answers every method')}
      </p>
      {one.failure && (
        <p className="jp-AppBuilder-notice jp-mod-error" role="alert">
          <Icon name="alert" /> <span>{trans.__('It cannot be compiled: %1', one.failure)}</span>
        </p>
      )}
      <form
        className="jp-AppBuilder-dataBar"
        onSubmit={event => {
          event.preventDefault();
          if (!waiting) {
            call();
          }
        }}
      >
        <select
          className="jp-AppBuilder-input"
          value={method}
          aria-label={trans.__('Method')}
          onChange={event => setMethod(event.target.value as Method)}
        >
          {methods.map(each => (
            <option key={each}>{each}</option>
          ))}
        </select>
        <code className="jp-AppBuilder-functionPath">api/{one.name}</code>
        <input
          className="jp-AppBuilder-input"
          value={rest}
          spellCheck={false}
          aria-label={trans.__('Rest of the path, and query')}
          placeholder="/7?day=1"
          onChange={event => setRest(event.target.value)}
        />
        <button type="submit" className="jp-AppBuilder-button jp-mod-primary" disabled={waiting}>
          {waiting ? <Spinner /> : <Icon name="play" />}
          {trans.__('Call')}
        </button>
      </form>
      {takesBody && (
        <textarea
          className="jp-AppBuilder-input jp-AppBuilder-functionBody"
          rows={3}
          spellCheck={false}
          value={body}
          aria-label={trans.__('Body (JSON)')}
          placeholder='{ "title": "Milk" }'
          onChange={event => setBody(event.target.value)}
        />
      )}
      {failure && <Failure error={failure} />}
      {called && <Outcome called={called} />}
      <Said lines={one.said} />
    </div>
  );
}

function Outcome({ called }: { called: FunctionCalled }): React.ReactElement {
  const trans = useTranslation();
  const changes = called.changes.map(({ table, ...counts }) => {
    const told = Object.entries(counts).filter(([, count]) => typeof count === 'number' && count > 0);
    return `${String(table)}: ${told.map(([what, count]) => `${String(count)} ${what}`).join(', ')}`;
  });
  return (
    <div className="jp-AppBuilder-functionOutcome" role="status">
      <p>
        <strong>{called.status}</strong>{' '}
        <span className="jp-AppBuilder-hint">
          {trans.__('%1 ms', called.ms.toLocaleString(spoken()))}
          {changes.length > 0 && ` · ${changes.join('; ')}`}
        </span>
      </p>
      {called.missing.length > 0 && (
        <p className="jp-AppBuilder-hint">{trans.__('Not set under Secrets: %1', called.missing.join(', '))}</p>
      )}
      <pre tabIndex={0} aria-label={trans.__('What it answered')}>
        {called.error ? called.stack || called.error : pretty(called.body) || trans.__('(No body.)')}
      </pre>
      {called.logs.length > 0 && <Lines lines={called.logs} label={trans.__('What the call said')} />}
    </div>
  );
}

/** What a function said last, in this call and before. */
function Said({ lines }: { lines: readonly FunctionLine[] }): React.ReactElement | null {
  const trans = useTranslation();
  const [open, setOpen] = React.useState(false);
  const body = React.useId();
  return lines.length === 0 ? null : (
    <div>
      <Disclosure body={body} open={open} onToggle={setOpen} className="jp-AppBuilder-button jp-mod-quiet">
        {trans.__('Last lines (%1)', lines.length)}
      </Disclosure>
      {open && (
        <div id={body}>
          <Lines lines={lines} label={trans.__('What it said last')} />
        </div>
      )}
    </div>
  );
}

function Lines({ lines, label }: { lines: readonly FunctionLine[]; label: string }): React.ReactElement {
  return (
    <pre tabIndex={0} aria-label={label}>
      {lines
        .map(
          ({ at, level, text }) =>
            `${at === null ? '' : `${new Date(at).toLocaleTimeString(spoken())} `}${level}: ${text}`
        )
        .join('\n')}
    </pre>
  );
}

function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
