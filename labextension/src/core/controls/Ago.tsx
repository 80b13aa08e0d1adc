import * as React from 'react';
import { relativeTime } from './format';
import { spoken } from './language';

const EVERY_MS = 30_000;
const shown = new Set<() => void>();
let timer: ReturnType<typeof setInterval> | undefined;

/** One timer for all that are shown: a long conversation has hundreds. */
function subscribe(changed: () => void): () => void {
  shown.add(changed);
  timer ??= setInterval(() => shown.forEach(one => one()), EVERY_MS);
  return () => {
    shown.delete(changed);
    if (shown.size === 0) {
      clearInterval(timer);
      timer = undefined;
    }
  };
}

/** How long ago something was, which stays true as time passes; pointed at, when. */
export function Ago({ at }: { at: string }): React.ReactElement {
  const [, passed] = React.useReducer((count: number) => count + 1, 0);
  React.useEffect(() => subscribe(passed), []);
  return <span title={new Date(at).toLocaleString(spoken())}>{relativeTime(at, Date.now())}</span>;
}
