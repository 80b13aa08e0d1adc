import * as React from 'react';
import { duration } from '../controls/format';
import type { ReasoningItem } from '../view/view';
import { Disclosure } from '../controls/Disclosure';
import { Spinner } from '../controls/Icon';
import { Markdown } from './Markdown';
import { useTranslation } from '../controls/surroundings';
import { Elapsed } from './ToolCard';

/** What the model thinks, or thought, before it answers: one quiet line that unfolds. */
export function Reasoning({ item }: { item: ReasoningItem }): React.ReactElement {
  const trans = useTranslation();
  const [open, setOpen] = React.useState(false);
  const [since] = React.useState(() => new Date().toISOString());
  const body = React.useId();
  const end = useEnd(item.text, open && item.ms === null);
  const title =
    item.ms === null
      ? trans.__('Thinking…')
      : item.ms >= 1000
        ? trans.__('Thought for %1', duration(item.ms, trans))
        : trans.__('Thought');
  return (
    <div className="jp-AppBuilder-reasoning">
      <div className="jp-AppBuilder-reasoningHead">
        <Disclosure body={body} open={open} onToggle={setOpen} className="jp-AppBuilder-button jp-mod-quiet">
          <span>{title}</span>
        </Disclosure>
        {item.ms === null && (
          <>
            <Spinner />
            <Elapsed since={since} />
          </>
        )}
      </div>
      {open && (
        <div className="jp-AppBuilder-reasoningBody" id={body} ref={end} role="group" aria-label={title} tabIndex={0}>
          <Markdown text={item.text} />
        </div>
      )}
    </div>
  );
}

/** Keeps the end of a growing text in sight, unless its reader has scrolled away from it. */
function useEnd(text: string, growing: boolean): React.RefObject<HTMLDivElement> {
  const box = React.useRef<HTMLDivElement>(null);
  const before = React.useRef(0);
  React.useLayoutEffect(() => {
    const element = box.current;
    if (!element) {
      return;
    }
    if (growing && element.scrollTop + element.clientHeight >= before.current - 4) {
      element.scrollTop = element.scrollHeight;
    }
    before.current = element.scrollHeight;
  }, [text, growing]);
  return box;
}
