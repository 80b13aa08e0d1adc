/** The button with the chevron that shows something and hides it again. */

import * as React from 'react';
import { Icon } from './Icon';

export function Disclosure({
  body,
  open,
  onToggle,
  className,
  label,
  children
}: {
  /** The id of what is shown. */
  body: string;
  open: boolean;
  onToggle: (open: boolean) => void;
  className: string;
  /** Its name, where it has no words of its own. */
  label?: string;
  children?: React.ReactNode;
}): React.ReactElement {
  return (
    <button
      type="button"
      className={className}
      aria-expanded={open}
      aria-controls={body}
      aria-label={label}
      onClick={() => onToggle(!open)}
    >
      <Icon name="chevron" className="jp-AppBuilder-chevron" />
      {children}
    </button>
  );
}
