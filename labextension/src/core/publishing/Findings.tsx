/** What the gate found: mended, or let through with a reason. Where somebody decided that it stays out, it does. */

import * as React from 'react';
import { Icon } from '../controls/Icon';
import { useHost, useTranslation } from '../controls/surroundings';
import { plainly } from '../feed/plainly';
import type { PublishingFinding } from '../wire/events.generated';
import { byKind, kindTitle, placeOf, requestToFix } from './wording';

/** Of one kind so many are drawn at first. */
const DRAWN = 10;
const SHORTEST_REASON = 3;
const LONGEST_REASON = 500;

export function Findings({
  findings,
  disabled,
  onFix,
  onAccept
}: {
  findings: readonly PublishingFinding[];
  disabled: boolean;
  /** Write a request for the agent, which the person sends; none where nothing can be written. */
  onFix: ((request: string) => void) | null;
  /** Go on with what was found, by the findings' ids. */
  onAccept: (reasons: Readonly<Record<string, string>>) => void;
}): React.ReactElement {
  const trans = useTranslation();
  const id = React.useId();
  const heading = React.useRef<HTMLHeadingElement>(null);
  const [deciding, setDeciding] = React.useState(false);
  const [reason, setReason] = React.useState('');
  React.useEffect(() => heading.current?.focus(), []);
  const open = findings.filter(finding => finding.accepted === null);
  const hard = open.filter(finding => finding.hard);
  const fixable = open.filter(finding => finding.fixable);
  const told = reason.trim();
  const enough = told.length >= SHORTEST_REASON;
  return (
    <section className="jp-AppBuilder-findings" aria-labelledby={`${id}-title`}>
      <h3 id={`${id}-title`} ref={heading} tabIndex={-1}>
        {trans._n(
          '%1 thing to look at before readers get it',
          '%1 things to look at before readers get it',
          open.length
        )}
      </h3>
      <p className="jp-AppBuilder-hint">
        {trans.__('Nothing has been published yet. What was published before stays as it is.')}
      </p>
      {byKind(open).map(([kind, found]) => (
        <Kind key={kind} kind={kind} findings={found} onFix={fixable.length > 1 ? onFix : null} />
      ))}
      {hard.length > 0 && (
        <p className="jp-AppBuilder-notice jp-mod-warn">
          <Icon name="shield" />
          <span>
            {trans.__(
              'The administrator of this server decided that an app is not published with these: %1. They have to be mended.',
              byKind(hard)
                .map(([kind]) => kindTitle(kind, trans))
                .join(', ')
            )}
          </span>
        </p>
      )}
      <div className="jp-AppBuilder-actions">
        {onFix && fixable.length > 0 && (
          <button
            type="button"
            className="jp-AppBuilder-button jp-mod-primary"
            title={trans.__('Write a request to the agent. You can change it before you send it.')}
            onClick={() => onFix(requestToFix(fixable, trans))}
          >
            <Icon name="wrench" />
            {fixable.length === 1 ? trans.__('Fix it') : trans.__('Fix all %1', fixable.length)}
          </button>
        )}
        {hard.length === 0 && !deciding && (
          <button type="button" className="jp-AppBuilder-button" disabled={disabled} onClick={() => setDeciding(true)}>
            {trans.__('Publish anyway…')}
          </button>
        )}
      </div>
      {hard.length === 0 && deciding && (
        <form
          className="jp-AppBuilder-notice jp-mod-question"
          aria-label={trans.__('Publish anyway')}
          onKeyDown={event => {
            if (event.key === 'Escape') {
              event.stopPropagation();
              setDeciding(false);
            }
          }}
          onSubmit={event => {
            event.preventDefault();
            if (enough && !disabled) {
              onAccept(Object.fromEntries(open.map(finding => [finding.id, told])));
            }
          }}
        >
          <Icon name="question" />
          <div>
            <label htmlFor={`${id}-reason`}>{trans.__('Why is this fine? The reason is kept with the release.')}</label>
            <textarea
              id={`${id}-reason`}
              className="jp-AppBuilder-input"
              rows={2}
              autoFocus
              value={reason}
              maxLength={LONGEST_REASON}
              placeholder={trans.__('These addresses are made up.')}
              onChange={event => setReason(event.target.value)}
            />
            <div className="jp-AppBuilder-noticeActions">
              <button type="submit" className="jp-AppBuilder-button jp-mod-primary" disabled={!enough || disabled}>
                {trans.__('Publish anyway')}
              </button>
              <button type="button" className="jp-AppBuilder-button" onClick={() => setDeciding(false)}>
                {trans.__('Cancel')}
              </button>
            </div>
          </div>
        </form>
      )}
    </section>
  );
}

