/** A page that takes the panel's place until it is closed. */

import * as React from 'react';
import type { IconName } from '../controls/Icon';
import { IconButton } from '../controls/IconButton';
import { useTranslation } from '../controls/surroundings';
import type { Translation } from '../controls/translation';
import type { PanelModel } from '../panel';
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
  icon: IconName;
  /** It is about the open session, and makes no sense without one. */
  ofSession?: true;
  /** Takes the panel's place until it calls `model.leave`. */
  Body: (props: PageProps) => React.ReactElement;
}

export function Page({
  title,
  heading,
  onClose,
  children
}: {
  title: string;
  /** The title's element, for whoever gives it the focus. */
  heading: React.RefObject<HTMLHeadingElement>;
  onClose: () => void;
  children: React.ReactNode;
}): React.ReactElement {
  const trans = useTranslation();
  const id = React.useId();
  return (
    <section className="jp-AppBuilder-page" aria-labelledby={id}>
      <div className="jp-AppBuilder-headerRow">
        <IconButton icon="back" label={trans.__('Back')} onClick={onClose} />
        <h2 id={id} tabIndex={-1} ref={heading}>
          {title}
        </h2>
      </div>
      <div className="jp-AppBuilder-pageBody">{children}</div>
    </section>
  );
}
