/** Where an app is published, under which name, and in which version. */

import * as React from 'react';
import { Disclosure } from '../controls/Disclosure';
import { Failure } from '../controls/Failure';
import { Icon, Spinner } from '../controls/Icon';
import { useHost, useTranslation } from '../controls/surroundings';
import type { Translation } from '../controls/translation';
import type { PublishingOverview, PublishingSetting, PublishingTarget } from '../wire/api.generated';
import type { PublishOrder } from '../wire/transport';
import type { RequestFailed } from '../wire/wire';
import { asName, liveRelease, LONGEST_NAME, nameProblem, webAddress } from './wording';

/** A version that can be published. */
export interface Choice {
  checkpoint: string;
  label: string;
  /** What its checks said; "" where nobody has looked. */
  checked: string;
  ok: boolean;
}

export function PublishForm({
  state,
  last,
  versions,
  picture,
  first,
  blocked,
  sending,
  failure,
  onPublish
}: {
  state: PublishingOverview;
  /** What was ordered last here, without secrets: it stands in the fields again. */
  last: PublishOrder | null;
  /** The newest first. */
  versions: readonly Choice[];
  /** How a version looked. */
  picture: (checkpoint: string) => React.ReactNode;
  /** Nothing is published yet: what it means is said. */
  first: boolean;
  /** Why nothing can be published now; "" where it can. */
  blocked: string;
  sending: boolean;
  failure: RequestFailed | null;
  onPublish: (order: PublishOrder) => void;
}): React.ReactElement {
  const trans = useTranslation();
  const id = React.useId();
  const { targets, publications } = state;
  const usable = targets.filter(target => target.unavailable === '');
  const impossible = targets.filter(target => target.unavailable !== '');
  const [chosen, setChosen] = React.useState<string | null>(last?.target ?? null);
  const published = publications.find(({ target }) => usable.some(({ name }) => name === target));
  const target = usable.find(({ name }) => name === (chosen ?? published?.target)) ?? usable[0];
  const already = publications.find(publication => publication.target === target?.name);
  const live = typeof already?.live === 'number';
  const [typed, setTyped] = React.useState<string | null>(last?.name ?? null);
  const name = live ? (already?.name ?? '') : (typed ?? already?.name ?? state.name);
  const [version, setVersion] = React.useState('');
  const [values, setValues] = React.useState<Readonly<Record<string, string>>>(() =>
    Object.fromEntries(Object.entries(last?.settings ?? {}).map(([key, value]) => [`${last?.target} ${key}`, value]))
  );
  const [tried, setTried] = React.useState(false);
  const [elsewhere, setElsewhere] = React.useState(false);
  const checkpoint = versions.some(one => one.checkpoint === version)
    ? version
    : (state.checkpoint ?? versions[0]?.checkpoint ?? '');
  const [newest] = versions;
  const shown = versions.find(one => one.checkpoint === checkpoint);
  const wrongName = nameProblem(name, trans);
  const valueOf = (setting: PublishingSetting): string =>
    values[`${target?.name} ${setting.name}`] ?? (setting.secret ? '' : setting.value || setting.default);
  const lacking = target?.settings.filter(
    setting => setting.required && valueOf(setting).trim() === '' && !(setting.secret && setting.stored)
  );
  const submit = (event: React.FormEvent): void => {
    event.preventDefault();
    setTried(true);
    if (!target || wrongName || lacking?.length || checkpoint === '' || blocked || sending) {
      return;
    }
    const settings = target.settings
      .map(setting => [setting.name, valueOf(setting)] as const)
      .filter(([key, value]) => value !== '' || !target.settings.find(one => one.name === key)?.secret);
    onPublish({ target: target.name, name, checkpoint, settings: Object.fromEntries(settings) });
  };
  if (targets.length === 0) {
    return <p className="jp-AppBuilder-note">{trans.__('This server offers no place to publish to.')}</p>;
  }
  return (
    <form className="jp-AppBuilder-publishForm" onSubmit={submit} noValidate>
      {first && (
        <p className="jp-AppBuilder-quiet">
          {trans.__(
            'So far you alone see this app. What you publish is a version of its own: readers get the app and nothing of this conversation, and you go on with the draft without changing what they see.'
          )}
        </p>
      )}
      <fieldset className="jp-AppBuilder-targets">
        <legend>{trans.__('Where to')}</legend>
        {(first || elsewhere ? usable : usable.filter(one => one === target)).map(one => (
          <TargetCard
            key={one.name}
            group={`${id}-target`}
            target={one}
            chosen={one === target}
            onChoose={() => {
              setChosen(one.name);
            }}
          />
        ))}
        {target === undefined && (
          <p className="jp-AppBuilder-hint">{trans.__('No place that this server knows takes this app now.')}</p>
        )}
        {!first && usable.length > 1 && (
          <button type="button" className="jp-AppBuilder-link" onClick={() => setElsewhere(!elsewhere)}>
            {elsewhere ? trans.__('Fewer places') : trans.__('Somewhere else…')}
          </button>
        )}
        {(first || elsewhere || !target) && impossible.length > 0 && (
          <Impossible targets={impossible} startsOpen={!target} />
        )}
      </fieldset>
      {target && (
        <>
          <div className="jp-AppBuilder-field">
            <label htmlFor={`${id}-name`}>{trans.__('Name')}</label>
            <input
              id={`${id}-name`}
              className="jp-AppBuilder-input"
              value={name}
              maxLength={LONGEST_NAME}
              spellCheck={false}
              autoComplete="off"
              readOnly={live}
              aria-invalid={wrongName !== '' || failure?.field === 'name' || undefined}
              aria-describedby={`${id}-address`}
              onChange={event => setTyped(asName(event.target.value))}
            />
            <p id={`${id}-address`} className="jp-AppBuilder-hint" role={wrongName ? 'alert' : undefined}>
              {wrongName || <ResultingAddress target={target} name={name} fixed={live} />}
            </p>
          </div>
          <div className="jp-AppBuilder-field">
            <label htmlFor={`${id}-version`}>{trans.__('Version')}</label>
            {versions.length === 0 ? (
              <p className="jp-AppBuilder-hint">
                {trans.__('There is no version yet. Each request that changes files makes one.')}
              </p>
            ) : (
              <div className="jp-AppBuilder-publishVersion">
                {picture(checkpoint)}
                <div>
                  <select
                    id={`${id}-version`}
                    className="jp-AppBuilder-select"
                    value={checkpoint}
                    aria-describedby={`${id}-checked`}
                    onChange={event => setVersion(event.target.value)}
                  >
                    {versions.map(one => (
                      <option key={one.checkpoint} value={one.checkpoint}>
                        {one.label}
                      </option>
                    ))}
                  </select>
                  <p id={`${id}-checked`} className="jp-AppBuilder-hint">
                    {shown?.checked ? (
                      <>
                        <Icon name={shown.ok ? 'check' : 'alert'} /> {shown.checked}
                      </>
                    ) : (
                      trans.__('Its checks have not been run. They are before it is published.')
                    )}
                  </p>
                  {already && live && liveRelease(already)?.checkpoint === checkpoint && (
                    <p className="jp-AppBuilder-hint" role="status">
                      {trans.__('Readers have this version already.')}
                    </p>
                  )}
                  {newest && newest.checkpoint !== checkpoint && (
                    <p className="jp-AppBuilder-hint" role="status">
                      {trans.__('There is a newer version, which readers would not get.')}{' '}
                      <button
                        type="button"
                        className="jp-AppBuilder-link"
                        onClick={() => setVersion(newest.checkpoint)}
                      >
                        {trans.__('Choose the newest')}
                      </button>
                    </p>
                  )}
                </div>
              </div>
            )}
          </div>
          {target.settings.map(setting => (
            <SettingField
              key={`${target.name} ${setting.name}`}
              setting={setting}
              value={valueOf(setting)}
              lacks={tried && (lacking?.includes(setting) ?? false)}
              refused={failure?.field === setting.name || failure?.field === `settings.${setting.name}`}
              onChange={value => setValues(known => ({ ...known, [`${target.name} ${setting.name}`]: value }))}
            />
          ))}
          {target.history && (
            <p className="jp-AppBuilder-hint">
              <Icon name="clock" />{' '}
              {trans.__('The history of the app’s files goes along: what earlier versions had can be read there.')}
            </p>
          )}
        </>
      )}
      {failure && <Failure error={failure} />}
      {blocked && (
        <p className="jp-AppBuilder-hint" role="status">
          {blocked}
        </p>
      )}
      <div className="jp-AppBuilder-actions">
        <button
          type="submit"
          className="jp-AppBuilder-button jp-mod-primary"
          disabled={!target || checkpoint === '' || blocked !== '' || sending}
        >
          {sending ? <Spinner /> : <Icon name="upload" />}
          {live ? trans.__('Publish again') : trans.__('Publish')}
        </button>
      </div>
    </form>
  );
}

