/** A file of data that becomes the app's: chosen or dropped, named, sent, and asked about where rows would go. */

import * as React from 'react';
import { Failure } from '../controls/Failure';
import { Icon, Spinner } from '../controls/Icon';
import { useTranslation } from '../controls/surroundings';
import type { Translation } from '../controls/translation';
import type { TakenUpload } from '../wire/api.generated';
import { RequestFailed } from '../wire/wire';
import { ENDINGS, NAME, proposed, Sending, type FileAsks, type Told } from './sending';
import { spoken } from '../controls/language';

/** `dropped` is a file to begin with. `onSending` hears whether it is on its way, `onClose` what the app has now, or null. */
export function FileForm({
  asks,
  dropped,
  taken,
  onSending,
  onClose
}: {
  asks: FileAsks;
  dropped: File | null;
  /** Names of tables or datasets that are there. */
  taken: readonly string[];
  onSending: (sending: boolean) => void;
  onClose: (found: TakenUpload | null) => void;
}): React.ReactElement {
  const trans = useTranslation();
  const [file, setFile] = React.useState<File | null>(null);
  const [name, setName] = React.useState('');
  const [secret, setSecret] = React.useState(false);
  const [told, setTold] = React.useState<Told | null>(null); // while it is under way
  const [failure, setFailure] = React.useState<RequestFailed | null>(null);
  const sending = React.useRef<Sending | null>(null);
  const input = React.useRef<HTMLInputElement>(null);
  const ids = { name: React.useId(), hint: React.useId() };

  const choose = (chosen: File): void => {
    sending.current?.giveUp();
    sending.current = null;
    setFile(chosen);
    setName(proposed(chosen.name));
    setFailure(null);
  };
  React.useEffect(() => {
    if (dropped) {
      choose(dropped);
    } else {
      input.current?.focus();
    }
  }, [dropped]);
  React.useEffect(() => () => sending.current?.giveUp(), []);
  const running = told !== null;
  React.useEffect(() => {
    onSending(running);
    return () => onSending(false);
  }, [running, onSending]);

  const take = (replace: boolean): void => {
    if (!file || told) {
      return;
    }
    const current = (sending.current ??= new Sending(asks, file, setTold));
    setTold({ sent: 0, size: file.size, taking: null });
    setFailure(null);
    current.take({ name, ...(secret && { private: true }), ...(replace && { replace }) }).then(
      found => {
        sending.current = null; // the server has removed it
        onClose(found);
      },
      (error: unknown) => {
        if (!current.givenUp) {
          const failed = RequestFailed.from(error);
          setFailure(failed);
          setTold(null);
          if (['unknown_upload', 'out_of_order', 'unreachable'].includes(failed.reason)) {
            current.giveUp();
            sending.current = null; // from its beginning again
          }
        }
      }
    );
  };
  const fits = NAME.test(name);
  const there = taken.includes(name);
  return (
    <form
      className="jp-AppBuilder-dataFile"
      aria-label={trans.__('A file of data')}
      onSubmit={event => {
        event.preventDefault();
        if (fits) {
          take(false);
        }
      }}
      onKeyDown={event => {
        if (event.key === 'Escape' && !told) {
          event.stopPropagation();
          onClose(null);
        }
      }}
    >
      <input
        ref={input}
        type="file"
        accept={ENDINGS}
        disabled={told !== null}
        aria-label={trans.__('CSV, Parquet or Excel file')}
        className={file && dropped === file ? 'jp-mod-hidden' : undefined}
        onChange={event => {
          const chosen = event.target.files?.[0];
          if (chosen) {
            choose(chosen);
          }
        }}
      />
      {file ? (
        <>
          <div className="jp-AppBuilder-dataFileName">
            <label htmlFor={ids.name}>{trans.__('%1 becomes', file.name)}</label>
            <input
              id={ids.name}
              className="jp-AppBuilder-input"
              value={name}
              spellCheck={false}
              disabled={told !== null}
              aria-invalid={!fits}
              aria-describedby={ids.hint}
              onChange={event => setName(event.target.value)}
            />
          </div>
          <p id={ids.hint} className="jp-AppBuilder-hint">
            {!fits
              ? trans.__('A name has small letters, digits and _, and begins with a letter.')
              : there
                ? trans.__('There is one of this name. If it came from a file or a notebook, its rows are replaced.')
                : trans.__('A name that the app knows it by.')}
          </p>
          <label className="jp-AppBuilder-dataPrivate">
            <input
              type="checkbox"
              checked={secret}
              disabled={told !== null}
              onChange={event => setSecret(event.target.checked)}
            />
            {trans.__('Private: the agent is told names and types of its columns, and no value')}
          </label>
        </>
      ) : (
        <p className="jp-AppBuilder-hint">
          {trans.__('Choose a file, or drop one here: CSV, Parquet or Excel, with names in its first row.')}
        </p>
      )}
      {told && <Progress told={told} />}
      {failure && (
        <Failure error={failure}>
          {failure.reason === 'rows_changed' && (
            <button type="button" className="jp-AppBuilder-button" onClick={() => take(true)}>
              {trans.__('Replace the changed rows')}
            </button>
          )}
        </Failure>
      )}
      <div className="jp-AppBuilder-dataBar">
        <button
          type="submit"
          className="jp-AppBuilder-button jp-mod-primary"
          disabled={!file || !fits || told !== null}
        >
          <Icon name="upload" />
          {there ? trans.__('Replace the rows') : trans.__('Add the data')}
        </button>
        <button
          type="button"
          className="jp-AppBuilder-button"
          onClick={() => {
            sending.current?.giveUp();
            onClose(null);
          }}
        >
          {told ? trans.__('Stop') : trans.__('Cancel')}
        </button>
      </div>
    </form>
  );
}

