import * as React from 'react';
import { withComposed } from '../panel';

/** Requests to choose from: one that is chosen stands in the box, for the person to change and send. */
export function RequestChips({
  label,
  requests,
  text,
  setText,
  box
}: {
  label: string;
  requests: readonly string[];
  text: string;
  setText: (text: string) => void;
  box: React.RefObject<HTMLTextAreaElement>;
}): React.ReactElement | null {
  const id = React.useId();
  if (requests.length === 0) {
    return null;
  }
  return (
    <div className="jp-AppBuilder-requestChips" role="group" aria-labelledby={id}>
      <span className="jp-AppBuilder-note" id={id}>
        {label}
      </span>
      {requests.map(request => (
        <button
          key={request}
          type="button"
          className="jp-AppBuilder-requestChip"
          onClick={() => {
            // Another that was chosen, and left as it is, gives way.
            setText(requests.includes(text.trim()) ? request : withComposed(text, request));
            box.current?.focus();
          }}
        >
          {request}
        </button>
      ))}
    </div>
  );
}
