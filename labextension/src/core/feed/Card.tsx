/** One thing in the feed: a line, and behind its chevron, where there is more to see, a body. */

import * as React from 'react';
import { Disclosure } from '../controls/Disclosure';
import { Icon, type IconName } from '../controls/Icon';

interface CardProps {
  icon: IconName;
  title: React.ReactNode;
  /** More of the title, as a tooltip. */
  hint?: string;
  /** The title is shown in full, over several lines. */
  wrapping?: boolean;
  /** Behind the title. */
  aside?: React.ReactNode;
  /** The chevron's name. */
  label?: string;
  /** Draws the body; without one there is nothing to unfold. */
  body?: (() => React.ReactNode) | undefined;
  /** It is open until the person decides otherwise. */
  opens?: boolean;
  /** In the body's place while it is folded. */
  folded?: React.ReactNode;
  className?: string;
  /** Below the body, open or not. */
  children?: React.ReactNode;
}

export function Card(props: CardProps): React.ReactElement {
  const {
    icon,
    title,
    hint,
    wrapping = false,
    aside,
    label,
    body,
    opens = false,
    folded,
    className = '',
    children
  } = props;
  const [chosen, setChosen] = React.useState<boolean | null>(null);
  const id = React.useId();
  const open = chosen ?? opens;
  return (
    <div className={`jp-AppBuilder-card ${className}`.trim()}>
      <div className="jp-AppBuilder-cardHead">
        {body ? (
          <Disclosure body={id} open={open} onToggle={setChosen} className="jp-AppBuilder-cardToggle" label={label} />
        ) : (
          <span className="jp-AppBuilder-cardToggle" />
        )}
        <Icon name={icon} />
        <span className={`jp-AppBuilder-cardTitle${wrapping ? ' jp-mod-wrapping' : ''}`} title={hint}>
          {title}
        </span>
        {aside}
      </div>
      {body && open ? (
        <div className="jp-AppBuilder-cardBody" id={id}>
          {body()}
        </div>
      ) : (
        folded
      )}
      {children}
    </div>
  );
}
