/** What is set, and by whom. */

import * as React from 'react';
import { bytes, compact, money } from '../controls/format';
import { Icon } from '../controls/Icon';
import { useHost, useTranslation } from '../controls/surroundings';
import type { Translation } from '../controls/translation';
import { kindTitle } from '../publishing/wording';
import type { Api, Setting } from '../wire/transport';

/** Asked for once while several lists are in view. */
export function useSettings(api: Api): readonly Setting[] | null {
  const { preferences } = useHost();
  const [found, setFound] = React.useState<readonly Setting[] | null>(null);
  React.useEffect(() => {
    let wanted = true;
    api.settings().then(
      settings => wanted && setFound(settings),
      () => wanted && setFound([]) // an older server; the page itself says what is wrong
    );
    return () => {
      wanted = false;
    };
  }, [api]);
  return React.useMemo(
    () =>
      found?.map((one): Setting => {
        const own = one.name === 'model' || one.name === 'template' ? preferences?.[one.name] : '';
        return own ? { ...one, value: own, origin: 'person' } : one;
      }) ?? null,
    [found, preferences]
  );
}

/** The values of one page, below what it has. */
export function SettingValues({ api, page }: { api: Api; page: Setting['page'] }): React.ReactElement | null {
  const trans = useTranslation();
  const id = React.useId();
  const settings = useSettings(api)?.filter(one => one.page === page) ?? [];
  return settings.length === 0 ? null : (
    <section aria-labelledby={id} className="jp-AppBuilder-settingsSection">
      <h3 id={id}>{trans.__('What is set here')}</h3>
      <SettingList settings={settings} />
    </section>
  );
}

export function SettingList({ settings }: { settings: readonly Setting[] }): React.ReactElement {
  const trans = useTranslation();
  return (
    <dl className="jp-AppBuilder-settings">
      {settings.map(one => (
        <div key={one.name}>
          <dt title={one.trait}>{settingTitle(one.name, trans)}</dt>
          <dd>
            <span className="jp-AppBuilder-settingValue">{valueOf(one, trans)}</span>
            <Origin setting={one} />
          </dd>
        </div>
      ))}
    </dl>
  );
}

function Origin({ setting: { origin, trait } }: { setting: Setting }): React.ReactElement {
  const trans = useTranslation();
  switch (origin) {
    case 'administrator':
      return (
        <span
          className="jp-AppBuilder-tag"
          title={trans.__('Set in the configuration of the Jupyter server: %1', trait)}
        >
          <Icon name="key" /> {trans.__('Administrator')}
        </span>
      );
    case 'hub':
      return (
        <span
          className="jp-AppBuilder-tag"
          title={trans.__('Your JupyterHub’s administrator decided it for everybody: %1', trait)}
        >
          <Icon name="key" /> {trans.__('JupyterHub')}
        </span>
      );
    case 'person':
      return (
        <span className="jp-AppBuilder-tag jp-mod-own" title={trans.__('Set by you')}>
          {trans.__('You')}
        </span>
      );
    default:
      return (
        <span className="jp-AppBuilder-tag jp-mod-quiet" title={trans.__('An administrator can set it: %1', trait)}>
          {trans.__('Default')}
        </span>
      );
  }
}

function settingTitle(name: string, trans: Translation): string {
  const titles: Record<string, string> = {
    model: trans.__('Model of new apps'),
    allowed_models: trans.__('Models that may be used'),
    profile: trans.__('What models are given'),
    max_steps: trans.__('Steps per request'),
    max_seconds: trans.__('Time per request'),
    compact_at: trans.__('Shorten the history at'),
    diagnostics: trans.__('Look for problems while it works'),
    approval_rules: trans.__('Rules of the administrator'),
    publish_hard: trans.__('What is never published'),
    egress_hosts: trans.__('Hosts every app may reach'),
    turn_budget: trans.__('Cost per request'),
    max_tokens: trans.__('Tokens per request'),
    session_budget: trans.__('Cost per app'),
    session_tokens: trans.__('Tokens per app'),
    day_budget: trans.__('Cost per day'),
    day_tokens: trans.__('Tokens per day'),
    timezone: trans.__('Time zone of the day'),
    sandbox: trans.__('Sandbox of new apps'),
    idle_seconds: trans.__('A preview sleeps after'),
    isolation: trans.__('Isolation'),
    memory: trans.__('Memory'),
    cpus: trans.__('Processor cores'),
    processes: trans.__('Processes'),
    disk: trans.__('Disk'),
    max_exec_seconds: trans.__('Time per command'),
    allowed_templates: trans.__('Templates that may be used'),
    template: trans.__('Template of new apps'),
    template_path: trans.__('Folders with templates')
  };
  return titles[name] ?? name;
}

const DOLLARS: ReadonlySet<string> = new Set(['turn_budget', 'session_budget', 'day_budget']);
const TOKENS: ReadonlySet<string> = new Set(['max_tokens', 'session_tokens', 'day_tokens', 'compact_at']);
const BYTES: ReadonlySet<string> = new Set(['memory', 'disk']);

function valueOf({ name, value }: Setting, trans: Translation): string {
  if (typeof value === 'boolean') {
    return value ? trans.__('on') : trans.__('off');
  }
  if (Array.isArray(value)) {
    const shown = name === 'publish_hard' ? value.map(kind => kindTitle(String(kind), trans)) : value;
    return value.length === 0 ? trans.__('none') : shown.join(', ');
  }
  if (typeof value === 'string') {
    return value === '' || value === 'auto' ? trans.__('automatic') : value;
  }
  if (typeof value !== 'number') {
    return '';
  }
  if (name === 'compact_at' && value === 0) {
    return trans.__('automatic');
  }
  if (value === 0 && (DOLLARS.has(name) || TOKENS.has(name))) {
    return trans.__('no limit');
  }
  if (DOLLARS.has(name)) {
    return money(value);
  }
  if (TOKENS.has(name)) {
    return trans.__('%1 tokens', compact(value));
  }
  if (BYTES.has(name)) {
    return bytes(value);
  }
  if (name.endsWith('_seconds')) {
    return value >= 120 ? trans.__('%1 minutes', Math.round(value / 60)) : trans.__('%1 seconds', value);
  }
  return String(value);
}
