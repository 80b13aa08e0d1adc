import * as React from 'react';
import { bytes } from '../controls/format';
import { Failure } from '../controls/Failure';
import { Icon, Spinner } from '../controls/Icon';
import { MenuButton, type MenuEntry } from '../controls/Menu';
import { useHost, useTranslation } from '../controls/surroundings';
import { DESKTOP, PHONE, TABLET, shownPage, type Screenshot } from '../preview/shownPages';
import type { ModelChoice } from '../wire/transport';
import type { Attachments, AttachmentsState } from './attachments';

const NOTHING: AttachmentsState = { files: [], refused: [] };
const NEVER = (): (() => void) => () => undefined;

export function useAttachments(attachments: Attachments | undefined): AttachmentsState {
  return React.useSyncExternalStore(attachments?.subscribe ?? NEVER, attachments?.get ?? (() => NOTHING));
}

/** The files that go with what is being written: above it, each with a button that takes it away. */
export function AttachmentsRow({
  attachments,
  model
}: {
  attachments: Attachments;
  /** The model that the request goes to, where it is known. */
  model: ModelChoice | undefined;
}): React.ReactElement | null {
  const trans = useTranslation();
  const { pages } = useHost();
  const { files, refused } = useAttachments(attachments);
  if (files.length === 0 && refused.length === 0) {
    return null;
  }
  return (
    <div className="jp-AppBuilder-attachments">
      {refused.map((error, at) => (
        <Failure key={at} error={error}>
          <button type="button" className="jp-AppBuilder-link" onClick={() => attachments.dismiss()}>
            {trans.__('Dismiss')}
          </button>
        </Failure>
      ))}
      {files.length > 0 && (
        <ul aria-label={trans.__('Attached files')}>
          {files.map(file => (
            <li key={file.key} className="jp-AppBuilder-attachment" title={`${file.name} · ${bytes(file.size)}`}>
              {file.sent === null ? (
                <Spinner />
              ) : file.picture ? (
                <img src={file.picture} alt="" />
              ) : (
                <Icon name="file" />
              )}
              <span className="jp-AppBuilder-ellipsis">{file.name}</span>
              <button
                type="button"
                className="jp-AppBuilder-iconButton"
                aria-label={trans.__('Remove %1', file.name)}
                title={trans.__('Remove %1', file.name)}
                onClick={() => attachments.remove(file.key)}
              >
                <Icon name="cross" />
              </button>
            </li>
          ))}
        </ul>
      )}
      {model?.images === false && files.some(file => file.sent?.picture) && (
        <p className="jp-AppBuilder-note" role="status">
          {trans.__(
            '%1 is not known to see pictures: it is told their names and sizes, not what is on them. Choose another model below, or test this one.',
            model.title
          )}{' '}
          {pages?.models && (
            <button type="button" className="jp-AppBuilder-link" onClick={pages.models.run}>
              {pages.models.label}
            </button>
          )}
        </p>
      )}
    </div>
  );
}

/** What a picture of the app's page is taken of: as a preview shows it, or in one of these sizes. */
export interface Screenshots {
  session: string;
  take: Screenshot;
}

/** Opens the browser's dialog for files; has a picture taken of the app. */
export function AttachButton({
  attachments,
  screenshots
}: {
  attachments: Attachments;
  screenshots: Screenshots | undefined;
}): React.ReactElement {
  const trans = useTranslation();
  const input = React.useRef<HTMLInputElement>(null);
  const choose = (): void => input.current?.click();
  const shoot = (size?: { width: number; height: number }) => (): void => {
    if (screenshots) {
      const page = shownPage(screenshots.session, size);
      const name = `screenshot-${page.width}x${page.height}.png`;
      const take = async (): Promise<File> => new File([await screenshots.take(page)], name, { type: 'image/png' });
      void attachments.read(name, take, trans);
    }
  };
  const sized = (icon: MenuEntry['icon'], device: string, size: { width: number; height: number }): MenuEntry => ({
    label: trans.__('Screenshot: %1, %2 × %3', device, size.width, size.height),
    icon,
    run: shoot(size)
  });
  return (
    <>
      {screenshots ? (
        <MenuButton
          label={trans.__('Attach files')}
          icon="attach"
          up
          entries={[
            { label: trans.__('Choose files…'), icon: 'file', run: choose },
            { label: trans.__('Screenshot as in the preview'), icon: 'eye', run: shoot() },
            sized('phone', trans.__('phone'), PHONE),
            sized('tablet', trans.__('tablet'), TABLET),
            sized('desktop', trans.__('desktop'), DESKTOP)
          ]}
        />
      ) : (
        <button
          type="button"
          className="jp-AppBuilder-iconButton"
          aria-label={trans.__('Attach files')}
          title={trans.__('Attach pictures, text, CSV, notebooks or PDF: choose, paste or drop them')}
          onClick={choose}
        >
          <Icon name="attach" />
        </button>
      )}
      <input
        ref={input}
        type="file"
        multiple
        hidden
        aria-hidden="true"
        tabIndex={-1}
        onChange={event => {
          attachments.add([...(event.target.files ?? [])], trans);
          event.target.value = ''; // the same file can be chosen again
        }}
      />
    </>
  );
}
