import * as React from 'react';

/** Changes a short text in its place: Enter or leaving it takes what was written, Escape what was there. */
export function TitleField({
  label,
  value,
  placeholder,
  most,
  onDone
}: {
  label: string;
  value: string;
  placeholder?: string;
  /** So many characters are taken. */
  most?: number;
  /** Called once, with the text as it was where that was taken. */
  onDone: (text: string) => void;
}): React.ReactElement {
  return (
    <input
      className="jp-AppBuilder-titleInput"
      defaultValue={value}
      aria-label={label}
      placeholder={placeholder}
      maxLength={most}
      autoFocus
      onFocus={event => event.currentTarget.select()}
      onKeyDown={event => {
        if (event.key === 'Escape') {
          event.currentTarget.value = value;
        }
        event.stopPropagation();
        if (event.key === 'Escape' || event.key === 'Enter') {
          event.currentTarget.blur();
        }
      }}
      onBlur={event => onDone(event.target.value.trim())}
    />
  );
}
