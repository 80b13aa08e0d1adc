/** The data that was handed to an app without a database: it lies beside the app's files, and more can be added. */

import * as React from 'react';
import { Ago } from '../controls/Ago';
import { Failure } from '../controls/Failure';
import { Icon, Spinner } from '../controls/Icon';
import { useTranslation } from '../controls/surroundings';
import type { Dataset } from '../wire/api.generated';
import { RequestFailed } from '../wire/wire';
import { Added, DropZone, FileForm, useFileForm } from './FileForm';
import type { FileAsks } from './sending';
import { tracked } from './tracked';
import { spoken } from '../controls/language';

/** `changed` is another number whenever data may have been handed over. */
export function FilesPane({
  asks,
  changed,
  hidden = false,
  onHold
}: {
  asks: FileAsks;
  changed: number;
  hidden?: boolean;
  /** Hears whether leaving would stop a file, or lose what came of it. */
  onHold: (held: boolean) => void;
}): React.ReactElement {
  const trans = useTranslation();
  const [found, setFound] = React.useState<readonly Dataset[] | null>(null);
  const [failure, setFailure] = React.useState<RequestFailed | null>(null);
  const [round, setRound] = React.useState(0);
  const { form, added, open, onDrop, onSending, close, button } = useFileForm(onHold);

  React.useEffect(() => {
    const current = tracked();
    asks.datasets().then(
      told => current.is && (setFound(told), setFailure(null)),
      (error: unknown) => current.is && setFailure(RequestFailed.from(error))
    );
    return current.end;
  }, [asks, changed, round]);

  return (
    <DropZone className="jp-AppBuilder-data" hidden={hidden} onDrop={onDrop}>
      {failure && <Failure error={failure} />}
      {!found && !failure && (
        <p className="jp-AppBuilder-dataEmpty" role="status">
          <Spinner /> {trans.__('Asking for the app’s data…')}
        </p>
      )}
      {added && <Added found={added} onClose={() => close(null)} />}
      {found?.length === 0 && !form && !added && (
        <p className="jp-AppBuilder-dataEmpty">
          {trans.__('The app has no data of yours yet. Add a file, or drop one here.')}
        </p>
      )}
      {found && found.length > 0 && (
        <ul className="jp-AppBuilder-dataList" aria-label={trans.__('Data of the app')}>
          {found.map(one => (
            <li key={one.name}>
              <Icon name="table" />
              <div>
                <strong>{one.name}</strong>{' '}
                <span className="jp-AppBuilder-hint">
                  {trans._n('%1 row', '%1 rows', one.rows, one.rows.toLocaleString(spoken()))} ·{' '}
                  {trans._n('%1 column', '%1 columns', one.columns.length)} · <Ago at={one.as_of} />
                  {one.private && ` · ${trans.__('private')}`}
                </span>
                <p className="jp-AppBuilder-hint">{one.columns.map(({ name }) => name).join(', ')}</p>
              </div>
            </li>
          ))}
        </ul>
      )}
      {form ? (
        <FileForm
          asks={asks}
          dropped={form.file}
          taken={(found ?? []).map(({ name }) => name)}
          onSending={onSending}
          onClose={told => {
            close(told);
            setRound(known => known + 1);
          }}
        />
      ) : (
        <div className="jp-AppBuilder-dataBar">
          <button ref={button} type="button" className="jp-AppBuilder-button" onClick={() => open(null)}>
            <Icon name="upload" />
            {trans.__('Add data from a file')}
          </button>
        </div>
      )}
    </DropZone>
  );
}
