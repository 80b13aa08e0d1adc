/** When the data that readers have are refreshed, how that goes, and what came of it. */

import * as React from 'react';
import { Ago } from '../controls/Ago';
import { Disclosure } from '../controls/Disclosure';
import { Failure } from '../controls/Failure';
import { duration } from '../controls/format';
import { Icon, Spinner } from '../controls/Icon';
import { useTranslation } from '../controls/surroundings';
import type { Translation } from '../controls/translation';
import { plainly } from '../feed/plainly';
import { Elapsed } from '../feed/ToolCard';
import type { SessionView } from '../view/view';
import type { Refreshing, RefreshRun, RefreshSchedule } from '../wire/api.generated';
import type { Transport } from '../wire/transport';
import { RequestFailed } from '../wire/wire';
import { Confirm } from './Confirm';
import { inWords, moment, promised } from './cronWords';
import { DataAsOf } from './PublicationCard';
import { ScheduleForm, type Draft } from './ScheduleForm';

/** How often it is asked how a run goes, and whether one began (ms). */
const WHILE_RUNNING = 1500;
const AT_REST = 30_000;
/** So many runs are drawn at first. */
const DRAWN = 5;

/** What stands in the form of a session, also where the panel takes another shape meanwhile. */
const DRAFTS = new Map<string, Draft>();

