/** A page that takes the panel's place until it is closed. */

import * as React from 'react';
import type { IconName } from '../controls/Icon';
import { IconButton } from '../controls/IconButton';
import { useHost, useTranslation } from '../controls/surroundings';
import type { Translation } from '../controls/translation';
import type { PageId, PanelModel } from '../panel';
import type { Catalog } from '../wire/catalog';
import type { Summary } from '../wire/wire';

export interface PageProps {
  model: PanelModel;
  /** The session that is open, if one is. */
  session: Summary | null;
  catalog: Catalog;
}

export interface PanelPage {
  title: (trans: Translation) => string;
  /** What JupyterLab's command is called, where the title alone would not say it. */
  command?: (trans: Translation) => string;
  icon: IconName;
  /** It is about the open session, and makes no sense without one. */
  ofSession?: true;
  /** Menus leave it to the settings, of which it is a part. */
  inSettings?: true;
  /** It stands beside the conversation where there is room. */
  beside?: true;
  /** Takes the panel's place until it calls `model.leave`. */
  Body: (props: PageProps) => React.ReactElement;
}

export function Page({
  id: page,
  title,
  heading,
  onClose,
  children
}: {
  /** Its address can be copied. */
  id?: PageId;
  title: string;
  /** The title's element, for whoever gives it the focus. */
  heading: React.RefObject<HTMLHeadingElement>;
  onClose: () => void;
  children: React.ReactNode;
}): React.ReactElement {
  const trans = useTranslation();
  const { copyLink } = useHost();
  const id = React.useId();
  return (
    <section className="jp-AppBuilder-page" aria-labelledby={id}>
      <div className="jp-AppBuilder-headerRow">
        <IconButton icon="back" label={trans.__('Back')} onClick={onClose} />
        <h2 id={id} tabIndex={-1} ref={heading}>
          {title}
        </h2>
        {page && copyLink && (
          <IconButton icon="copy" label={trans.__('Copy the address of this page')} onClick={() => copyLink(page)} />
        )}
      </div>
      <div className="jp-AppBuilder-pageBody">{children}</div>
    </section>
  );
}
