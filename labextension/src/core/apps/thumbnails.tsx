/** How an app looked last: small pictures that are read once, a bounded number of them. */

import * as React from 'react';
import { release } from '../controls/address';
import { TemplateIcon } from '../home/TemplatePicker';
import { Icon } from '../controls/Icon';
import type { Api, TemplateChoice } from '../wire/transport';
import type { Summary } from '../wire/wire';

/** Pictures that are kept for when their cards come into view again. */
const KEPT = 200;
/** How long a card is in view before its picture is asked for (ms): what is scrolled past is not. */
const PAUSE = 120;

/** Addresses of pictures by their SHA-256, the one used last at the end. */
export class Thumbnails {
  private readonly known = new Map<string, Promise<string>>();

  constructor(private readonly api: Pick<Api, 'transport'>) {}

  /** An address to show a picture by; rejects where it is no longer kept. */
  get(session: string, sha256: string): Promise<string> {
    const found = this.known.get(sha256) ?? this.read(session, sha256);
    this.known.delete(sha256);
    this.known.set(sha256, found);
    for (const [oldest, address] of this.known) {
      if (this.known.size <= KEPT) {
        break;
      }
      this.known.delete(oldest);
      address.then(release, () => undefined);
    }
    return found;
  }

  /** What failed is asked for again when its card comes next. */
  private read(session: string, sha256: string): Promise<string> {
    const asked = this.api.transport(session).picture(sha256);
    asked.catch(() => this.known.get(sha256) === asked && this.known.delete(sha256));
    return asked;
  }

  has(sha256: string): boolean {
    return this.known.has(sha256);
  }

  dispose(): void {
    for (const address of this.known.values()) {
      address.then(release, () => undefined);
    }
    this.known.clear();
  }
}

export function Thumbnail({
  session,
  template,
  thumbnails
}: {
  session: Pick<Summary, 'id' | 'picture'>;
  template: TemplateChoice | undefined;
  thumbnails: Thumbnails;
}): React.ReactElement {
  const { id } = session;
  const sha256 = session.picture?.sha256 ?? '';
  const [address, setAddress] = React.useState('');
  React.useEffect(() => {
    setAddress('');
    if (sha256 === '') {
      return;
    }
    let wanted = true;
    const load = (): void => {
      thumbnails.get(id, sha256).then(
        found => wanted && setAddress(found),
        () => undefined // no longer kept: the template's icon stands for it
      );
    };
    const timer = setTimeout(load, thumbnails.has(sha256) ? 0 : PAUSE);
    return () => {
      wanted = false;
      clearTimeout(timer);
    };
  }, [thumbnails, id, sha256]);
  return (
    <span className="jp-AppBuilder-thumbnail">
      {address ? (
        <img src={address} alt="" decoding="async" draggable={false} />
      ) : template ? (
        <TemplateIcon template={template} />
      ) : (
        <Icon name="box" />
      )}
    </span>
  );
}