export function FreshData({
  transport,
  view,
  titleIn,
  disabled
}: {
  transport: Transport;
  view: SessionView;
  /** A target's title. */
  titleIn: (target: string) => string;
  disabled: boolean;
}): React.ReactElement | null {
  const trans = useTranslation();
  const id = React.useId();
  const heading = React.useRef<HTMLHeadingElement>(null);
  const { told, failure, refresh, setTold } = useRefreshing(transport, view);
  const [refusal, setRefusal] = React.useState<RequestFailed | null>(null);
  const [sending, setSending] = React.useState(false);
  const session = view.session?.id ?? '';
  const [editing, setEdits] = React.useState(() => DRAFTS.has(session));
  const setEditing = (edits: boolean): void => {
    DRAFTS.delete(session);
    setEdits(edits);
  };
  const keepDraft = React.useCallback((draft: Draft) => void DRAFTS.set(session, draft), [session]);
  const [removing, setRemoving] = React.useState(false);
  const [open, setOpen] = React.useState(false);
  const [shown, setShown] = React.useState<number | null>(null);
  const [drawn, setDrawn] = React.useState(DRAWN);
  if (!transport.refreshing) {
    return null;
  }
  const ask = (request: Promise<unknown> | undefined, done?: () => void): void => {
    setRefusal(null);
    setSending(true);
    request
      ?.then(done, (error: unknown) => setRefusal(RequestFailed.from(error)))
      .finally(() => {
        setSending(false);
        refresh();
      });
  };
  const schedule = told?.schedule ?? null;
  const last = told?.runs[0];
  const blocked = disabled || sending;
  const show = (number: number): void => {
    setOpen(true);
    setShown(number);
  };
  return (
    <section className="jp-AppBuilder-publication" aria-labelledby={id}>
      <h3 id={id} ref={heading} tabIndex={-1}>
        <Icon name="clock" />
        <span>{trans.__('Fresh data')}</span>
        {schedule?.paused && <span className="jp-AppBuilder-tag">{trans.__('paused')}</span>}
        {told?.late && <span className="jp-AppBuilder-tag jp-mod-late">{trans.__('older than promised')}</span>}
      </h3>
      {failure && (
        <Failure error={failure}>
          <button type="button" className="jp-AppBuilder-link" onClick={refresh}>
            {trans.__('Try again')}
          </button>
        </Failure>
      )}
      {!told && !failure && (
        <p className="jp-AppBuilder-note" role="status">
          <Spinner /> {trans.__('Loading…')}
        </p>
      )}
      {told && !schedule && !editing && (
        <>
          <p className="jp-AppBuilder-hint">
            {trans.__(
              'Readers have the data of the version that is published. A notebook that makes them can be run at set times: where all goes well, readers get its new rows, else they keep what they have.'
            )}
          </p>
          {told.unavailable ? (
            <p className="jp-AppBuilder-hint">{told.unavailable}</p>
          ) : (
            <button
              type="button"
              className="jp-AppBuilder-button jp-mod-start"
              disabled={blocked}
              onClick={() => setEditing(true)}
            >
              <Icon name="clock" />
              {trans.__('Set times…')}
            </button>
          )}
        </>
      )}
      {told && schedule && !editing && (
        <ScheduleLines schedule={schedule} told={told} title={titleIn(schedule.target)} />
      )}
      {told?.running && <Going run={last} view={view} />}
      {last && !told?.running && (last.state === 'failed' || last.state === 'interrupted') && (
        <div className="jp-AppBuilder-notice jp-mod-error" role="alert">
          <Icon name="alert" />
          <div>
            <p>
              {told?.data_as_of
                ? trans.__('The last refresh failed, and readers keep what they have: %1', last.message)
                : trans.__('The last refresh failed: %1', last.message)}
            </p>
            {last.hint && <p className="jp-AppBuilder-hint">{last.hint}</p>}
            <button type="button" className="jp-AppBuilder-link" onClick={() => show(last.number)}>
              {trans.__('Show the run')}
            </button>
          </div>
        </div>
      )}
      {refusal && !editing && <Failure error={refusal} />}
      {editing && told && (
        <ScheduleForm
          schedule={schedule}
          draft={DRAFTS.get(session) ?? null}
          onDraft={keepDraft}
          transport={transport}
          sending={sending}
          disabled={disabled}
          failure={refusal}
          onSet={wanted =>
            ask(transport.setSchedule?.(wanted).then(setTold), () => {
              setEditing(false);
              heading.current?.focus();
            })
          }
          onLeave={() => {
            setRefusal(null);
            setEditing(false);
            heading.current?.focus();
          }}
        />
      )}
      {removing && (
        <Confirm
          question={trans.__('Refresh the data no more?')}
          detail={trans.__('Readers keep what they have. The runs so far stay to be seen.')}
          yes={trans.__('Remove the times')}
          disabled={blocked}
          onYes={() => {
            setRemoving(false);
            ask(transport.removeSchedule?.(), () => heading.current?.focus());
          }}
          onNo={() => setRemoving(false)}
        />
      )}
      {schedule && !editing && (
        <div className="jp-AppBuilder-publishedActs">
          {told?.running ? (
            <button
              type="button"
              className="jp-AppBuilder-button jp-mod-stop"
              disabled={blocked}
              onClick={() => ask(transport.stopRefresh?.())}
            >
              <Icon name="stop" />
              {trans.__('Cancel')}
            </button>
          ) : (
            <button
              type="button"
              className="jp-AppBuilder-button"
              disabled={blocked}
              onClick={() => ask(transport.startRefresh?.())}
            >
              <Icon name="play" />
              {trans.__('Run now')}
            </button>
          )}
          <button
            type="button"
            className="jp-AppBuilder-button"
            disabled={blocked}
            onClick={() => ask(transport.pauseSchedule?.(!schedule.paused))}
          >
            {schedule.paused ? trans.__('Go on') : trans.__('Pause')}
          </button>
          <button type="button" className="jp-AppBuilder-button" disabled={blocked} onClick={() => setEditing(true)}>
            {trans.__('Change…')}
          </button>
          <button type="button" className="jp-AppBuilder-button" disabled={blocked} onClick={() => setRemoving(true)}>
            {trans.__('Remove…')}
          </button>
        </div>
      )}
      {told && told.runs.length > 0 && (
        <>
          <Disclosure body={`${id}-runs`} open={open} onToggle={setOpen} className="jp-AppBuilder-button jp-mod-quiet">
            {trans.__('Runs (%1)', told.runs.length)}
          </Disclosure>
          {open && (
            <div id={`${id}-runs`} className="jp-AppBuilder-publicationMore">
              <ol className="jp-AppBuilder-releases" reversed>
                {told.runs.slice(0, drawn).map(run => (
                  <RunRow
                    key={run.number}
                    run={run}
                    transport={transport}
                    open={shown === run.number}
                    onToggle={wanted => setShown(wanted ? run.number : null)}
                  />
                ))}
              </ol>
              {told.runs.length > drawn && (
                <button type="button" className="jp-AppBuilder-link" onClick={() => setDrawn(told.runs.length)}>
                  {trans.__('Show older runs (%1)', told.runs.length - drawn)}
                </button>
              )}
            </div>
          )}
        </>
      )}
    </section>
  );
}

