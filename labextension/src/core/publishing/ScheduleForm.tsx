/** When the data are to be refreshed, by which notebook, and how old they may get. */

import * as React from 'react';
import { Disclosure } from '../controls/Disclosure';
import { Failure } from '../controls/Failure';
import { Spinner } from '../controls/Icon';
import { useHost, useTranslation } from '../controls/surroundings';
import type { RefreshSchedule } from '../wire/api.generated';
import type { ScheduleTimes, Transport, WantedSchedule } from '../wire/transport';
import { RequestFailed } from '../wire/wire';
import {
  atTime,
  choiceOf,
  CHOICES,
  choiceTitle,
  cronOf,
  inWords,
  moment,
  promised,
  promiseText,
  timeOf
} from './cronWords';

/** After so long without another letter it is asked what a text means (ms). */
const PAUSE = 300;
const PROMISES = [3600, 6 * 3600, 12 * 3600, 86_400, 2 * 86_400, 7 * 86_400];

/** What is written in the form. */
export interface Draft {
  cron: string;
  zone: string;
  notebook: string;
  /** Seconds. */
  promise: number | null;
  minutes: string;
  memory: string;
}

export function ScheduleForm({
  schedule,
  draft,
  transport,
  sending,
  disabled,
  failure,
  onDraft,
  onSet,
  onLeave
}: {
  /** The one that there is. */
  schedule: RefreshSchedule | null;
  /** What was written before the panel took another shape. */
  draft: Draft | null;
  transport: Transport;
  sending: boolean;
  disabled: boolean;
  failure: RequestFailed | null;
  onDraft: (draft: Draft) => void;
  onSet: (wanted: WantedSchedule) => void;
  onLeave: () => void;
}): React.ReactElement {
  const trans = useTranslation();
  const id = React.useId();
  const first = React.useRef<HTMLSelectElement>(null);
  React.useEffect(() => first.current?.focus(), []);
  const [cron, setCron] = React.useState(draft?.cron ?? schedule?.cron ?? cronOf('daily'));
  const [zone, setZone] = React.useState(draft?.zone ?? schedule?.zone ?? own());
  const [notebook, setNotebook] = React.useState(draft?.notebook ?? '');
  const [promise, setPromise] = React.useState((draft ?? schedule)?.promise ?? null);
  const [minutes, setMinutes] = React.useState(String((draft ?? schedule)?.minutes ?? 30));
  const [memory, setMemory] = React.useState(String((draft ?? schedule)?.memory ?? 4096));
  const [more, setMore] = React.useState(false);
  React.useEffect(
    () => onDraft({ cron, zone, notebook, promise, minutes, memory }),
    [onDraft, cron, zone, notebook, promise, minutes, memory]
  );
  const coming = useTimes(transport, cron, zone);
  const notebooks = useNotebooks(notebook);
  const wrong = coming instanceof RequestFailed ? coming : null;
  const wrongIn = (field: string): true | undefined => wrong?.field === field || failure?.field === field || undefined;
  const lacks = !schedule && notebook.trim() === '';
  const time = timeOf(cron);
  const words = inWords(cron, trans);
  const promises = promise === null || PROMISES.includes(promise) ? PROMISES : [...PROMISES, promise];
  const submit = (event: React.FormEvent): void => {
    event.preventDefault();
    if (!sending && !disabled && !lacks) {
      onSet({
        cron,
        zone,
        notebook: notebook.trim(),
        target: schedule?.target ?? '',
        promise: promise === null ? '' : promiseText(promise),
        minutes: Number(minutes) || 0,
        memory: Number(memory) || 0
      });
    }
  };
  return (
    <form
      className="jp-AppBuilder-publishForm"
      onSubmit={submit}
      noValidate
      aria-label={trans.__('Times of refreshing')}
      onKeyDown={event => {
        if (event.key === 'Escape') {
          event.stopPropagation();
          onLeave();
        }
      }}
    >
      <div className="jp-AppBuilder-scheduleRow">
        <div className="jp-AppBuilder-field">
          <label htmlFor={`${id}-choice`}>{trans.__('When')}</label>
          <select
            id={`${id}-choice`}
            ref={first}
            className="jp-AppBuilder-select"
            value={choiceOf(cron)}
            onChange={event => {
              const choice = CHOICES.find(one => one === event.target.value);
              if (choice) {
                setCron(cronOf(choice, choice === 'hourly' ? undefined : (time ?? undefined)));
              }
            }}
          >
            {CHOICES.map(choice => (
              <option key={choice} value={choice}>
                {choiceTitle(choice, trans)}
              </option>
            ))}
            {choiceOf(cron) === '' && <option value="">{trans.__('As the cron text says')}</option>}
          </select>
        </div>
        {time && (
          <div className="jp-AppBuilder-field">
            <label htmlFor={`${id}-time`}>{trans.__('At')}</label>
            <input
              id={`${id}-time`}
              type="time"
              className="jp-AppBuilder-input"
              value={`${pad(time.hour)}:${pad(time.minute)}`}
              onChange={event => setCron(atTime(cron, event.target.value))}
            />
          </div>
        )}
        <div className="jp-AppBuilder-field">
          <label htmlFor={`${id}-cron`}>{trans.__('Cron text')}</label>
          <input
            id={`${id}-cron`}
            className="jp-AppBuilder-input"
            value={cron}
            maxLength={200}
            spellCheck={false}
            autoComplete="off"
            aria-invalid={wrongIn('cron')}
            aria-describedby={`${id}-coming`}
            onChange={event => setCron(event.target.value)}
          />
        </div>
      </div>
      <p id={`${id}-coming`} className="jp-AppBuilder-hint" role={wrong ? 'alert' : 'status'}>
        {wrong ? (
          `${wrong.message} ${wrong.hint}`
        ) : (
          <>
            {words && <strong>{words}. </strong>}
            {coming instanceof RequestFailed || coming === null ? (
              <Spinner />
            ) : (
              trans.__('Next: %1', coming.next.map(at => moment(at, coming.zone)).join(' · '))
            )}
          </>
        )}
      </p>
      <div className="jp-AppBuilder-scheduleRow">
        <div className="jp-AppBuilder-field">
          <label htmlFor={`${id}-zone`}>{trans.__('Time zone')}</label>
          <input
            id={`${id}-zone`}
            className="jp-AppBuilder-input"
            list={`${id}-zones`}
            value={zone}
            maxLength={100}
            spellCheck={false}
            autoComplete="off"
            aria-invalid={wrongIn('zone')}
            onChange={event => setZone(event.target.value)}
          />
          <datalist id={`${id}-zones`}>
            {zones().map(one => (
              <option key={one} value={one} />
            ))}
          </datalist>
        </div>
        <div className="jp-AppBuilder-field">
          <label htmlFor={`${id}-promise`}>{trans.__('Promised within')}</label>
          <select
            id={`${id}-promise`}
            className="jp-AppBuilder-select"
            value={promise ?? ''}
            aria-describedby={`${id}-promised`}
            onChange={event => setPromise(event.target.value === '' ? null : Number(event.target.value))}
          >
            <option value="">{trans.__('Nothing is promised')}</option>
            {promises.map(seconds => (
              <option key={seconds} value={seconds}>
                {promised(seconds)}
              </option>
            ))}
          </select>
        </div>
      </div>
      <p id={`${id}-promised`} className="jp-AppBuilder-hint">
        {promise === null
          ? trans.__('From the next version on, the app says from when its data are.')
          : trans.__(
              'From the next version on, the app says from when its data are, and marks them once they are older than that.'
            )}
      </p>
      <div className="jp-AppBuilder-field">
        <label htmlFor={`${id}-notebook`}>{trans.__('Notebook')}</label>
        <input
          id={`${id}-notebook`}
          className="jp-AppBuilder-input"
          list={`${id}-notebooks`}
          value={notebook}
          placeholder={schedule ? schedule.notebook.slice(schedule.notebook.lastIndexOf('/') + 1) : 'sales.ipynb'}
          spellCheck={false}
          autoComplete="off"
          aria-invalid={wrongIn('notebook')}
          aria-describedby={`${id}-which`}
          onChange={event => setNotebook(event.target.value)}
        />
        <datalist id={`${id}-notebooks`}>
          {notebooks.map(one => (
            <option key={one} value={one} />
          ))}
        </datalist>
        <p id={`${id}-which`} className="jp-AppBuilder-hint">
          {trans.__(
            'It runs in a kernel of its own, with your rights, up to the last cell that hands data over to this app.'
          )}
        </p>
      </div>
      <Disclosure body={`${id}-more`} open={more} onToggle={setMore} className="jp-AppBuilder-button jp-mod-quiet">
        {trans.__('Limits')}
      </Disclosure>
      {more && (
        <div id={`${id}-more`} className="jp-AppBuilder-scheduleRow">
          <div className="jp-AppBuilder-field">
            <label htmlFor={`${id}-minutes`}>{trans.__('Minutes at most')}</label>
            <input
              id={`${id}-minutes`}
              type="number"
              min={1}
              max={1440}
              className="jp-AppBuilder-input"
              value={minutes}
              aria-invalid={wrongIn('minutes')}
              onChange={event => setMinutes(event.target.value)}
            />
          </div>
          <div className="jp-AppBuilder-field">
            <label htmlFor={`${id}-memory`}>{trans.__('Memory (MB)')}</label>
            <input
              id={`${id}-memory`}
              type="number"
              min={256}
              className="jp-AppBuilder-input"
              value={memory}
              aria-invalid={wrongIn('memory')}
              onChange={event => setMemory(event.target.value)}
            />
          </div>
        </div>
      )}
      {failure && <Failure error={failure} />}
      <div className="jp-AppBuilder-publishedActs">
        <button
          type="submit"
          className="jp-AppBuilder-button jp-mod-primary"
          disabled={sending || disabled || lacks || wrong !== null}
        >
          {sending && <Spinner />}
          {schedule ? trans.__('Save') : trans.__('Set')}
        </button>
        <button type="button" className="jp-AppBuilder-button" onClick={onLeave}>
          {trans.__('Cancel')}
        </button>
      </div>
    </form>
  );
}