function Kind({
  kind,
  findings,
  onFix
}: {
  kind: string;
  findings: readonly PublishingFinding[];
  onFix: ((request: string) => void) | null;
}): React.ReactElement {
  const trans = useTranslation();
  const id = React.useId();
  const [drawn, setDrawn] = React.useState(DRAWN);
  /** What is to be done about all of them, said once. */
  const common =
    findings.length > 1 && findings.every(({ hint }) => hint === findings[0]?.hint) ? findings[0]?.hint : '';
  return (
    <section className="jp-AppBuilder-findingKind" aria-labelledby={id}>
      <h4 id={id}>
        {kindTitle(kind, trans)} <span className="jp-AppBuilder-count">{findings.length}</span>
      </h4>
      {common && <p className="jp-AppBuilder-hint">{plainly(common)}</p>}
      <ul>
        {findings.slice(0, drawn).map(finding => (
          <Finding key={finding.id} finding={finding} hinted={Boolean(common)} onFix={onFix} />
        ))}
      </ul>
      {findings.length > drawn && (
        <button type="button" className="jp-AppBuilder-link" onClick={() => setDrawn(known => known + 10 * DRAWN)}>
          {trans._n('Show %1 more', 'Show %1 more', findings.length - drawn)}
        </button>
      )}
    </section>
  );
}

function Finding({
  finding,
  hinted,
  onFix
}: {
  finding: PublishingFinding;
  /** Its hint stands above. */
  hinted: boolean;
  onFix: ((request: string) => void) | null;
}): React.ReactElement {
  const trans = useTranslation();
  const { openFile } = useHost();
  const { path, line, where, message, excerpt, hint, hard, fixable, severity } = finding;
  const place = plainly(placeOf(finding, trans));
  return (
    <li className={`jp-AppBuilder-gateFinding jp-mod-${severity}`}>
      <p>
        {hard && (
          <span className="jp-AppBuilder-tag" title={trans.__('Nobody here can let it through.')}>
            {trans.__('must be mended')}
          </span>
        )}{' '}
        {plainly(message)}
      </p>
      {place !== '' &&
        (openFile && where === 'app' && path !== '' ? (
          <button
            type="button"
            className="jp-AppBuilder-link jp-AppBuilder-findingPlace"
            title={trans.__('Open the source')}
            aria-label={trans.__('Open the source: %1', place)}
            onClick={() => openFile(path, line ?? undefined)}
          >
            {place}
          </button>
        ) : (
          <span className="jp-AppBuilder-findingPlace jp-AppBuilder-quiet">{place}</span>
        ))}
      {excerpt !== '' && <code className="jp-AppBuilder-excerpt">{plainly(excerpt)}</code>}
      {hint !== '' && !hinted && <p className="jp-AppBuilder-hint">{plainly(hint)}</p>}
      {onFix && fixable && (
        <button
          type="button"
          className="jp-AppBuilder-button jp-mod-quiet"
          aria-label={trans.__('Fix it: %1', message)}
          title={trans.__('Write a request to the agent. You can change it before you send it.')}
          onClick={() => onFix(requestToFix([finding], trans))}
        >
          <Icon name="wrench" />
          {trans.__('Fix it')}
        </button>
      )}
    </li>
  );
}