function Progress({ told }: { told: Told }): React.ReactElement {
  const trans = useTranslation();
  const fraction = told.size ? told.sent / told.size : 1;
  return (
    <div className="jp-AppBuilder-dataProgress" role="status">
      <p className="jp-AppBuilder-hint">
        <Spinner /> {phase(told, fraction, trans)}
      </p>
      {!told.taking && <progress max={1} value={fraction} aria-label={trans.__('Sent')} />}
    </div>
  );
}

function phase({ taking }: Told, fraction: number, trans: Translation): string {
  if (!taking) {
    return trans.__('Sending: %1 %', Math.floor(100 * fraction));
  }
  if (taking.placed) {
    return trans.__('%1 rows are in the app', taking.placed.toLocaleString(spoken()));
  }
  return taking.rows
    ? trans.__('%1 rows are read', taking.rows.toLocaleString(spoken()))
    : trans.__('Reading the rows…');
}

/** What came of it, until something else is done. */
export function Added({ found, onClose }: { found: TakenUpload; onClose: () => void }): React.ReactElement {
  const trans = useTranslation();
  const { dataset, path, changes, notes } = found;
  const rows = trans._n('%1 row', '%1 rows', dataset.rows, dataset.rows.toLocaleString(spoken()));
  return (
    <div className="jp-AppBuilder-notice" role="status">
      <Icon name="check" />
      <div>
        <p>
          {path
            ? trans.__(
                'The app has %1: %2, in %3. Say in the chat what it should show of it.',
                dataset.name,
                rows,
                path
              )
            : trans.__('%1 is a table of the app: %2.', dataset.name, rows)}
        </p>
        {[...changes, ...notes].map(note => (
          <p key={note} className="jp-AppBuilder-hint">
            {note}
          </p>
        ))}
        <button type="button" className="jp-AppBuilder-link" onClick={onClose}>
          {trans.__('Close')}
        </button>
      </div>
    </div>
  );
}

/** Takes a file that is dropped anywhere in it; without `onDrop` none, which the browser does not open instead either. */
export function DropZone({
  className,
  hidden,
  onDrop,
  children
}: {
  className: string;
  hidden: boolean;
  onDrop: ((file: File) => void) | null;
  children: React.ReactNode;
}): React.ReactElement {
  const [over, setOver] = React.useState(false);
  const has = (event: React.DragEvent): boolean => event.dataTransfer.types.includes('Files');
  return (
    <div
      className={over ? `${className} jp-mod-dropping` : className}
      hidden={hidden}
      onDragOver={event => {
        if (has(event)) {
          event.preventDefault();
          event.dataTransfer.dropEffect = onDrop ? 'copy' : 'none';
          setOver(onDrop !== null);
        }
      }}
      onDragLeave={event => {
        if (!event.currentTarget.contains(event.relatedTarget as Node | null)) {
          setOver(false);
        }
      }}
      onDrop={event => {
        setOver(false);
        const [file] = event.dataTransfer.files;
        if (has(event)) {
          event.preventDefault();
        }
        if (file) {
          onDrop?.(file);
        }
      }}
    >
      {children}
    </div>
  );
}

/** A pane's form for a file, and what came of it. `onHold` hears whether there is something that leaving would lose. */
export function useFileForm(onHold: (held: boolean) => void): {
  form: { file: File | null } | null;
  added: TakenUpload | null;
  open: (file: File | null) => void;
  /** What a drop does: nothing while a file is on its way. */
  onDrop: ((file: File) => void) | null;
  onSending: (sending: boolean) => void;
  close: (found: TakenUpload | null) => void;
  /** The button that opens the form, for the keyboard to come back to. */
  button: React.RefObject<HTMLButtonElement>;
} {
  const [form, setForm] = React.useState<{ file: File | null } | null>(null);
  const [added, setAdded] = React.useState<TakenUpload | null>(null);
  const [sending, onSending] = React.useState(false);
  const held = form !== null || added !== null;
  React.useEffect(() => {
    onHold(held);
    return () => onHold(false);
  }, [held, onHold]);
  const button = React.useRef<HTMLButtonElement>(null);
  const opened = React.useRef(false);
  React.useEffect(() => {
    if (opened.current && !form && document.activeElement === document.body) {
      button.current?.focus();
    }
    opened.current = form !== null;
  }, [form]);
  const open = (file: File | null): void => {
    setAdded(null);
    setForm({ file });
  };
  const close = (found: TakenUpload | null): void => {
    setForm(null);
    setAdded(found);
  };
  return { form, added, open, onDrop: sending ? null : open, onSending, close, button };
}
