/** A button that is an icon alone. Its label is read aloud, and shown when the pointer rests on it unless `title` says more. */

import * as React from 'react';
import { Icon, type IconName } from './Icon';

export function IconButton({
  icon,
  label,
  title = label,
  onClick,
  disabled,
  pressed,
  leavesFocus = false
}: {
  icon: IconName;
  label: string;
  title?: string;
  onClick: () => void;
  disabled?: boolean;
  pressed?: boolean;
  /** The pointer leaves the keyboard's focus where it is. */
  leavesFocus?: boolean;
}): React.ReactElement {
  return (
    <button
      type="button"
      className="jp-AppBuilder-iconButton"
      aria-label={label}
      aria-pressed={pressed}
      title={title}
      disabled={disabled}
      onMouseDown={leavesFocus ? event => event.preventDefault() : undefined}
      onClick={onClick}
    >
      <Icon name={icon} />
    </button>
  );
}
