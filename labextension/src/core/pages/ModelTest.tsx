import * as React from 'react';
import { TEST_TOKENS, type ModelCheck, type ModelReport } from './modelReport';
import type { Api, ModelChoice, ProviderChoice } from '../wire/transport';
import type { Translation } from '../controls/translation';
import { RequestFailed } from '../wire/wire';
import { Icon, Spinner, type IconName } from '../controls/Icon';
import { ModelChooser } from '../session/ModelChooser';
import { useTranslation } from '../controls/surroundings';
import { Failure } from '../controls/Failure';
import { spoken } from '../controls/language';

/** Try what a model can do. `provider` is the one whose models are offered; of one that lists none, a name is asked for. */
export function ModelTest({
  api,
  provider
}: {
  api: Api;
  provider: ProviderChoice | undefined;
}): React.ReactElement | null {
  const trans = useTranslation();
  const models = useModels(api, provider?.name ?? '');
  const [chosen, setChosen] = React.useState('');
  const [started, setStarted] = React.useState<AbortController | null>(null);
  const [report, setReport] = React.useState<ModelReport | null>(null);
  const [failure, setFailure] = React.useState<RequestFailed | null>(null);
  const id = React.useId();
  // Whoever leaves the page, or looks at another provider, does not wait for the answer any more.
  React.useEffect(() => () => started?.abort(), [started]);
  React.useEffect(() => {
    setStarted(null);
    setReport(null);
    setFailure(null);
    setChosen('');
  }, [provider?.name]);
  // A server on this machine is found without being set up.
  if (!provider || models === null || (models.length === 0 && !provider.configured)) {
    return null;
  }
  const listed = models[0];
  const model = listed ? chosen || listed.id : chosen.trim() && `${provider.name}:${chosen.trim()}`;
  const choose = (id: string): void => {
    setChosen(id);
    setReport(null);
    setFailure(null);
  };
  const start = (): void => {
    const running = new AbortController();
    setStarted(running);
    setReport(null);
    setFailure(null);
    api
      .testModel(model, running.signal)
      .then(
        found => !running.signal.aborted && setReport(found),
        (error: unknown) => !running.signal.aborted && setFailure(RequestFailed.from(error))
      )
      .finally(() => setStarted(now => (now === running ? null : now)));
  };
  return (
    <section className="jp-AppBuilder-modelTest" aria-labelledby={`${id}-title`}>
      <h3 id={`${id}-title`}>{trans.__('Test a model')}</h3>
      <div className="jp-AppBuilder-modelTestRow">
        {listed ? (
          <ModelChooser
            label={trans.__('Model to test')}
            models={models}
            chosen={model}
            disabled={started !== null}
            onChoose={choose}
          />
        ) : (
          <input
            className="jp-AppBuilder-input"
            aria-label={trans.__('Model to test')}
            placeholder={trans.__('The model’s name')}
            spellCheck={false}
            value={chosen}
            disabled={started !== null}
            onChange={event => choose(event.target.value)}
            onKeyDown={event => {
              if (event.key === 'Enter') {
                event.preventDefault(); // it stands in the settings' form
                if (model) {
                  start();
                }
              }
            }}
          />
        )}
        {started ? (
          <button
            type="button"
            className="jp-AppBuilder-button"
            onClick={() => {
              started.abort();
              setStarted(null);
            }}
          >
            {trans.__('Cancel test')}
          </button>
        ) : (
          <button type="button" className="jp-AppBuilder-button" disabled={!model} onClick={start}>
            {trans.__('Test this model')}
          </button>
        )}
      </div>
      <div role="status">
        {started ? (
          <p className="jp-AppBuilder-note">
            <Spinner /> {trans.__('Asking it for some short answers. A model on this machine may take minutes.')}{' '}
            <Clock />
          </p>
        ) : (
          report && <Report report={report} />
        )}
      </div>
      {!started && !report && !failure && (
        <p className="jp-AppBuilder-note">
          {trans.__(
            'Tests tool calls, context size and speed, and shows how the model will be used. Uses about %1 tokens.',
            TEST_TOKENS.toLocaleString(spoken())
          )}
        </p>
      )}
      {failure && <Failure error={failure} />}
    </section>
  );
}

const MARKS: Record<ModelCheck['outcome'], IconName> = { yes: 'check', no: 'cross', unknown: 'question' };

function Report({ report }: { report: ModelReport }): React.ReactElement {
  const trans = useTranslation();
  const said: Record<ModelCheck['outcome'], string> = {
    yes: trans.__('Yes'),
    no: trans.__('No'),
    unknown: trans.__('Not known')
  };
  return (
    <div className="jp-AppBuilder-modelReport">
      <div className={`jp-AppBuilder-notice ${report.usable ? '' : 'jp-mod-error'}`}>
        <Icon name={report.usable ? 'check' : 'alert'} />
        <div>
          <p>{report.verdict}</p>
        </div>
      </div>
      <dl>
        {report.checks.map(check => (
          <React.Fragment key={check.name}>
            <dt>
              <Icon name={MARKS[check.outcome]} className={`jp-mod-${check.outcome}`} />
              {titled(check, trans)}
            </dt>
            <dd>
              <span className="jp-AppBuilder-hidden">{said[check.outcome]}: </span>
              {check.detail}
              {check.hint && check.outcome !== 'yes' && <span className="jp-AppBuilder-hint"> {check.hint}</span>}
            </dd>
          </React.Fragment>
        ))}
      </dl>
      <p className="jp-AppBuilder-note">
        {trans.__('The test used %1 tokens.', report.tokens_used.toLocaleString(spoken()))}
      </p>
    </div>
  );
}

/** How long it has been waited for. */
function Clock(): React.ReactElement {
  const [seconds, setSeconds] = React.useState(0);
  React.useEffect(() => {
    const timer = setInterval(() => setSeconds(count => count + 1), 1000);
    return () => clearInterval(timer);
  }, []);
  return (
    <span aria-hidden="true">
      {Math.floor(seconds / 60)}:{String(seconds % 60).padStart(2, '0')}
    </span>
  );
}

function titled(check: ModelCheck, trans: Translation): string {
  switch (check.name) {
    case 'reachable':
      return trans.__('Reachable');
    case 'key':
      return trans.__('Key');
    case 'model':
      return trans.__('Model');
    case 'answers':
      return trans.__('Answers');
    case 'streaming':
      return trans.__('Streaming');
    case 'speed':
      return trans.__('Speed');
    case 'usage':
      return trans.__('Usage');
    case 'tools':
      return trans.__('Tool calls');
    case 'schema':
      return trans.__('JSON schema');
    case 'images':
      return trans.__('Images');
    case 'context':
      return trans.__('Context');
    default:
      return check.title;
  }
}

/** The live models of a provider that can be asked now; null while they are being looked for. */
function useModels(api: Api, provider: string): readonly ModelChoice[] | null {
  const [models, setModels] = React.useState<readonly ModelChoice[] | null>(null);
  React.useEffect(() => {
    let wanted = true;
    api.models().then(
      found => wanted && setModels(found.filter(choice => !choice.recorded)),
      () => wanted && setModels([])
    );
    return () => {
      wanted = false;
    };
  }, [api]);
  return React.useMemo(() => models?.filter(choice => choice.provider === provider) ?? null, [models, provider]);
}
