/** Where an app was published: to open, and to give to others. */

import * as React from 'react';
import { Icon } from '../controls/Icon';
import { useHost, useTranslation } from '../controls/surroundings';
import { webAddress } from './wording';

export function PublishedAddress({
  url,
  what
}: {
  url: string;
  /** What opening it is called; by default it is a published app. */
  what?: string;
}): React.ReactElement | null {
  const trans = useTranslation();
  const [copied, setCopied] = React.useState<boolean | null>(null);
  const { base = window.location.href } = useHost();
  const address = webAddress(url, base);
  React.useEffect(() => setCopied(null), [address]);
  if (url === '') {
    return null;
  }
  if (address === '') {
    return <code className="jp-AppBuilder-publishedAddress">{url}</code>; // no page of the web: nothing to open
  }
  return (
    <div className="jp-AppBuilder-published">
      <a
        className="jp-AppBuilder-publishedAddress"
        href={address}
        target="_blank"
        rel="noopener noreferrer"
        title={trans.__('Open in a new tab')}
      >
        {address}
      </a>
      <span className="jp-AppBuilder-publishedActs">
        <button
          type="button"
          className="jp-AppBuilder-button"
          onClick={() => {
            copyText(address).then(
              () => setCopied(true),
              () => setCopied(false)
            );
          }}
        >
          <Icon name={copied ? 'check' : 'copy'} />
          <span>{copied ? trans.__('Copied') : trans.__('Copy the link')}</span>
        </button>
        <a
          className="jp-AppBuilder-button"
          href={address}
          target="_blank"
          rel="noopener noreferrer"
          aria-label={what ?? trans.__('Open the published app')}
        >
          <Icon name="external" />
          {trans.__('Open')}
        </a>
      </span>
      {copied === false && (
        <p className="jp-AppBuilder-hint" role="alert">
          {trans.__('The browser did not let it be copied: mark the address and copy it yourself.')}
        </p>
      )}
    </div>
  );
}

/** Put a text on the clipboard; there is none where the page came over plain HTTP. */
export async function copyText(text: string): Promise<void> {
  await navigator.clipboard.writeText(text);
}