/** When a schedule that is being written would come; why it is none; null while that is not known. */
function useTimes(transport: Transport, cron: string, zone: string): ScheduleTimes | RequestFailed | null {
  const [told, setTold] = React.useState<ScheduleTimes | RequestFailed | null>(null);
  React.useEffect(() => {
    let wanted = true;
    const timer = setTimeout(() => {
      transport.scheduleTimes?.(cron, zone).then(
        found => wanted && setTold(found),
        (error: unknown) => wanted && setTold(RequestFailed.from(error))
      );
    }, PAUSE);
    return () => {
      wanted = false;
      clearTimeout(timer);
    };
  }, [transport, cron, zone]);
  return told;
}

/** Notebooks of the server whose names are near to what is written. */
function useNotebooks(written: string): string[] {
  const { mentions } = useHost();
  const [found, setFound] = React.useState<string[]>([]);
  React.useEffect(() => {
    let wanted = true;
    const timer = setTimeout(() => {
      mentions?.(written || '.ipynb').then(
        all => {
          const paths = all.flatMap(one => (one.kind === 'file' || one.icon === 'folder' ? [one.label] : []));
          if (wanted) {
            setFound(paths.filter(path => path.endsWith('.ipynb') || path.endsWith('/')));
          }
        },
        () => undefined // it is typed, then
      );
    }, PAUSE);
    return () => {
      wanted = false;
      clearTimeout(timer);
    };
  }, [mentions, written]);
  return found;
}

const pad = (value: number): string => String(value).padStart(2, '0');

function own(): string {
  return new Intl.DateTimeFormat().resolvedOptions().timeZone || 'UTC';
}

function zones(): readonly string[] {
  return Intl.supportedValuesOf('timeZone');
}
