/** Asks in place whether something is to be done; the keyboard is at the answer that does nothing. */

import * as React from 'react';
import { Icon } from '../controls/Icon';
import { useTranslation } from '../controls/surroundings';

export function Confirm({
  question,
  detail,
  yes,
  disabled = false,
  onYes,
  onNo
}: {
  question: string;
  detail: string;
  /** The word that does it. */
  yes: string;
  disabled?: boolean;
  onYes: () => void;
  onNo: () => void;
}): React.ReactElement {
  const trans = useTranslation();
  const id = React.useId();
  const no = React.useRef<HTMLButtonElement>(null);
  React.useEffect(() => {
    no.current?.focus();
    no.current?.scrollIntoView?.({ block: 'nearest' });
  }, []);
  return (
    <div
      className="jp-AppBuilder-notice jp-mod-question"
      role="group"
      aria-labelledby={`${id}-question`}
      aria-describedby={`${id}-detail`}
      onKeyDown={event => {
        if (event.key === 'Escape') {
          event.stopPropagation();
          onNo();
        }
      }}
    >
      <Icon name="question" />
      <div>
        <p id={`${id}-question`}>
          <strong>{question}</strong>
        </p>
        <p id={`${id}-detail`} className="jp-AppBuilder-hint">
          {detail}
        </p>
        <div className="jp-AppBuilder-noticeActions">
          <button type="button" className="jp-AppBuilder-button jp-mod-primary" disabled={disabled} onClick={onYes}>
            {yes}
          </button>
          <button ref={no} type="button" className="jp-AppBuilder-button" onClick={onNo}>
            {trans.__('Cancel')}
          </button>
        </div>
      </div>
    </div>
  );
}
