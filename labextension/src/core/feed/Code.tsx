import * as React from 'react';
import { highlight } from './highlight';
import type { DiffLine, FileDiff } from './diff';
import { Disclosure } from '../controls/Disclosure';
import { Icon } from '../controls/Icon';
import { useHost, useTranslation } from '../controls/surroundings';

/** Lines shown before "Show all": a whole page of code in a narrow panel helps nobody. */
const FOLDED = 200;

/** Code that can be scrolled, by keyboard too, and copied. */
export function CodeBlock({ text, language = '' }: { text: string; language?: string }): React.ReactElement {
  const trans = useTranslation();
  const [whole, setWhole] = React.useState(false);
  const lines = React.useMemo(() => text.split('\n'), [text]);
  const shown = whole || lines.length <= FOLDED + 20 ? text : lines.slice(0, FOLDED).join('\n');
  return (
    <div className="jp-AppBuilder-code">
      <CopyButton text={text} />
      <pre tabIndex={0} role="group" aria-label={language ? trans.__('Code (%1)', language) : trans.__('Code')}>
        <code>{highlight(shown, language)}</code>
      </pre>
      {shown !== text && (
        <button type="button" className="jp-AppBuilder-link" onClick={() => setWhole(true)}>
          {trans.__('Show all %1 lines', lines.length)}
        </button>
      )}
    </div>
  );
}

function CopyButton({ text }: { text: string }): React.ReactElement | null {
  const trans = useTranslation();
  const [copied, setCopied] = React.useState(false);
  React.useEffect(() => {
    const timer = copied ? setTimeout(() => setCopied(false), 1500) : undefined;
    return () => clearTimeout(timer);
  }, [copied]);
  return (
    <button
      type="button"
      className="jp-AppBuilder-iconButton jp-AppBuilder-copy"
      title={copied ? trans.__('Copied') : trans.__('Copy')}
      aria-label={copied ? trans.__('Copied') : trans.__('Copy')}
      onClick={() => {
        void navigator.clipboard?.writeText(text).then(() => setCopied(true));
      }}
    >
      <Icon name={copied ? 'check' : 'copy'} />
    </button>
  );
}

/** A path whose folders give way before the file's name does. */
export function PathText({ path }: { path: string }): React.ReactElement {
  const cut = path.lastIndexOf('/') + 1;
  return (
    <span className="jp-AppBuilder-path">
      {cut > 0 && <span className="jp-AppBuilder-pathFolder">{path.slice(0, cut)}</span>}
      <span className="jp-AppBuilder-pathName">{path.slice(cut)}</span>
    </span>
  );
}

/** A file's name that opens it in the editor, where there is one. */
export function FileLink({ path }: { path: string }): React.ReactElement {
  const { openFile } = useHost();
  const trans = useTranslation();
  if (!openFile) {
    return <PathText path={path} />;
  }
  return (
    <button
      type="button"
      className="jp-AppBuilder-link jp-AppBuilder-fileLink"
      aria-label={trans.__('Open %1 in the editor', path)}
      title={trans.__('Open %1 in the editor', path)}
      onClick={event => {
        event.stopPropagation();
        openFile(path);
      }}
    >
      <PathText path={path} />
    </button>
  );
}

/** "+12 −3", coloured; also said in words. */
export function Lines({ added, removed }: { added: number; removed: number }): React.ReactElement | null {
  const trans = useTranslation();
  if (added === 0 && removed === 0) {
    return null;
  }
  return (
    <span className="jp-AppBuilder-lines">
      {added > 0 && (
        <span className="jp-mod-added">
          <span aria-hidden="true">+{added}</span>
          <span className="jp-AppBuilder-hidden">{trans._n('%1 line added', '%1 lines added', added, added)}</span>
        </span>
      )}
      {removed > 0 && (
        <span className="jp-mod-removed">
          <span aria-hidden="true">−{removed}</span>
          <span className="jp-AppBuilder-hidden">
            {trans._n('%1 line removed', '%1 lines removed', removed, removed)}
          </span>
        </span>
      )}
    </span>
  );
}

const SIGN: Record<DiffLine['kind'], string> = { added: '+', removed: '−', context: ' ', hunk: '' };

export function DiffLines({ lines, label }: { lines: readonly DiffLine[]; label: string }): React.ReactElement {
  const trans = useTranslation();
  const [whole, setWhole] = React.useState(false);
  const shown = whole || lines.length <= FOLDED + 20 ? lines : lines.slice(0, FOLDED);
  return (
    <div className="jp-AppBuilder-diff">
      <pre tabIndex={0} role="group" aria-label={label}>
        {shown.map((line, at) => (
          <div key={at} className={`jp-AppBuilder-diffLine jp-mod-${line.kind}`}>
            {line.kind === 'hunk' ? (
              <span className="jp-AppBuilder-hunk">⋯ {line.text}</span>
            ) : (
              <>
                <span className="jp-AppBuilder-gutter" aria-hidden="true">
                  {line.after ?? line.before ?? ''}
                </span>
                <span className="jp-AppBuilder-sign">{SIGN[line.kind]}</span>
                <span>{line.text}</span>
              </>
            )}
          </div>
        ))}
      </pre>
      {shown !== lines && (
        <button type="button" className="jp-AppBuilder-link" onClick={() => setWhole(true)}>
          {trans.__('Show all %1 lines', lines.length)}
        </button>
      )}
    </div>
  );
}

/** The files of a diff, each folded open or shut. */
export function DiffFiles({ files }: { files: readonly FileDiff[] }): React.ReactElement {
  const trans = useTranslation();
  if (files.length === 0) {
    return <p className="jp-AppBuilder-note">{trans.__('No file changed.')}</p>;
  }
  return (
    <ul className="jp-AppBuilder-diffFiles">
      {files.map((file, at) => (
        <DiffFile key={`${file.path}:${at}`} file={file} folded={files.length > 3 || file.lines.length > 80} />
      ))}
    </ul>
  );
}

function DiffFile({ file, folded }: { file: FileDiff; folded: boolean }): React.ReactElement {
  const trans = useTranslation();
  const [open, setOpen] = React.useState(!folded);
  const body = React.useId();
  return (
    <li>
      <div className="jp-AppBuilder-diffHead">
        <Disclosure
          body={body}
          open={open}
          onToggle={setOpen}
          className="jp-AppBuilder-cardToggle"
          label={trans.__('Changes to %1', file.path)}
        />
        {file.change === 'deleted' ? <PathText path={file.path} /> : <FileLink path={file.path} />}
        {file.change !== 'modified' && <span className="jp-AppBuilder-note">{changeLabel(file.change, trans)}</span>}
        <Lines added={file.added} removed={file.removed} />
      </div>
      {open && (
        <div id={body}>
          {file.large ? (
            <p className="jp-AppBuilder-note">{trans.__('Too large to show. Its content is kept.')}</p>
          ) : file.binary ? (
            <p className="jp-AppBuilder-note">{trans.__('A binary or very large file.')}</p>
          ) : (
            <DiffLines lines={file.lines} label={trans.__('Changes to %1', file.path)} />
          )}
        </div>
      )}
    </li>
  );
}

function changeLabel(change: FileDiff['change'], trans: ReturnType<typeof useTranslation>): string {
  switch (change) {
    case 'created':
      return trans.__('new');
    case 'deleted':
      return trans.__('deleted');
    case 'renamed':
      return trans.__('renamed');
    case 'modified':
      return trans.__('changed');
  }
}