function ScheduleLines({
  schedule,
  told,
  title
}: {
  schedule: RefreshSchedule;
  told: Refreshing;
  title: string;
}): React.ReactElement {
  const trans = useTranslation();
  const { cron, zone, next, notebook, promise } = schedule;
  const words = inWords(cron, trans);
  return (
    <>
      <p className="jp-AppBuilder-scheduleLine">
        <strong>{words || <code>{cron}</code>}</strong> <span className="jp-AppBuilder-hint">{zone}</span>
      </p>
      {next.length > 0 && (
        <p className="jp-AppBuilder-hint">{trans.__('Next: %1', next.map(at => moment(at, zone)).join(' · '))}</p>
      )}
      <div className="jp-AppBuilder-meta">
        <span className="jp-AppBuilder-ellipsis" title={notebook}>
          {notebook.slice(notebook.lastIndexOf('/') + 1)}
        </span>
        <span>{title}</span>
        {told.data_as_of && <DataAsOf at={told.data_as_of} />}
        {promise !== null && <span>{trans.__('promised within %1', promised(promise))}</span>}
      </div>
    </>
  );
}

/** A run on its way. */
function Going({ run, view }: { run: RefreshRun | undefined; view: SessionView }): React.ReactElement {
  const trans = useTranslation();
  const publishing = view.publishing?.state === 'running';
  return (
    <p className="jp-AppBuilder-note" role="status">
      <Spinner /> {publishing ? trans.__('Publishing the new rows…') : trans.__('Running the notebook…')}{' '}
      {run && <Elapsed since={run.began} />}
    </p>
  );
}

function RunRow({
  run,
  transport,
  open,
  onToggle
}: {
  run: RefreshRun;
  transport: Transport;
  open: boolean;
  onToggle: (open: boolean) => void;
}): React.ReactElement {
  const trans = useTranslation();
  const body = React.useId();
  const { number, state, began, ended, message, release, datasets } = run;
  const took = ended ? Date.parse(ended) - Date.parse(began) : null;
  const rows = Object.entries(datasets).map(
    ([name, count]) => `${name}: ${trans._n('%1 row', '%1 rows', count, count)}`
  );
  return (
    <li value={number}>
      <div className="jp-AppBuilder-releaseRow">
        <RunMark state={state} />
        <strong>{stateTitle(state, trans)}</strong>
        <span className="jp-AppBuilder-meta">
          <Ago at={began} />
          {took !== null && took >= 0 && <span>{duration(took, trans)}</span>}
          {run.by === 'person' && <span>{trans.__('by hand')}</span>}
          {release !== null && <span className="jp-AppBuilder-tag">{trans.__('release %1', release)}</span>}
        </span>
        <span className="jp-AppBuilder-releaseActs">
          <button
            type="button"
            className="jp-AppBuilder-link"
            aria-expanded={open}
            aria-controls={body}
            aria-label={open ? trans.__('Hide run %1', number) : trans.__('Show run %1', number)}
            onClick={() => onToggle(!open)}
          >
            {open ? trans.__('Hide') : trans.__('Show')}
          </button>
        </span>
      </div>
      {state === 'done' && rows.length > 0 && <p className="jp-AppBuilder-hint">{rows.join(' · ')}</p>}
      {state !== 'done' && message && <p className="jp-AppBuilder-hint">{message}</p>}
      {open && (
        <div id={body} className="jp-AppBuilder-publicationMore">
          <RunDetail run={run} transport={transport} />
        </div>
      )}
    </li>
  );
}

