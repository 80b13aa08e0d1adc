import * as React from 'react';
import { Icon } from '../controls/Icon';
import { IconButton } from '../controls/IconButton';
import { useTranslation } from '../controls/surroundings';
import type { Queue, Queued } from './queue';

/** What is asked next, in its order. */
export function QueueList({
  queue,
  held,
  onEdit,
  onSend
}: {
  queue: Queue;
  /** Nothing goes out by itself: the last request did not come to its end. */
  held: boolean;
  onEdit: (item: Queued) => void;
  onSend: (item: Queued) => void;
}): React.ReactElement | null {
  const trans = useTranslation();
  const items = React.useSyncExternalStore(queue.subscribe, queue.get);
  const title = React.useId();
  if (items.length === 0) {
    return null;
  }
  return (
    <section className="jp-AppBuilder-queue" aria-labelledby={title}>
      <p id={title} className="jp-AppBuilder-note">
        {held ? trans.__('Next, once you send it') : trans.__('Next, when the agent is done')}
      </p>
      <ol>
        {items.map((item, at) => (
          <li key={item.key}>
            <span className="jp-AppBuilder-ellipsis" title={item.text}>
              {item.text}
            </span>
            {item.files && item.files.files.length > 0 && (
              <span className="jp-AppBuilder-attachmentSize" title={item.files.files.map(file => file.name).join(', ')}>
                <Icon name="attach" /> {item.files.files.length}
              </span>
            )}
            {held && at === 0 && (
              <IconButton icon="send" label={trans.__('Send now: %1', item.text)} onClick={() => onSend(item)} />
            )}
            {at > 0 && (
              <IconButton
                icon="up"
                label={trans.__('Earlier: %1', item.text)}
                onClick={() => queue.move(item.key, -1)}
              />
            )}
            <IconButton icon="pencil" label={trans.__('Edit: %1', item.text)} onClick={() => onEdit(item)} />
            <IconButton icon="cross" label={trans.__('Drop: %1', item.text)} onClick={() => queue.remove(item.key)} />
          </li>
        ))}
      </ol>
    </section>
  );
}
