/** The first run: a sandbox and a model, what to build, and watching it. What is there already is one line. */

import * as React from 'react';
import { Failure } from '../controls/Failure';
import { Icon, Spinner } from '../controls/Icon';
import { IconButton } from '../controls/IconButton';
import { useTranslation } from '../controls/surroundings';
import type { Api, ConnectionCheck, ModelChoice, ProviderChoice, SandboxChoice } from '../wire/transport';
import { RequestFailed } from '../wire/wire';

export function StepTitle({
  number,
  title,
  done = false,
  children
}: {
  number: number;
  title: string;
  done?: boolean;
  children?: React.ReactNode;
}): React.ReactElement {
  const trans = useTranslation();
  return (
    <div className="jp-AppBuilder-step">
      <span className={`jp-AppBuilder-stepNumber${done ? ' jp-mod-done' : ''}`} aria-hidden="true">
        {done ? <Icon name="check" /> : number}
      </span>
      <h3>
        <span className="jp-AppBuilder-hidden">{trans.__('Step %1 of 3:', number)} </span>
        {title}
        {done && <span className="jp-AppBuilder-hidden"> {trans.__('(done)')}</span>}
      </h3>
      {children}
    </div>
  );
}

export interface GroundworkProps {
  api: Api;
  /** The models are not known yet. */
  loading: boolean;
  /** The model of the next app; none where only the recorded demo answers. */
  model: ModelChoice | undefined;
  /** Providers that are set up and do not work. */
  broken: readonly ProviderChoice[];
  /** Where the next app runs; none where nothing can run, or that is not known yet. */
  sandbox: SandboxChoice | undefined;
  /** No sandbox can be made. */
  nowhere: boolean;
  hasDemos: boolean;
  onSetUp: () => void;
  onDemo: () => void;
  /** Look again at what is there. */
  onCheck: () => void;
  onLeave: () => void;
}

/** The first step. */
export function Groundwork(props: GroundworkProps): React.ReactElement {
  const { api, loading, model, broken, sandbox, nowhere, hasDemos } = props;
  const trans = useTranslation();
  const done = model !== undefined && broken.length === 0 && !nowhere;
  return (
    <section className="jp-AppBuilder-groundwork" aria-label={trans.__('First steps')}>
      <StepTitle number={1} title={trans.__('A model to build with')} done={done}>
        <IconButton icon="cross" label={trans.__('Leave the first steps out')} onClick={props.onLeave} />
      </StepTitle>
      {loading && (
        <p className="jp-AppBuilder-note" role="status">
          <Spinner /> {trans.__('Looking for models…')}
        </p>
      )}
      {model && <FoundModel key={model.id} api={api} model={model} onSetUp={props.onSetUp} />}
      {!loading && !model && broken.length === 0 && (
        <>
          <p>{trans.__('No model is set up yet. The demos below play without one; your own ideas need one.')}</p>
          <span className="jp-AppBuilder-stepActions">
            <button type="button" className="jp-AppBuilder-button" onClick={props.onSetUp}>
              {trans.__('Set up a model')}
            </button>
            {hasDemos && (
              <button type="button" className="jp-AppBuilder-button jp-mod-quiet" onClick={props.onDemo}>
                <Icon name="play" />
                {trans.__('Watch a demo first')}
              </button>
            )}
          </span>
        </>
      )}
      {sandbox && (
        <p className="jp-AppBuilder-note" title={sandbox.isolation?.detail}>
          <Icon name={sandbox.isolation?.warning ? 'alert' : 'check'} />{' '}
          {sandbox.isolation?.warning
            ? trans.__('The app will run with less isolation; see the warning above.')
            : trans.__('The sandbox works: the app runs apart from your files.')}
        </p>
      )}
      {nowhere && (
        <span className="jp-AppBuilder-stepActions">
          <span>{trans.__('No app can run here yet; what is missing stands above.')}</span>
          <button type="button" className="jp-AppBuilder-button" onClick={props.onCheck}>
            {trans.__('Check again')}
          </button>
        </span>
      )}
    </section>
  );
}

/** A model that is set up: its name, and whether it answers. */
function FoundModel({
  api,
  model,
  onSetUp
}: {
  api: Api;
  model: ModelChoice;
  onSetUp: () => void;
}): React.ReactElement {
  const trans = useTranslation();
  const [testing, setTesting] = React.useState<AbortController | null>(null);
  const [found, setFound] = React.useState<ConnectionCheck | null>(null);
  // Whoever leaves does not wait for the answer any more.
  React.useEffect(() => () => testing?.abort(), [testing]);
  const test = (): void => {
    const running = new AbortController();
    setTesting(running);
    setFound(null);
    api
      .testProvider(model.provider, model.id.slice(model.id.indexOf(':') + 1), running.signal)
      .then(
        result => !running.signal.aborted && setFound(result),
        (error: unknown) => !running.signal.aborted && setFound({ ok: false, model: model.id, ...wordsOf(error) })
      )
      .finally(() => setTesting(now => (now === running ? null : now)));
  };
  return (
    <>
      <span className="jp-AppBuilder-stepActions">
        <span className="jp-AppBuilder-ellipsis" title={model.id}>
          {model.title}
        </span>
        <button type="button" className="jp-AppBuilder-link" onClick={test} disabled={testing !== null}>
          {trans.__('Test it')}
        </button>
        <button type="button" className="jp-AppBuilder-link" onClick={onSetUp}>
          {trans.__('Use another')}
        </button>
      </span>
      <div role="status">
        {testing && (
          <p className="jp-AppBuilder-note">
            <Spinner /> {trans.__('Testing…')}
          </p>
        )}
        {found?.ok && (
          <p className="jp-AppBuilder-note">
            <Icon name="check" /> {found.message}
          </p>
        )}
      </div>
      {found && !found.ok && (
        <Failure error={new RequestFailed(found)}>
          <button type="button" className="jp-AppBuilder-link" onClick={onSetUp}>
            {trans.__('Check its settings')}
          </button>
        </Failure>
      )}
    </>
  );
}

function wordsOf(error: unknown): { message: string; hint: string } {
  const { message, hint } = RequestFailed.from(error);
  return { message, hint };
}
