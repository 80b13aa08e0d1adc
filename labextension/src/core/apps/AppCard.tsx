import * as React from 'react';
import { Ago } from '../controls/Ago';
import { bytes, usageDetail, usageLabel } from '../controls/format';
import { Icon } from '../controls/Icon';
import { MenuButton, type MenuEntry } from '../controls/Menu';
import { useTranslation } from '../controls/surroundings';
import { TitleField } from '../controls/TitleField';
import { listedState } from '../home/Home';
import { PublishedSince, PublishedTag } from '../publishing/PublishedChip';
import { StateBadge } from '../session/Session';
import type { TemplateChoice } from '../wire/transport';
import type { Summary } from '../wire/wire';
import { Thumbnail, type Thumbnails } from './thumbnails';

export type Editing = 'title' | 'tags';

/** One app: how it looks, what is known of it, and what can be done. */
export function AppCard({
  app,
  template,
  thumbnails,
  chosen,
  active,
  editing,
  entries,
  place,
  number,
  count,
  onOpen,
  onChoose,
  onFocus,
  onEdited
}: {
  app: Summary;
  template: TemplateChoice | undefined;
  thumbnails: Thumbnails;
  chosen: boolean;
  /** Tab leads to this card; arrows lead from it to the others. */
  active: boolean;
  editing: Editing | null;
  entries: readonly MenuEntry[];
  place: React.CSSProperties;
  number: number;
  count: number;
  onOpen: () => void;
  /** `range`: with all cards from the one that was chosen last. */
  onChoose: (range: boolean) => void;
  onFocus: () => void;
  onEdited: (what: Editing, text: string) => void;
}): React.ReactElement {
  const trans = useTranslation();
  const tabIndex = active ? 0 : -1;
  const usage = usageLabel(app.usage, trans);
  return (
    <li
      className={`jp-AppBuilder-appCard${chosen ? ' jp-mod-chosen' : ''}`}
      style={place}
      data-number={number}
      aria-posinset={number + 1}
      aria-setsize={count}
      onFocus={onFocus}
    >
      <button
        type="button"
        className="jp-AppBuilder-appOpen"
        tabIndex={tabIndex}
        aria-label={app.pinned ? trans.__('Open %1, pinned', app.title) : trans.__('Open %1', app.title)}
        onClick={onOpen}
      >
        <Thumbnail session={app} template={template} thumbnails={thumbnails} />
      </button>
      <input
        type="checkbox"
        className="jp-AppBuilder-appChoice"
        tabIndex={tabIndex}
        aria-label={trans.__('Select %1', app.title)}
        checked={chosen}
        onClick={event => onChoose(event.shiftKey)}
        onChange={() => undefined}
      />
      <div className="jp-AppBuilder-appTitle">
        {editing === 'title' ? (
          <TitleField
            label={trans.__('New title of %1', app.title)}
            value={app.title}
            onDone={text => onEdited('title', text)}
          />
        ) : (
          <>
            {app.pinned && <Icon name="pin" />}
            <span className="jp-AppBuilder-ellipsis" title={app.title} onClick={onOpen}>
              {app.title}
            </span>
          </>
        )}
        <MenuButton label={trans.__('Actions for %1', app.title)} entries={entries} tabIndex={tabIndex} />
      </div>
      <div className="jp-AppBuilder-meta">
        <StateBadge state={listedState(app)} />
        <span className="jp-AppBuilder-ellipsis">{template?.title ?? app.template}</span>
        <PublishedTag published={app.published} />
        {app.recorded && <span className="jp-AppBuilder-tag jp-mod-recorded">{trans.__('Recorded')}</span>}
      </div>
      <div className="jp-AppBuilder-meta">
        <Ago at={app.updated_at} />
        {app.size !== null && <span title={trans.__('What its folder takes on the disk')}>{bytes(app.size)}</span>}
        {usage && (
          <span className="jp-AppBuilder-ellipsis" title={usageDetail(app.usage, trans)}>
            {usage}
          </span>
        )}
      </div>
      <PublishedSince published={app.published} />
      <div className="jp-AppBuilder-appTags">
        {editing === 'tags' ? (
          <TitleField
            label={trans.__('Tags of %1, separated by commas', app.title)}
            placeholder={trans.__('work, demo')}
            value={app.tags.join(', ')}
            onDone={text => onEdited('tags', text)}
          />
        ) : (
          app.tags.map(tag => (
            <span key={tag} className="jp-AppBuilder-tag">
              {tag}
            </span>
          ))
        )}
      </div>
    </li>
  );
}
