/** In the conversation: what came of refreshing the data that readers have. */

import * as React from 'react';
import { Icon } from '../controls/Icon';
import { useHost, useTranslation } from '../controls/surroundings';
import type { Translation } from '../controls/translation';
import type { RefreshItem } from '../view/view';

export function RefreshedLine({ item }: { item: RefreshItem }): React.ReactElement {
  const trans = useTranslation();
  const { publication } = useHost();
  const { target, state, hint } = item.refreshed;
  return (
    <div className="jp-AppBuilder-event">
      <Icon name={state === 'failed' ? 'alert' : 'clock'} />
      <span>
        {refreshText(item, trans)} {hint}{' '}
        {publication && state !== 'done' && (
          <button type="button" className="jp-AppBuilder-link" onClick={() => publication({ target, act: 'show' })}>
            {trans.__('Show the runs')}
          </button>
        )}
      </span>
    </div>
  );
}

export function refreshText({ refreshed }: RefreshItem, trans: Translation): string {
  const { state, message } = refreshed;
  switch (state) {
    case 'done':
      return trans.__('Readers have fresh data: %1.', refreshed.datasets.join(', '));
    case 'failed':
      return trans.__('Readers’ data were not refreshed: %1', message);
    default:
      return trans.__('Refreshing readers’ data was stopped.');
  }
}
