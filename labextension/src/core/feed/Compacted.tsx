import * as React from 'react';
import type { EventData } from '../wire/events';
import { Card } from './Card';
import { Markdown } from './Markdown';
import { useTranslation } from '../controls/surroundings';
import { spoken } from '../controls/language';

/** What the model remembers was shortened: by how much, and, opened, the summary that it has now. */
export function Compacted({ compacted }: { compacted: EventData['history.compacted'] }): React.ReactElement {
  const trans = useTranslation();
  const { summary, tokens_before: before, tokens_after: after, written_by: by } = compacted;
  return (
    <Card
      icon="clock"
      title={trans.__(
        'Shortened what the model remembers: %1 → %2 tokens',
        before.toLocaleString(spoken()),
        after.toLocaleString(spoken())
      )}
      wrapping
      hint={trans.__('You still see the whole conversation. The model continues from a summary of it.')}
      label={trans.__('Shortened memory: the summary')}
      body={() => (
        <>
          {by === 'log' && (
            <p className="jp-AppBuilder-hint">
              {trans.__('The model could not write a summary; this one was built from the log.')}
            </p>
          )}
          <h3>{trans.__('What the model continues from')}</h3>
          <Markdown text={summary} />
        </>
      )}
    />
  );
}
