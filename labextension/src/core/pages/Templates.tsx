/** What apps can start from: with pictures; those from elsewhere are added and removed here. */

import * as React from 'react';
import { useAddress } from '../controls/address';
import { Failure } from '../controls/Failure';
import { Icon, Spinner } from '../controls/Icon';
import { IconButton } from '../controls/IconButton';
import { useHost, useTranslation } from '../controls/surroundings';
import type { Translation } from '../controls/translation';
import { TemplateIcon } from '../home/TemplatePicker';
import type { Api, TemplateChoice } from '../wire/transport';
import { RequestFailed } from '../wire/wire';
import { Page, type PanelPage } from './Page';
import { SettingValues } from './SettingValues';

export function TemplatesPage({
  api,
  templates,
  onChanged,
  onUse,
  onClose
}: {
  api: Api;
  templates: readonly TemplateChoice[];
  /** There may be others now. */
  onChanged: () => void;
  /** Describe an app that starts from it. */
  onUse: (template: string) => void;
  onClose: () => void;
}): React.ReactElement {
  const trans = useTranslation();
  const { preferences } = useHost();
  const [failure, setFailure] = React.useState<RequestFailed | null>(null);
  const [said, setSaid] = React.useState('');
  const [removing, setRemoving] = React.useState('');
  const heading = React.useRef<HTMLHeadingElement>(null);
  React.useEffect(() => heading.current?.focus(), []);
  const standard =
    templates.find(one => one.name === preferences?.template)?.name ?? templates.find(one => one.default)?.name;
  const attempt = (work: Promise<unknown>, done: string): void => {
    setFailure(null);
    setSaid('');
    work.then(
      () => {
        setSaid(done);
        onChanged();
        heading.current?.focus();
      },
      (error: unknown) => setFailure(RequestFailed.from(error))
    );
  };
  return (
    <Page id="templates" title={trans.__('Templates')} heading={heading} onClose={onClose}>
      <p className="jp-AppBuilder-quiet">{trans.__('What a new app starts from. Choose one to describe your app.')}</p>
      {failure && <Failure error={failure} />}
      <p role="status" className={said ? 'jp-AppBuilder-note' : 'jp-AppBuilder-hidden'}>
        {said}
      </p>
      <ul className="jp-AppBuilder-gallery" aria-label={trans.__('Templates')}>
        {templates.map(template => (
          <li key={template.name} className="jp-AppBuilder-galleryCard">
            <button
              type="button"
              className="jp-AppBuilder-galleryUse"
              aria-label={trans.__('Start an app from %1', template.title)}
              onClick={() => onUse(template.name)}
            >
              <TemplatePicture api={api} template={template} />
              <span className="jp-AppBuilder-templateTitle">
                <TemplateIcon template={template} />
                <span>{template.title}</span>
              </span>
              <span className="jp-AppBuilder-gallerySummary" title={template.summary}>
                {template.summary}
              </span>
            </button>
            <div className="jp-AppBuilder-galleryFoot">
              <span
                className="jp-AppBuilder-tag jp-AppBuilder-ellipsis"
                title={template.source || originHint(template, trans)}
              >
                {template.source || originTitle(template, trans)}
              </span>
              {template.name === standard ? (
                <span className="jp-AppBuilder-tag">{trans.__('Default')}</span>
              ) : (
                preferences && (
                  <IconButton
                    icon="pin"
                    label={trans.__('Use %1 unless another is chosen', template.title)}
                    title={trans.__('Use it unless another is chosen')}
                    onClick={() =>
                      attempt(
                        preferences.set({ template: template.name }),
                        trans.__('New apps start from %1.', template.title)
                      )
                    }
                  />
                )
              )}
              {template.origin === 'person' && removing !== template.name && (
                <IconButton
                  icon="trash"
                  label={trans.__('Remove %1', template.title)}
                  onClick={() => setRemoving(template.name)}
                />
              )}
            </div>
            {removing === template.name && (
              <div className="jp-AppBuilder-galleryRemove" role="group" aria-label={trans.__('Remove it?')}>
                <span>{trans.__('Remove it? Apps that were made with it go on.')}</span>
                <span className="jp-AppBuilder-actions">
                  <button
                    type="button"
                    className="jp-AppBuilder-button jp-mod-quiet"
                    autoFocus
                    onClick={() => setRemoving('')}
                  >
                    {trans.__('Keep')}
                  </button>
                  <button
                    type="button"
                    className="jp-AppBuilder-button"
                    onClick={() => {
                      setRemoving('');
                      attempt(api.removeTemplate(template.name), trans.__('%1 was removed.', template.title));
                    }}
                  >
                    {trans.__('Remove')}
                  </button>
                </span>
              </div>
            )}
          </li>
        ))}
      </ul>
      <AddTemplate
        api={api}
        onAdded={({ title }) => {
          setFailure(null);
          setSaid(trans.__('%1 was added.', title));
          onChanged();
        }}
      />
      <p className="jp-AppBuilder-hint">
        {trans.__('An app of yours becomes a template with “Save as template” in its menu.')}
      </p>
      <SettingValues api={api} page="templates" />
    </Page>
  );
}

