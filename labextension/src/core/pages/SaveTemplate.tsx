/** Makes a template of the open app, and says what goes along. */

import * as React from 'react';
import { Failure } from '../controls/Failure';
import { bytes } from '../controls/format';
import { Icon, Spinner } from '../controls/Icon';
import { useTranslation } from '../controls/surroundings';
import type { Translation } from '../controls/translation';
import type { Api, AppAsTemplate, TemplateChoice } from '../wire/transport';
import { RequestFailed, type Summary } from '../wire/wire';
import { Page, type PanelPage } from './Page';

const LONGEST_TITLE = 80;
const LONGEST_SUMMARY = 300;

export function SaveTemplatePage({
  api,
  session,
  onSaved,
  onUse,
  onGallery,
  onClose
}: {
  api: Api;
  session: Summary | null;
  onSaved: () => void;
  onUse: (template: string) => void;
  onGallery: () => void;
  onClose: () => void;
}): React.ReactElement {
  const trans = useTranslation();
  const id = React.useId();
  const [title, setTitle] = React.useState((session?.title ?? '').slice(0, LONGEST_TITLE));
  const [summary, setSummary] = React.useState('');
  const [told, setTold] = React.useState<AppAsTemplate | null>(null);
  const [saving, setSaving] = React.useState(false);
  const [saved, setSaved] = React.useState<TemplateChoice | null>(null);
  const [failure, setFailure] = React.useState<RequestFailed | null>(null);
  const heading = React.useRef<HTMLHeadingElement>(null);
  React.useEffect(() => heading.current?.focus(), [saved]);
  const of = session?.id ?? '';
  const named = React.useRef(session !== null);
  React.useEffect(() => {
    if (!named.current && session) {
      named.current = true; // the session was not known yet
      setTitle(session.title.slice(0, LONGEST_TITLE));
    }
  }, [session]);
  React.useEffect(() => {
    let wanted = true;
    if (of !== '') {
      api.templateOf(of).then(
        found => wanted && setTold(found),
        (error: unknown) => wanted && setFailure(RequestFailed.from(error))
      );
    }
    return () => {
      wanted = false;
    };
  }, [api, of]);
  const save = (): void => {
    setSaving(true);
    setFailure(null);
    api
      .saveTemplate(of, title.trim(), summary.trim())
      .then(
        template => {
          setSaved(template);
          onSaved();
        },
        (error: unknown) => setFailure(RequestFailed.from(error))
      )
      .finally(() => setSaving(false));
  };
  if (saved) {
    return (
      <Page title={trans.__('Save as template')} heading={heading} onClose={onClose}>
        <div className="jp-AppBuilder-notice" role="status">
          <Icon name="check" />
          <p>{trans.__('“%1” is among the templates now.', saved.title)}</p>
        </div>
        <div className="jp-AppBuilder-actions">
          <button type="button" className="jp-AppBuilder-button" onClick={onGallery}>
            {trans.__('Show the templates')}
          </button>
          <button type="button" className="jp-AppBuilder-button jp-mod-primary" onClick={() => onUse(saved.name)}>
            {trans.__('Start an app from it')}
          </button>
        </div>
      </Page>
    );
  }
  return (
    <Page title={trans.__('Save as template')} heading={heading} onClose={onClose}>
      <p className="jp-AppBuilder-quiet">
        {trans.__('Other apps can then start from this one, as it is now. It stays on this server, with your account.')}
      </p>
      <form
        className="jp-AppBuilder-saveTemplate"
        onSubmit={event => {
          event.preventDefault();
          if (!saving) {
            save();
          }
        }}
      >
        <label htmlFor={`${id}-title`}>{trans.__('Name')}</label>
        <input
          id={`${id}-title`}
          className="jp-AppBuilder-input"
          value={title}
          required
          maxLength={LONGEST_TITLE}
          onChange={event => setTitle(event.target.value)}
        />
        <label htmlFor={`${id}-summary`}>{trans.__('Description')}</label>
        <textarea
          id={`${id}-summary`}
          className="jp-AppBuilder-input"
          rows={2}
          value={summary}
          required
          maxLength={LONGEST_SUMMARY}
          placeholder={trans.__('What an app made with it begins with')}
          onChange={event => setSummary(event.target.value)}
        />
        {told === null && !failure && (
          <p className="jp-AppBuilder-note" role="status">
            <Spinner /> {trans.__('Looking at the app…')}
          </p>
        )}
        {told && (
          <>
            <p>
              <Icon name="check" />{' '}
              {trans._n(
                'Goes along: %1 file of the app, %2.',
                'Goes along: %1 files of the app, %2.',
                told.files,
                bytes(told.bytes)
              )}
            </p>
            <section aria-labelledby={`${id}-out`} className="jp-AppBuilder-leftOut">
              <h3 id={`${id}-out`}>{trans.__('Stays out')}</h3>
              <ul>
                {told.left_out.map(({ what, names, count }) => (
                  <li key={what}>
                    {leftOutTitle(what, trans)}{' '}
                    <span className="jp-AppBuilder-quiet">
                      {names.join(', ')}
                      {count > names.length && ` ${trans.__('and %1 more', count - names.length)}`}
                    </span>
                  </li>
                ))}
                <li>{trans.__('Always: files with secrets (.env …), installed packages, what .gitignore names.')}</li>
                <li>{trans.__('The conversation, the versions and the notebook.')}</li>
              </ul>
            </section>
          </>
        )}
        {failure && <Failure error={failure} />}
        <div className="jp-AppBuilder-actions">
          <button type="button" className="jp-AppBuilder-button" onClick={onClose}>
            {trans.__('Cancel')}
          </button>
          <button type="submit" className="jp-AppBuilder-button jp-mod-primary" disabled={saving}>
            {saving ? trans.__('Saving…') : trans.__('Save as template')}
          </button>
        </div>
      </form>
    </Page>
  );
}

function leftOutTitle(what: AppAsTemplate['left_out'][number]['what'], trans: Translation): string {
  switch (what) {
    case 'data':
      return trans.__('Data:');
    case 'secrets':
      return trans.__('Values of secrets:');
    case 'attachments':
      return trans.__('Files of your messages, unless they were put into the app:');
    case 'links':
      return trans.__('Links:');
  }
}

export const saveTemplate: PanelPage = {
  title: trans => trans.__('Save as template'),
  icon: 'box',
  ofSession: true,
  Body: ({ model, session, catalog }) => (
    <SaveTemplatePage
      api={model.api}
      session={session}
      onSaved={catalog.refresh}
      onUse={template => {
        model.template = template;
        model.close();
      }}
      onGallery={() => model.show('templates')}
      onClose={() => model.leave()}
    />
  )
};
