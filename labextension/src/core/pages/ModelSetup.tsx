import * as React from 'react';
import type { Api, ConnectionCheck, ProviderChoice } from '../wire/transport';
import { RequestFailed } from '../wire/wire';
import { Icon, Spinner } from '../controls/Icon';
import { ModelTest } from './ModelTest';
import type { PanelPage } from './Page';
import { SettingValues } from './SettingValues';
import { useTranslation } from '../controls/surroundings';
import { Failure } from '../controls/Failure';

/** Where models come from. A key goes to the server at once and is never kept in the browser, nor shown again. */
export function ModelSetup({
  api,
  wanted = false,
  onChanged,
  onClose,
  children
}: {
  api: Api;
  /** An app is to be built, and there is no model yet. */
  wanted?: boolean;
  /** There may be other models now. */
  onChanged: () => void;
  /** `chosen`: the model that was tried and can be used. */
  onClose: (chosen: string) => void;
  children?: React.ReactNode;
}): React.ReactElement {
  const trans = useTranslation();
  const [providers, setProviders] = React.useState<readonly ProviderChoice[] | null>(null);
  const [name, setName] = React.useState('');
  const [custom, setCustom] = React.useState('');
  const [baseUrl, setBaseUrl] = React.useState('');
  const [key, setKey] = React.useState('');
  const [file, setFile] = React.useState('');
  const [model, setModel] = React.useState('');
  const [saving, setSaving] = React.useState(false);
  const [testing, setTesting] = React.useState<AbortController | null>(null);
  const [found, setFound] = React.useState<ConnectionCheck | null>(null);
  const [failure, setFailure] = React.useState<RequestFailed | null>(null);
  const heading = React.useRef<HTMLHeadingElement>(null);
  const id = React.useId();

  // Whoever leaves does not wait for the answer any more.
  React.useEffect(() => () => testing?.abort(), [testing]);
  React.useEffect(() => {
    api.providers().then(
      known => {
        setProviders(known);
        const first = known.find(one => one.problem) ?? known.find(one => one.configured) ?? known[0];
        setName(first?.name ?? CUSTOM);
        setBaseUrl(first?.base_url ?? '');
      },
      (error: unknown) => {
        setProviders([]);
        setName(CUSTOM);
        setFailure(RequestFailed.from(error));
      }
    );
  }, [api]);
  const loaded = providers !== null;
  React.useEffect(() => heading.current?.focus(), [loaded]);

  if (providers === null) {
    return (
      <p className="jp-AppBuilder-opening" role="status">
        <Spinner /> {trans.__('Loading…')}
      </p>
    );
  }
  const chosen = providers.find(provider => provider.name === name);
  const inFile = name === GGUF;
  const address = baseUrl.trim();
  const moved = !chosen?.native && address !== '' && address !== chosen?.base_url;
  const keyMissing = chosen !== undefined && !chosen.local && !chosen.configured && !moved;
  const save = (event: React.FormEvent): void => {
    event.preventDefault();
    setFailure(null);
    setFound(null);
    const provider = name === CUSTOM ? custom.trim() : name;
    const settings = inFile
      ? { path: file.trim() }
      : { ...(moved ? { base_url: address } : {}), ...(key ? { api_key: key } : {}) };
    if (Object.keys(settings).length === 0) {
      test(provider);
      return;
    }
    setSaving(true);
    api
      .configure(provider, settings)
      .finally(() => setSaving(false))
      .then(() => {
        setKey('');
        onChanged();
        test(provider);
        return look(provider);
      })
      .catch((error: unknown) => setFailure(RequestFailed.from(error)));
  };
  /** Read what is set up now. */
  const look = async (provider: string): Promise<void> => {
    const known = await api.providers();
    setProviders(known);
    setName(known.some(one => one.name === provider) ? provider : (known[0]?.name ?? CUSTOM));
  };
  const test = (provider: string): void => {
    const running = new AbortController();
    setTesting(running);
    api
      .testProvider(provider, model.trim(), running.signal)
      .then(
        result => {
          if (!running.signal.aborted) {
            setFound(result);
            onChanged();
          }
        },
        (error: unknown) => !running.signal.aborted && setFailure(RequestFailed.from(error))
      )
      .finally(() => setTesting(now => (now === running ? null : now)));
  };
  const forget = (): void => {
    setFailure(null);
    setFound(null);
    api
      .forget(name)
      .then(() => {
        setKey('');
        onChanged();
        return look(name);
      })
      .catch((error: unknown) => setFailure(RequestFailed.from(error)));
  };
  const choose = (provider: string): void => {
    setName(provider);
    setBaseUrl(providers.find(one => one.name === provider)?.base_url ?? '');
    setModel('');
    setFailure(null);
    setFound(null);
    setTesting(null);
  };
  return (
    <form className="jp-AppBuilder-setup" onSubmit={save} autoComplete="off">
      <h2 tabIndex={-1} ref={heading}>
        {trans.__('Model settings')}
      </h2>
      {wanted && (
        <p className="jp-AppBuilder-notice" role="note">
          <Icon name="key" />
          <span>{trans.__('Your idea needs a model. Set one up here; what you wrote is kept.')}</span>
        </p>
      )}
      <p>
        {trans.__(
          'Any endpoint that speaks the OpenAI protocol works: OpenAI, OpenRouter, Z.ai, a company gateway, or Ollama, LM Studio, vLLM and llama.cpp on this machine. A model file (GGUF) needs no server at all.'
        )}
      </p>
      <label htmlFor={`${id}-provider`}>{trans.__('Provider')}</label>
      <select
        id={`${id}-provider`}
        className="jp-AppBuilder-select"
        value={name}
        onChange={event => choose(event.target.value)}
      >
        {providers.map(provider => (
          <option key={provider.name} value={provider.name}>
            {provider.problem
              ? trans.__('%1 (does not work)', provider.title)
              : provider.configured
                ? trans.__('%1 (set up)', provider.title)
                : provider.title}
          </option>
        ))}
        <option value={CUSTOM}>{trans.__('Another endpoint…')}</option>
      </select>
      {name === CUSTOM && (
        <>
          <label htmlFor={`${id}-name`}>{trans.__('Name')}</label>
          <input
            id={`${id}-name`}
            className="jp-AppBuilder-input"
            value={custom}
            required
            pattern="[a-z][a-z0-9_\-]*"
            placeholder="my-gateway"
            title={trans.__('Small letters, digits, - and _')}
            onChange={event => setCustom(event.target.value)}
          />
        </>
      )}
      {inFile && (
        <>
          <label htmlFor={`${id}-file`}>{trans.__('File')}</label>
          <input
            id={`${id}-file`}
            className="jp-AppBuilder-input"
            value={file}
            required
            spellCheck={false}
            placeholder="~/models/qwen3-coder-q4_k_m.gguf"
            aria-describedby={`${id}-file-note`}
            onChange={event => setFile(event.target.value)}
          />
          <p className="jp-AppBuilder-note" id={`${id}-file-note`}>
            {trans.__(
              'A path on the Jupyter server: absolute, from ~, or from the root folder. The model runs there, takes about as much memory as the file is large, and sends nothing anywhere. Only use files from people you trust.'
            )}
          </p>
        </>
      )}
      {!chosen?.native && !inFile && (
        <>
          <label htmlFor={`${id}-url`}>{trans.__('Base URL')}</label>
          <input
            id={`${id}-url`}
            className="jp-AppBuilder-input"
            type="url"
            value={baseUrl}
            required={!chosen?.base_url}
            placeholder="http://localhost:11434/v1"
            onChange={event => setBaseUrl(event.target.value)}
          />
        </>
      )}
      {!inFile && (
        <>
          <label htmlFor={`${id}-key`}>{trans.__('API key')}</label>
          <input
            id={`${id}-key`}
            className="jp-AppBuilder-input"
            type="password"
            value={key}
            required={keyMissing}
            autoComplete="new-password"
            spellCheck={false}
            placeholder={
              chosen?.key_source
                ? trans.__('Leave empty to keep the one in use')
                : chosen?.local || name === CUSTOM
                  ? trans.__('Only if the endpoint asks for one')
                  : ''
            }
            onChange={event => setKey(event.target.value)}
          />
        </>
      )}
      {!inFile && (name === CUSTOM || found?.ok === false) && (
        <>
          <label htmlFor={`${id}-model`}>{trans.__('Model to try (optional)')}</label>
          <input
            id={`${id}-model`}
            className="jp-AppBuilder-input"
            value={model}
            spellCheck={false}
            placeholder={trans.__('The first one it lists')}
            onChange={event => setModel(event.target.value)}
          />
        </>
      )}
      {chosen?.keys_url && /^https:/.test(chosen.keys_url) && (
        <p className="jp-AppBuilder-note">
          <a href={chosen.keys_url} target="_blank" rel="noopener noreferrer">
            {trans.__('Get a key from %1', chosen.title)}
          </a>
        </p>
      )}
      {!inFile && (
        <p className="jp-AppBuilder-note">
          <Icon name="key" />{' '}
          {trans.__(
            'The key is kept on the Jupyter server, readable only by you. It never reaches a notebook, a log or the app.'
          )}
        </p>
      )}
      {failure && <Failure error={failure} />}
      {!found && !testing && !failure && chosen?.problem && <Failure error={new RequestFailed(chosen.problem)} />}
      {found && !found.ok && <Failure error={new RequestFailed(found)} />}
      <div role="status">
        {testing && (
          <p className="jp-AppBuilder-note">
            <Spinner /> {trans.__('Testing…')}
          </p>
        )}
        {found?.ok && (
          <div className="jp-AppBuilder-notice">
            <Icon name="check" />
            <div>
              <p>{found.message}</p>
              {found.hint && <p className="jp-AppBuilder-hint">{found.hint}</p>}
            </div>
          </div>
        )}
      </div>
      <div className="jp-AppBuilder-actions">
        {chosen?.stored && (
          <button type="button" className="jp-AppBuilder-button jp-mod-quiet" onClick={forget}>
            <Icon name="trash" />
            {chosen.key_source === 'panel' ? trans.__('Remove the key') : trans.__('Remove')}
          </button>
        )}
        <button
          type="button"
          className={`jp-AppBuilder-button ${found?.ok ? 'jp-mod-primary' : ''}`}
          onClick={() => onClose(found?.ok ? found.model : '')}
        >
          {found?.ok ? trans.__('Done') : trans.__('Back')}
        </button>
        <button
          type="submit"
          className={`jp-AppBuilder-button ${found?.ok ? '' : 'jp-mod-primary'}`}
          disabled={saving || testing !== null}
        >
          {saving ? trans.__('Saving…') : trans.__('Save')}
        </button>
      </div>
      {chosen?.key_source === 'environment' || chosen?.key_source === 'configuration' ? (
        <p className="jp-AppBuilder-note">
          {chosen.key_source === 'environment'
            ? trans.__('Its key comes from the environment of the Jupyter server; it is removed there.')
            : trans.__('Its key comes from the configuration of the Jupyter server; it is removed there.')}
        </p>
      ) : null}
      <ModelTest key={found?.message ?? ''} api={api} provider={chosen} />
      {children}
    </form>
  );
}

const CUSTOM = ':custom';
const GGUF = 'gguf';

export const modelSettings: PanelPage = {
  title: trans => trans.__('Model settings'),
  icon: 'key',
  Body: ({ model, catalog }) => (
    <ModelSetup
      api={model.api}
      wanted={model.get().page?.wanted ?? false}
      onChanged={catalog.refresh}
      onClose={chosen => {
        model.setUp = chosen || model.setUp;
        model.leave();
      }}
    >
      <SettingValues api={model.api} page="models" />
    </ModelSetup>
  )
};
