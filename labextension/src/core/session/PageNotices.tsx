import * as React from 'react';
import type { Finding, PageRequest } from './pageMessages';
import { subject, wording } from './pageRequests';
import { Icon } from '../controls/Icon';
import { useTranslation } from '../controls/surroundings';

/** What the page reported and what it wants, above its frame: a page draws what it likes, but nothing here. */
export function PageNotices({
  findings,
  requests,
  base,
  busy,
  onFix,
  onShow,
  onDismissFindings,
  onGrant,
  onRefuse
}: {
  findings: readonly Finding[];
  requests: readonly PageRequest[];
  /** The preview's address: a page of the app is told by its path. */
  base: string;
  busy: boolean;
  /** None where nothing can be written. */
  onFix: ((finding: Finding) => void) | null;
  /** All of them are listed elsewhere. */
  onShow: () => void;
  onDismissFindings: () => void;
  onGrant: (request: PageRequest) => void;
  onRefuse: (request: PageRequest) => void;
}): React.ReactElement {
  const trans = useTranslation();
  const first = findings[0]; // the cause more often than what follows
  const request = requests[0];
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
                  first.message
                )
              : trans.__('The page reports: %1', first.message)}
          </span>
          {findings.length === 1 && onFix ? (
            <button
              type="button"
              className="jp-AppBuilder-button"
              title={
                busy
                  ? trans.__('A request is running: it sees this error too.')
                  : trans.__('Puts it into your request; you send it')
              }
              onClick={() => onFix(first)}
            >
              {trans.__('Fix it')}
            </button>
          ) : (
            <button type="button" className="jp-AppBuilder-button" onClick={onShow}>
              {trans.__('Show them')}
            </button>
          )}
          <button type="button" className="jp-AppBuilder-button" onClick={onDismissFindings}>
            {trans.__('Dismiss')}
          </button>
        </div>
      )}
      {request && (
        <div className="jp-AppBuilder-pageNotice" role="status">
          <Icon name={request.kind === 'save' ? 'download' : 'external'} />
          <span className="jp-AppBuilder-pageNoticeText" title={subject(request, base)}>
            {wording(request, base, trans)}
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
