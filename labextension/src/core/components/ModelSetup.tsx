import * as React from 'react';
import type { Api, ProviderChoice } from '../transport';
import { RequestFailed } from '../wire';
import { Icon, Spinner } from './Icon';
import { ModelTest } from './ModelTest';
import { useTranslation } from './surroundings';
import { Failure } from './Turn';

/** Where models come from. A key goes to the server at once and is never kept in the browser, nor shown again. */
export function ModelSetup({
  api,
  onDone,
  onCancel
}: {
  api: Api;
  onDone: () => void;
  onCancel: () => void;
}): React.ReactElement {
  const trans = useTranslation();
  const [providers, setProviders] = React.useState<readonly ProviderChoice[] | null>(null);
  const [name, setName] = React.useState('');
  const [custom, setCustom] = React.useState('');
  const [baseUrl, setBaseUrl] = React.useState('');
  const [key, setKey] = React.useState('');
  const [file, setFile] = React.useState('');
  const [saving, setSaving] = React.useState(false);
  const [failure, setFailure] = React.useState<RequestFailed | null>(null);
  const heading = React.useRef<HTMLHeadingElement>(null);
  const id = React.useId();

  React.useEffect(() => {
    heading.current?.focus();
    api.providers().then(
      found => {
        setProviders(found);
        const first = found.find(provider => provider.configured) ?? found[0];
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

  if (providers === null) {
    return (
      <p className="jp-AppBuilder-opening" role="status">
        <Spinner /> {trans.__('Loading…')}
      </p>
    );
  }
  const chosen = providers.find(provider => provider.name === name);
  const inFile = name === GGUF;
  const save = (event: React.FormEvent): void => {
    event.preventDefault();
    setSaving(true);
    setFailure(null);
    const settings = inFile
      ? { path: file.trim() }
      : {
          ...(baseUrl.trim() && !chosen?.native && baseUrl.trim() !== chosen?.base_url ? { base_url: baseUrl.trim() } : {}),
          ...(key ? { api_key: key } : {})
        };
    api
      .configure(name === CUSTOM ? custom.trim() : name, settings)
      .then(() => {
        setKey('');
        onDone();
      })
      .catch((error: unknown) => setFailure(RequestFailed.from(error)))
      .finally(() => setSaving(false));
  };
  return (
    <form className="jp-AppBuilder-setup" onSubmit={save} autoComplete="off">
      <h2 tabIndex={-1} ref={heading}>
        {trans.__('Model settings')}
      </h2>
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
        onChange={event => {
          setName(event.target.value);
          setBaseUrl(providers.find(provider => provider.name === event.target.value)?.base_url ?? '');
          setFailure(null);
        }}
      >
        {providers.map(provider => (
          <option key={provider.name} value={provider.name}>
            {provider.configured ? trans.__('%1 (set up)', provider.title) : provider.title}
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
            required={name === CUSTOM}
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
          {trans.__('The key is kept on the Jupyter server, readable only by you. It never reaches a notebook, a log or the app.')}
        </p>
      )}
      {failure && <Failure error={failure} />}
      <div className="jp-AppBuilder-actions">
        <button type="button" className="jp-AppBuilder-button" onClick={onCancel}>
          {trans.__('Cancel')}
        </button>
        <button type="submit" className="jp-AppBuilder-button jp-mod-primary" disabled={saving}>
          {saving ? trans.__('Saving…') : trans.__('Save')}
        </button>
      </div>
      <ModelTest api={api} provider={chosen} />
    </form>
  );
}

const CUSTOM = ':custom';
const GGUF = 'gguf';
