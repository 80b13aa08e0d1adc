import * as React from 'react';
import type { Finding, PageRequest } from './pageMessages';
import { Icon } from '../controls/Icon';
import { useTranslation } from '../controls/surroundings';

/** What the page reported and what it wants, above its frame: a page draws what it likes, but nothing here. */
export function PageNotices({
  findings,
  requests,
  base,
  busy,
  onFix,
  onDismissFindings,
  onGrant,
  onRefuse
}: {
  findings: readonly Finding[];
  requests: readonly PageRequest[];
  /** The preview's address: a page of the app is told by its path. */
  base: string;
  busy: boolean;
  onFix: (finding: Finding) => void;
  onDismissFindings: () => void;
  onGrant: (request: PageRequest) => void;
  onRefuse: (request: PageRequest) => void;
}): React.ReactElement {
  const trans = useTranslation();
  const first = findings[0]; // the cause more often than what follows
  const request = requests[0];
  const place = request?.kind === 'open' && request.url.startsWith(base) ? `/${request.url.slice(base.length)}` : '';
  return (
    <>
      {first && (
        <div className="jp-AppBuilder-pageNotice jp-mod-error" role="status">
          <Icon name="alert" />
          <span className="jp-AppBuilder-pageNoticeText" title={first.message}>
            {findings.length > 1
              ? trans._n(
                  'The page reports %1 error: %2',
                  'The page reports %1 errors: %2',
                  findings.length,
                  findings.length,
                  first.message
                )
              : trans.__('The page reports: %1', first.message)}
          </span>
          <button
            type="button"
            className="jp-AppBuilder-button"
            disabled={busy}
            title={
              busy ? trans.__('A request is running: it sees this error too.') : trans.__('Ask the agent to fix it')
            }
            onClick={() => onFix(first)}
          >
            {trans.__('Fix it')}
          </button>
          <button type="button" className="jp-AppBuilder-button" onClick={onDismissFindings}>
            {trans.__('Dismiss')}
          </button>
        </div>
      )}
      {request && (
        <div className="jp-AppBuilder-pageNotice" role="status">
          <Icon name={request.kind === 'save' ? 'download' : 'external'} />
          <span
            className="jp-AppBuilder-pageNoticeText"
            title={request.kind === 'save' ? request.name : place || request.url}
          >
            {request.kind === 'save'
              ? trans.__('The app wants to save %1 (%2).', request.name, size(request.content.size))
              : place
                ? trans.__('The app wants to open its page %1 in a new tab', place)
                : trans.__('The app wants to open %1', request.url)}
          </span>
          <button type="button" className="jp-AppBuilder-button jp-mod-primary" onClick={() => onGrant(request)}>
            {request.kind === 'save' ? trans.__('Save') : trans.__('Open')}
          </button>
          <button type="button" className="jp-AppBuilder-button" onClick={() => onRefuse(request)}>
            {trans.__('Dismiss')}
          </button>
        </div>
      )}
    </>
  );
}

/** Do what the page asked for, from the person's click. */
export function grant(request: PageRequest): void {
  if (request.kind === 'open') {
    window.open(request.url, '_blank', 'noopener,noreferrer');
    return;
  }
  // Without the page's type: what is saved is never shown by this origin.
  const url = URL.createObjectURL(new Blob([request.content], { type: 'application/octet-stream' }));
  const link = document.createElement('a');
  link.href = url;
  link.download = request.name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

function size(bytes: number): string {
  const units = ['B', 'KB', 'MB'];
  let value = bytes;
  while (value >= 1000 && units.length > 1) {
    value /= 1000;
    units.shift();
  }
  return `${value < 10 && units[0] !== 'B' ? value.toFixed(1) : Math.round(value)} ${units[0]}`;
}
