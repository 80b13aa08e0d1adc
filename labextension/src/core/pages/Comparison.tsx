/** What is different between any two versions: in their files, and in how the app looked. */

import * as React from 'react';
import { Failure } from '../controls/Failure';
import { Icon } from '../controls/Icon';
import { useTranslation } from '../controls/surroundings';
import { DiffFiles } from '../feed/Code';
import { parseDiff, type FileDiff } from '../feed/diff';
import type { ComparedVersions } from '../panel';
import type { Transport } from '../wire/transport';
import { RequestFailed } from '../wire/wire';
import { BeforeAfter, type Side } from './BeforeAfter';

export function Comparison({
  versions,
  transport,
  chosen
}: {
  /** The newest first; two at least. */
  versions: readonly Side[];
  transport: Transport;
  /** Two whose looks are to be shown; each time a new object. */
  chosen: ComparedVersions | null;
}): React.ReactElement {
  const trans = useTranslation();
  const [older, setOlder] = React.useState('');
  const [newer, setNewer] = React.useState('');
  const [result, setResult] = React.useState<FileDiff[] | RequestFailed | null>(null);
  const [reading, setReading] = React.useState(false);
  const [looks, setLooks] = React.useState(false);
  const section = React.useRef<HTMLElement>(null);
  const body = React.useId();
  React.useEffect(() => {
    if (chosen) {
      setOlder(chosen.from);
      setNewer(chosen.to);
      setResult(null);
      setLooks(true);
      section.current?.scrollIntoView({ block: 'nearest' });
      section.current?.focus({ preventScroll: true });
    }
  }, [chosen]);
  const find = (id: string): Side | undefined => versions.find(({ checkpoint }) => checkpoint.checkpoint === id);
  const before = find(older) ?? versions[1];
  const after = find(newer) ?? versions[0];
  if (!before || !after) {
    return <></>;
  }
  const [from, to] = [before.checkpoint.checkpoint, after.checkpoint.checkpoint];
  const choice = (label: string, value: string, onChoose: (value: string) => void): React.ReactElement => (
    <select
      className="jp-AppBuilder-select"
      aria-label={label}
      value={value}
      onChange={event => {
        setResult(null);
        onChoose(event.target.value);
      }}
    >
      {versions.map(({ checkpoint, title }, at) => (
        <option key={checkpoint.checkpoint} value={checkpoint.checkpoint}>
          {`${versions.length - at} ${title.slice(0, 60)}`}
        </option>
      ))}
    </select>
  );
  const { compare } = transport;
  return (
    <section
      ref={section}
      tabIndex={-1}
      className="jp-AppBuilder-comparison"
      aria-label={trans.__('Compare two versions')}
    >
      <div className="jp-AppBuilder-comparisonBar">
        {choice(trans.__('From version'), from, setOlder)}
        <Icon name="chevron" />
        {choice(trans.__('To version'), to, setNewer)}
        <button
          type="button"
          className="jp-AppBuilder-button"
          aria-expanded={looks}
          aria-controls={body}
          disabled={from === to}
          onClick={() => setLooks(!looks)}
        >
          <Icon name="compare" />
          {trans.__('Before and after')}
        </button>
        {compare && (
          <button
            type="button"
            className="jp-AppBuilder-button"
            disabled={reading || from === to}
            onClick={() => {
              setReading(true);
              compare
                .call(transport, from, to)
                .then(
                  text => setResult(parseDiff(text)),
                  (error: unknown) => setResult(RequestFailed.from(error))
                )
                .finally(() => setReading(false));
            }}
          >
            <Icon name="diff" />
            {trans.__('Compare files')}
          </button>
        )}
      </div>
      <div id={body}>
        {looks && from !== to && (
          <BeforeAfter key={`${from} ${to}`} before={before} after={after} transport={transport} />
        )}
      </div>
      {result instanceof RequestFailed ? (
        <Failure error={result} />
      ) : result?.length === 0 ? (
        <p className="jp-AppBuilder-note" role="status">
          {trans.__('Their files are the same.')}
        </p>
      ) : (
        result && <DiffFiles files={result} />
      )}
    </section>
  );
}
