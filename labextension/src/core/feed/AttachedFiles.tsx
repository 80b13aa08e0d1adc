/** The files that came with a request, in the conversation. */

import * as React from 'react';
import { bytes } from '../controls/format';
import { Disclosure } from '../controls/Disclosure';
import { Icon } from '../controls/Icon';
import type { EventData } from '../wire/events';
import { useTranslation } from '../controls/surroundings';
import type { TurnActions } from './actions';
import { Pictures } from './Pictures';

/** Where files of an app lie that its pages load, and that its code reads. */
const FOLDERS = ['public', 'data'];

export type Attachment = NonNullable<EventData['message.user']['attachments']>[number];

export function AttachedFiles({
  files,
  actions
}: {
  files: readonly Attachment[];
  actions: TurnActions;
}): React.ReactElement | null {
  const trans = useTranslation();
  if (files.length === 0) {
    return null;
  }
  const put = actions.transport.putAttachment;
  const pictures = files.flatMap(file => (file.picture ? [file.picture] : []));
  return (
    <div className="jp-AppBuilder-attached">
      <Pictures pictures={pictures} />
      {files
        .filter(file => !file.picture)
        .map((file, at) => (
          <AttachedFile key={at} file={file} />
        ))}
      {put && (
        <details className="jp-AppBuilder-put">
          <summary>{trans.__('Put into the app')}</summary>
          <ul>
            {files.flatMap(file =>
              FOLDERS.map(folder => (
                <li key={`${file.sha256} ${file.name} ${folder}`}>
                  <button
                    type="button"
                    className="jp-AppBuilder-link"
                    disabled={actions.busy || !actions.owned}
                    onClick={() => actions.attempt(put(file.sha256, `${folder}/${file.name}`))}
                  >
                    {trans.__('%1 into %2', file.name, `${folder}/`)}
                  </button>
                </li>
              ))
            )}
          </ul>
        </details>
      )}
    </div>
  );
}

function AttachedFile({ file }: { file: Attachment }): React.ReactElement {
  const [open, setOpen] = React.useState(false);
  const body = React.useId();
  const label = (
    <>
      <Icon name="file" />
      <span className="jp-AppBuilder-ellipsis">{file.name}</span>
      <span className="jp-AppBuilder-attachmentSize">{bytes(file.size)}</span>
    </>
  );
  if (file.text === undefined) {
    return <div className="jp-AppBuilder-attachment">{label}</div>;
  }
  return (
    <div>
      <Disclosure body={body} open={open} onToggle={setOpen} className="jp-AppBuilder-attachment">
        {label}
      </Disclosure>
      {open && (
        <pre id={body} className="jp-AppBuilder-attachedText" tabIndex={0}>
          {file.text}
        </pre>
      )}
    </div>
  );
}
