/** The files that came with a request, in the conversation. */

import * as React from 'react';
import { bytes } from '../controls/format';
import { Disclosure } from '../controls/Disclosure';
import { Icon } from '../controls/Icon';
import type { EventData } from '../wire/events';
import { Pictures } from './Pictures';

export type Attachment = NonNullable<EventData['message.user']['attachments']>[number];

export function AttachedFiles({ files }: { files: readonly Attachment[] }): React.ReactElement | null {
  if (files.length === 0) {
    return null;
  }
  const pictures = files.flatMap(file => (file.picture ? [file.picture] : []));
  return (
    <div className="jp-AppBuilder-attached">
      <Pictures pictures={pictures} />
      {files
        .filter(file => !file.picture)
        .map((file, at) => (
          <AttachedFile key={at} file={file} />
        ))}
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