function AddTemplate({ api, onAdded }: { api: Api; onAdded: (template: TemplateChoice) => void }): React.ReactElement {
  const trans = useTranslation();
  const id = React.useId();
  const [source, setSource] = React.useState('');
  const [fetching, setFetching] = React.useState<AbortController | null>(null);
  const [failure, setFailure] = React.useState<RequestFailed | null>(null);
  // Whoever leaves does not wait for it any more.
  React.useEffect(() => () => fetching?.abort(), [fetching]);
  const add = (): void => {
    const running = new AbortController();
    setFetching(running);
    setFailure(null);
    api
      .addTemplate(source.trim(), running.signal)
      .then(
        template => {
          setSource('');
          onAdded(template);
        },
        (error: unknown) => !running.signal.aborted && setFailure(RequestFailed.from(error))
      )
      .finally(() => setFetching(null));
  };
  return (
    <form
      className="jp-AppBuilder-usageCard"
      aria-labelledby={`${id}-title`}
      onSubmit={event => {
        event.preventDefault();
        if (source.trim() !== '' && !fetching) {
          add();
        }
      }}
    >
      <h3 id={`${id}-title`}>{trans.__('Add a template')}</h3>
      <label htmlFor={id}>{trans.__('Git address or folder')}</label>
      <span className="jp-AppBuilder-fieldRow">
        <input
          id={id}
          className="jp-AppBuilder-input"
          value={source}
          placeholder="https://git.example.org/team/templates.git#dashboard"
          aria-describedby={`${id}-hint`}
          spellCheck={false}
          autoCapitalize="none"
          maxLength={2000}
          onChange={event => setSource(event.target.value)}
        />
        {fetching ? (
          <button type="button" className="jp-AppBuilder-button" onClick={() => fetching.abort()}>
            {trans.__('Cancel')}
          </button>
        ) : (
          <button type="submit" className="jp-AppBuilder-button" disabled={source.trim() === ''}>
            <Icon name="plus" />
            {trans.__('Add')}
          </button>
        )}
      </span>
      <p id={`${id}-hint`} className="jp-AppBuilder-hint">
        {trans.__(
          'The folder that holds template.toml; in a repository it follows the #. It is copied once: add it again for a newer one. Only use templates of people you trust.'
        )}
      </p>
      {fetching && (
        <p className="jp-AppBuilder-note" role="status">
          <Spinner /> {trans.__('Fetching…')}
        </p>
      )}
      {failure && <Failure error={failure} />}
    </form>
  );
}

/** How its app looks; its icon until that is there, or where there is none. */
export function TemplatePicture({ api, template }: { api: Api; template: TemplateChoice }): React.ReactElement {
  const { name, picture = false } = template;
  const source = React.useCallback((of: string) => api.templatePicture(of), [api]);
  const address = useAddress(source, picture ? name : '');
  return (
    <span className="jp-AppBuilder-galleryPicture">
      {address ? <img src={address} alt="" decoding="async" draggable={false} /> : <TemplateIcon template={template} />}
    </span>
  );
}

function originTitle(template: TemplateChoice, trans: Translation): string {
  switch (template.origin) {
    case 'administrator':
      return trans.__('From the administrator');
    case 'folder':
      return trans.__('From a folder');
    case 'person':
      return trans.__('Yours');
    default:
      return trans.__('Comes with App Builder');
  }
}

function originHint(template: TemplateChoice, trans: Translation): string {
  switch (template.origin) {
    case 'administrator':
      return trans.__('Set by the administrator: %1', 'c.AppBuilder.template_path');
    case 'folder':
      return trans.__('In appbuilder/templates/ of Jupyter’s data folder; remove it there.');
    default:
      return '';
  }
}

export const templateGallery: PanelPage = {
  title: trans => trans.__('Templates'),
  icon: 'box',
  Body: ({ model, catalog }) => (
    <TemplatesPage
      api={model.api}
      templates={catalog.templates}
      onChanged={catalog.refresh}
      onUse={template => {
        model.template = template;
        model.close();
      }}
      onClose={() => model.leave()}
    />
  )
};
