import * as React from 'react';
import { bytes } from '../controls/format';
import { Failure } from '../controls/Failure';
import { Icon, Spinner } from '../controls/Icon';
import { useHost, useTranslation } from '../controls/surroundings';
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

/** Opens the browser's dialog for files. */
export function AttachButton({ attachments }: { attachments: Attachments }): React.ReactElement {
  const trans = useTranslation();
  const input = React.useRef<HTMLInputElement>(null);
  return (
    <>
      <button
        type="button"
        className="jp-AppBuilder-iconButton"
        aria-label={trans.__('Attach files')}
        title={trans.__('Attach pictures, text, CSV, notebooks or PDF: choose, paste or drop them')}
        onClick={() => input.current?.click()}
      >
        <Icon name="attach" />
      </button>
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
