/** In the conversation: readers got another version, or none any more. */

import * as React from 'react';
import { Icon } from '../controls/Icon';
import { useHost, useTranslation } from '../controls/surroundings';
import type { Translation } from '../controls/translation';
import type { PublicationItem } from '../view/view';
import { webAddress } from './wording';

export function PublishedLine({ item }: { item: PublicationItem }): React.ReactElement {
  const trans = useTranslation();
  const { base = window.location.href } = useHost();
  const address = item.what === 'unpublished' ? '' : webAddress(item.url, base);
  return (
    <div className="jp-AppBuilder-event">
      <Icon name="globe" />
      <span>
        {publicationText(item, trans)}{' '}
        {address && item.url && (
          <a className="jp-AppBuilder-link" href={address} target="_blank" rel="noopener noreferrer">
            {trans.__('Open it')}
          </a>
        )}
      </span>
    </div>
  );
}

export function publicationText({ what, name, number, accepted }: PublicationItem, trans: Translation): string {
  switch (what) {
    case 'published': {
      const said = trans.__('Published “%1”, release %2.', name, number);
      return accepted > 0
        ? `${said} ${trans._n('%1 thing that was found was let through.', '%1 things that were found were let through.', accepted, accepted)}`
        : said;
    }
    case 'back':
      return trans.__('Readers of “%1” get release %2 again.', name, number);
    case 'unpublished':
      return trans.__('“%1” is no longer published.', name);
  }
}