function TargetCard({
  group,
  target,
  chosen,
  onChoose
}: {
  group: string;
  target: PublishingTarget;
  chosen: boolean;
  onChoose: () => void;
}): React.ReactElement {
  const trans = useTranslation();
  const id = React.useId();
  return (
    <label className={`jp-AppBuilder-target${chosen ? ' jp-mod-chosen' : ''}`}>
      <input type="radio" name={group} checked={chosen} aria-describedby={id} onChange={onChoose} />
      <span>
        <span className="jp-AppBuilder-targetTitle">{target.title}</span>
        <span id={id} className="jp-AppBuilder-hint">
          {about(target, trans)}
        </span>
      </span>
    </label>
  );
}

/** Where this app cannot be published, and why. */
function Impossible({
  targets,
  startsOpen
}: {
  targets: readonly PublishingTarget[];
  startsOpen: boolean;
}): React.ReactElement {
  const trans = useTranslation();
  const id = React.useId();
  const [open, setOpen] = React.useState(startsOpen);
  return (
    <div className="jp-AppBuilder-impossible">
      <Disclosure body={id} open={open} onToggle={setOpen} className="jp-AppBuilder-button jp-mod-quiet">
        {trans.__('Not possible here: %1', targets.map(({ title }) => title).join(', '))}
      </Disclosure>
      {open && (
        <dl id={id}>
          {targets.map(({ name, title, unavailable }) => (
            <React.Fragment key={name}>
              <dt>{title}</dt>
              <dd className="jp-AppBuilder-hint">{unavailable}</dd>
            </React.Fragment>
          ))}
        </dl>
      )}
    </div>
  );
}