/** What one run's cells printed, and what publishing said. */
function RunDetail({ run, transport }: { run: RefreshRun; transport: Transport }): React.ReactElement {
  const trans = useTranslation();
  const [told, setTold] = React.useState<RefreshRun | RequestFailed | null>(null);
  const { number, state } = run;
  React.useEffect(() => {
    let wanted = true;
    transport.refreshRun?.(number).then(
      found => wanted && setTold(found),
      (error: unknown) => wanted && setTold(RequestFailed.from(error))
    );
    return () => {
      wanted = false;
    };
  }, [transport, number, state]);
  if (told === null) {
    return <p className="jp-AppBuilder-note">{trans.__('Loading…')}</p>;
  }
  if (told instanceof RequestFailed) {
    return <Failure error={told} />;
  }
  const { hint, notes, cells = [], log = '' } = told;
  return (
    <>
      {hint && <p className="jp-AppBuilder-hint">{hint}</p>}
      {notes.map((note, at) => (
        <p key={at} className="jp-AppBuilder-hint">
          {note}
        </p>
      ))}
      {cells.length === 0 && <p className="jp-AppBuilder-hint">{trans.__('No cell was run.')}</p>}
      {cells.map(cell => (
        <div key={cell.number} className="jp-AppBuilder-refreshCell">
          <span className={cell.ok ? '' : 'jp-mod-bad'}>
            {cell.left_out
              ? trans.__('Cell %1: left out, it asks the agent', cell.number)
              : cell.ok
                ? trans.__('Cell %1: %2', cell.number, duration(cell.seconds * 1000, trans))
                : trans.__('Cell %1 failed after %2', cell.number, duration(cell.seconds * 1000, trans))}
          </span>
          {cell.output && (
            <pre
              className="jp-AppBuilder-output"
              tabIndex={0}
              aria-label={trans.__('What cell %1 printed', cell.number)}
            >
              {plainly(cell.output)}
            </pre>
          )}
        </div>
      ))}
      {log && (
        <div className="jp-AppBuilder-refreshCell">
          <span>{trans.__('Publishing')}</span>
          <pre className="jp-AppBuilder-output" tabIndex={0} aria-label={trans.__('Log of publishing')}>
            {plainly(log)}
          </pre>
        </div>
      )}
    </>
  );
}

function RunMark({ state }: { state: RefreshRun['state'] }): React.ReactElement {
  switch (state) {
    case 'running':
      return <Spinner />;
    case 'done':
      return <Icon name="check" className="jp-mod-ok" />;
    case 'stopped':
      return <Icon name="minus" />;
    default:
      return <Icon name="alert" className="jp-mod-bad" />;
  }
}

function stateTitle(state: RefreshRun['state'], trans: Translation): string {
  return {
    running: trans.__('Running'),
    done: trans.__('Went well'),
    failed: trans.__('Failed'),
    stopped: trans.__('Cancelled'),
    interrupted: trans.__('Interrupted')
  }[state];
}

interface Told {
  told: Refreshing | null;
  failure: RequestFailed | null;
  refresh: () => void;
  setTold: (told: Refreshing) => void;
}

/** How it stands; asked again when something was published or refreshed, and more often while a run goes on. */
function useRefreshing(transport: Transport, view: SessionView): Told {
  const [told, setTold] = React.useState<Refreshing | null>(null);
  const [failure, setFailure] = React.useState<RequestFailed | null>(null);
  const [again, ask] = React.useReducer((count: number) => count + 1, 0);
  const known = JSON.stringify([view.refreshed?.key, view.publishing?.state, view.session?.published]);
  const running = told?.running ?? false;
  React.useEffect(() => {
    let wanted = true;
    let timer: ReturnType<typeof setTimeout> | undefined;
    transport.refreshing?.().then(
      found => {
        if (wanted) {
          setTold(found);
          setFailure(null);
          timer = setTimeout(ask, found.running ? WHILE_RUNNING : AT_REST);
        }
      },
      (error: unknown) => {
        if (wanted) {
          setFailure(RequestFailed.from(error));
          timer = setTimeout(ask, AT_REST);
        }
      }
    );
    return () => {
      wanted = false;
      clearTimeout(timer);
    };
  }, [transport, known, again, running]);
  return { told, failure, refresh: ask, setTold };
}
