/** All settings in one place; each page of theirs has an address of its own. */

import * as React from 'react';
import { Icon, Spinner } from '../controls/Icon';
import { useHost, useTranslation } from '../controls/surroundings';
import type { Translation } from '../controls/translation';
import { sandboxTitle } from '../session/Sandbox';
import type { Api, ModelChoice, SandboxChoice, Setting, TemplateChoice } from '../wire/transport';
import { Page, type PanelPage } from './Page';
import { SettingList, SettingValues, useSettings } from './SettingValues';

const SECTIONS: readonly Setting['page'][] = ['models', 'rules', 'network', 'usage', 'sandbox', 'templates'];

export function SettingsPage({
  api,
  models,
  templates,
  onClose
}: {
  api: Api;
  models: readonly ModelChoice[];
  templates: readonly TemplateChoice[];
  onClose: () => void;
}): React.ReactElement {
  const trans = useTranslation();
  const { pages, preferences } = useHost();
  const settings = useSettings(api);
  const heading = React.useRef<HTMLHeadingElement>(null);
  React.useEffect(() => heading.current?.focus(), []);
  return (
    <Page id="settings" title={trans.__('Settings')} heading={heading} onClose={onClose}>
      <p className="jp-AppBuilder-quiet">
        {trans.__('What holds for all your apps, and who set it: App Builder itself, the administrator, or you.')}
      </p>
      {settings === null && (
        <p className="jp-AppBuilder-note" role="status">
          <Spinner /> {trans.__('Loading…')}
        </p>
      )}
      {preferences && (
        <section className="jp-AppBuilder-settingsSection" aria-label={trans.__('Yours')}>
          <Preference
            label={trans.__('Model of your new apps')}
            chosen={preferences.model}
            choices={models.map(({ id, title }) => [id, title])}
            onChoose={model => preferences.set({ model })}
          />
          <Preference
            label={trans.__('Template of your new apps')}
            chosen={preferences.template}
            choices={templates.map(({ name, title }) => [name, title])}
            onChoose={template => preferences.set({ template })}
          />
          <button type="button" className="jp-AppBuilder-link" onClick={preferences.showAll}>
            {trans.__('More of yours, in JupyterLab’s settings')}
          </button>
        </section>
      )}
      {SECTIONS.map(page => (
        <section
          key={page}
          className="jp-AppBuilder-settingsSection"
          aria-labelledby={`jp-AppBuilder-settings-${page}`}
        >
          <h3 id={`jp-AppBuilder-settings-${page}`}>
            <button type="button" className="jp-AppBuilder-settingsLink" onClick={pages?.[page]?.run}>
              <Icon name={pages?.[page]?.icon ?? 'list'} />
              <span>{pages?.[page]?.label}</span>
              <Icon name="chevron" className="jp-AppBuilder-chevron" />
            </button>
          </h3>
          {settings && <SettingList settings={settings.filter(one => one.page === page)} />}
        </section>
      ))}
    </Page>
  );
}

function Preference({
  label,
  chosen,
  choices,
  onChoose
}: {
  label: string;
  chosen: string;
  choices: readonly (readonly [string, string])[];
  onChoose: (value: string) => Promise<void>;
}): React.ReactElement {
  const trans = useTranslation();
  const id = React.useId();
  const [failed, setFailed] = React.useState('');
  return (
    <div className="jp-AppBuilder-preference">
      <label htmlFor={id}>{label}</label>
      <select
        id={id}
        className="jp-AppBuilder-select"
        value={chosen}
        onChange={event => {
          setFailed('');
          onChoose(event.target.value).catch((error: unknown) => setFailed(String(error)));
        }}
      >
        <option value="">{trans.__('The server’s')}</option>
        {chosen !== '' && !choices.some(([value]) => value === chosen) && (
          <option value={chosen}>{trans.__('%1 (not there now)', chosen)}</option>
        )}
        {choices.map(([value, title]) => (
          <option key={value} value={value}>
            {title}
          </option>
        ))}
      </select>
      {failed && <p role="alert">{failed}</p>}
    </div>
  );
}

function NetworkPage({ api, onClose }: { api: Api; onClose: () => void }): React.ReactElement {
  const trans = useTranslation();
  const heading = React.useRef<HTMLHeadingElement>(null);
  React.useEffect(() => heading.current?.focus(), []);
  return (
    <Page id="network" title={trans.__('Network')} heading={heading} onClose={onClose}>
      <p>
        {trans.__(
          'The code of an app reaches no host but those of this list and those that you allow for that app. Packages come from the registries that are configured for pip and npm.'
        )}
      </p>
      <p className="jp-AppBuilder-hint">
        {trans.__(
          'Hosts of one app: open it, then “Sandbox and network” in its menu. The agent asks you when the app needs one.'
        )}
      </p>
      <SettingValues api={api} page="network" />
    </Page>
  );
}

function SandboxPage({
  api,
  sandboxes,
  onClose
}: {
  api: Api;
  sandboxes: readonly SandboxChoice[];
  onClose: () => void;
}): React.ReactElement {
  const trans = useTranslation();
  const heading = React.useRef<HTMLHeadingElement>(null);
  React.useEffect(() => heading.current?.focus(), []);
  return (
    <Page id="sandbox" title={trans.__('Sandbox')} heading={heading} onClose={onClose}>
      <p className="jp-AppBuilder-quiet">
        {trans.__('Where the code that the agent writes runs, apart from the rest.')}
      </p>
      <ul className="jp-AppBuilder-sandboxes">
        {sandboxes.map(sandbox => (
          <li key={sandbox.name} className="jp-AppBuilder-usageCard">
            <h3>
              {sandboxTitle(sandbox.name, trans)}{' '}
              {sandbox.default && <span className="jp-AppBuilder-tag">{trans.__('of new apps')}</span>}
            </h3>
            <SandboxState sandbox={sandbox} trans={trans} />
          </li>
        ))}
      </ul>
      <SettingValues api={api} page="sandbox" />
    </Page>
  );
}

/** Whether it can be used, how it isolates, or what is wrong and what to do. */
export function SandboxState({ sandbox, trans }: { sandbox: SandboxChoice; trans: Translation }): React.ReactElement {
  return sandbox.available ? (
    <p>
      <Icon name={sandbox.isolation?.warning ? 'alert' : 'check'} />{' '}
      {sandbox.isolation?.warning || trans.__('Works: %1', sandbox.isolation?.detail || sandbox.isolation?.kind || '')}
    </p>
  ) : (
    <>
      <p>
        <Icon name="alert" /> {sandbox.message}
      </p>
      {sandbox.hint && <p className="jp-AppBuilder-hint">{sandbox.hint}</p>}
    </>
  );
}

export const settings: PanelPage = {
  title: trans => trans.__('Settings'),
  icon: 'wrench',
  Body: ({ model, catalog }) => (
    <SettingsPage api={model.api} models={catalog.models} templates={catalog.templates} onClose={() => model.leave()} />
  )
};

export const network: PanelPage = {
  title: trans => trans.__('Network'),
  icon: 'globe',
  inSettings: true,
  Body: ({ model }) => <NetworkPage api={model.api} onClose={() => model.leave()} />
};

export const sandbox: PanelPage = {
  title: trans => trans.__('Sandbox'),
  icon: 'box',
  inSettings: true,
  Body: ({ model, catalog }) => (
    <SandboxPage api={model.api} sandboxes={catalog.sandboxes} onClose={() => model.leave()} />
  )
};