/** What it means to publish there. */
function about({ name, keeps }: PublishingTarget, trans: Translation): string {
  switch (name) {
    case 'here':
      return trans.__('Whoever may use this Jupyter server opens it at an address here.');
    case 'hub':
      return trans.__('People with an account of this Hub open it; you say who.');
    case 'folder':
      return trans.__('Files for any web server, also as a ZIP archive.');
    case 'container':
      return trans.__('What builds and runs it as a container, wherever you like.');
    case 'pages':
      return trans.__('GitHub or GitLab shows it as a website.');
    case 'huggingface':
      return trans.__('A Space of yours on Hugging Face shows it.');
    case 'posit':
      return trans.__('A Posit Connect server runs it.');
    default:
      return keeps ? trans.__('It can be rolled back and taken down from here.') : '';
  }
}

/** What the address will be, where that is known beforehand. */
function ResultingAddress({
  target,
  name,
  fixed
}: {
  target: PublishingTarget;
  name: string;
  fixed: boolean;
}): React.ReactElement {
  const trans = useTranslation();
  const { base = window.location.href } = useHost();
  const address = target.url ? webAddress(target.url.replace('{name}', encodeURIComponent(name)), base) : '';
  return (
    <>
      {address ? (
        <>
          {trans.__('Readers open')} <code>{address}</code>
        </>
      ) : (
        trans.__('You are told the address once it is published.')
      )}
      {fixed && <> {trans.__('Unpublish it first to give it another name.')}</>}
    </>
  );
}

function SettingField({
  setting,
  value,
  lacks,
  refused,
  onChange
}: {
  setting: PublishingSetting;
  value: string;
  lacks: boolean;
  refused: boolean;
  onChange: (value: string) => void;
}): React.ReactElement {
  const trans = useTranslation();
  const id = React.useId();
  const { title, help, secret, required, stored, choices } = setting;
  const [replacing, setReplacing] = React.useState(false);
  const field = {
    id,
    value,
    'aria-describedby': `${id}-help`,
    'aria-invalid': lacks || refused || undefined,
    'aria-required': required || undefined
  };
  return (
    <div className="jp-AppBuilder-field">
      <label htmlFor={id}>
        {title}
        {!required && <span className="jp-AppBuilder-quiet"> {trans.__('(optional)')}</span>}
      </label>
      {secret && stored && !replacing && !refused ? (
        <div className="jp-AppBuilder-dataBar">
          <Icon name="key" />
          <span className="jp-AppBuilder-hint">{trans.__('set; it is never shown')}</span>
          <button
            id={id}
            type="button"
            className="jp-AppBuilder-link"
            aria-label={trans.__('Replace %1', title)}
            onClick={() => setReplacing(true)}
          >
            {trans.__('Replace')}
          </button>
        </div>
      ) : choices.length > 0 ? (
        <select {...field} className="jp-AppBuilder-select" onChange={event => onChange(event.target.value)}>
          {(!required || !choices.includes(value)) && <option value="">{required ? trans.__('Choose…') : '–'}</option>}
          {choices.map(choice => (
            <option key={choice} value={choice}>
              {choice}
            </option>
          ))}
        </select>
      ) : (
        <input
          {...field}
          className="jp-AppBuilder-input"
          type={secret ? 'password' : 'text'}
          autoComplete={secret ? 'new-password' : 'off'}
          spellCheck={false}
          autoFocus={replacing}
          onChange={event => onChange(event.target.value)}
        />
      )}
      <p id={`${id}-help`} className="jp-AppBuilder-hint" role={lacks ? 'alert' : undefined}>
        {lacks ? trans.__('“%1” is needed.', title) : help}
      </p>
    </div>
  );
}
