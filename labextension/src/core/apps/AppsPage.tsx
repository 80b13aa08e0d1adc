/** All apps: found, opened, renamed, copied, put away. */

import * as React from 'react';
import { Failure } from '../controls/Failure';
import { Icon, Spinner } from '../controls/Icon';
import { IconButton } from '../controls/IconButton';
import type { MenuEntry } from '../controls/Menu';
import { useHost, useTranslation } from '../controls/surroundings';
import { TitleField } from '../controls/TitleField';
import type { Translation } from '../controls/translation';
import { publishedLinks } from '../publishing/PublishedChip';
import type { Shelf } from '../wire/events.generated';
import type { Api, SessionChange, TemplateChoice } from '../wire/transport';
import { RequestFailed, type Summary } from '../wire/wire';
import { AppCard, type Editing } from './AppCard';
import { inTurn, said, useApps } from './list';
import { moved, useGrid } from './grid';
import { counted, ORDERS, shown, type Order, type Wanted } from './shown';
import { Thumbnails } from './thumbnails';

export interface AppsPageProps {
  api: Api;
  onOpen: (session: Summary) => void;
  onNew: () => void;
  /** Turns to where an app is published. */
  onPublish: (session: Summary) => void;
  /** Deletes for good, after asking; false when the person thought better of it. */
  onRemove: (sessions: readonly Summary[]) => Promise<boolean>;
  /** An app went into the trash: what shows it is closed. */
  onTrashed: (session: Summary) => void;
}

/** What was done last, and how it is taken back. */
interface Done {
  text: string;
  undo: (() => Promise<void>) | null;
  open: Summary | null;
}

const SHELVES: readonly Shelf[] = ['apps', 'archive', 'trash'];
const ALL: Wanted = { shelf: 'apps', search: '', template: '', tag: '', published: '', order: 'changed' };

export function AppsPage({ api, onOpen, onNew, onPublish, onRemove, onTrashed }: AppsPageProps): React.ReactElement {
  const trans = useTranslation();
  const { base = window.location.href } = useHost();
  const scroller = React.useRef<HTMLDivElement>(null);
  const { apps, failure, refresh, change } = useApps(api, scroller);
  const templates = useTemplates(api);
  const thumbnails = React.useMemo(() => new Thumbnails(api), [api]);
  React.useEffect(() => () => thumbnails.dispose(), [thumbnails]);
  const [wanted, setWanted] = React.useState(ALL);
  const [chosen, setChosen] = React.useState<ReadonlySet<string>>(NONE);
  const [active, setActive] = React.useState('');
  const [editing, setEditing] = React.useState<{ id: string; what: Editing } | null>(null);
  const [tagging, setTagging] = React.useState(false);
  const [problem, setProblem] = React.useState<RequestFailed | null>(null);
  const [done, setDone] = React.useState<Done | null>(null);
  const search = React.useDeferredValue(wanted.search);
  const list = React.useMemo(() => shown(apps ?? [], { ...wanted, search }), [apps, wanted, search]);
  const latest = React.useRef(list);
  latest.current = list;
  const selected = list.filter(app => chosen.has(app.id));
  const at = list.findIndex(app => app.id === active);
  const grid = useGrid(scroller, list.length, at);
  const wish = React.useRef(''); // the card that takes the focus once it is drawn
  const from = React.useRef(''); // the one that was chosen last

  const want = (change: Partial<Wanted>): void => {
    setWanted({ ...wanted, ...change });
    setChosen(NONE);
    if (scroller.current) {
      scroller.current.scrollTop = 0;
    }
  };
  const attempt = (work: Promise<unknown>): void => {
    setProblem(null);
    work.catch((error: unknown) => setProblem(RequestFailed.from(error))).finally(refresh);
  };

  /** Change several apps, and say so with a way back. */
  const put = (several: readonly Summary[], text: string, to: (app: Summary) => SessionChange, back = true): void => {
    const work = inTurn(several, app => change(app.id, to(app)));
    setChosen(NONE);
    setEditing(null);
    setDone({
      text,
      open: null,
      undo: back ? () => inTurn(several, ({ id, pinned, shelf, tags }) => change(id, { pinned, shelf, tags })) : null
    });
    attempt(
      work.catch((error: unknown) => {
        setDone(null);
        throw error;
      })
    );
  };
  const shelve = (several: readonly Summary[], shelf: Shelf): void => {
    put(several, said(shelf, several, trans), () => ({ shelf }));
    if (shelf === 'trash') {
      several.forEach(onTrashed);
    }
  };
  const remove = (several: readonly Summary[]): void => {
    attempt(
      onRemove(several).then(removed => {
        if (removed) {
          setChosen(NONE);
          setDone(null);
        }
      })
    );
  };
  const edited = (app: Summary, what: Editing, text: string): void => {
    setEditing(null);
    // Once the field is gone, and unless the person went elsewhere from it.
    requestAnimationFrame(() => {
      if (document.activeElement === document.body) {
        cardOf(app.id)?.focus();
      }
    });
    if (what === 'tags') {
      const tags = written(text);
      if (tags.join() !== app.tags.join()) {
        attempt(change(app.id, { tags }));
      }
    } else if (text && text !== app.title) {
      attempt(change(app.id, { title: text }));
    }
  };
  const duplicate = (app: Summary): void => {
    const { fork } = api.transport(app.id);
    if (fork && app.checkpoint !== null) {
      const made = fork({ checkpoint: app.checkpoint });
      attempt(made.then(copy => setDone({ text: trans.__('“%1” was made.', copy.title), undo: null, open: copy })));
    }
  };
  const cardOf = (id: string): HTMLElement | null => {
    const number = latest.current.findIndex(app => app.id === id);
    return scroller.current?.querySelector<HTMLElement>(`[data-number="${number}"] .jp-AppBuilder-appOpen`) ?? null;
  };
  const choose = (app: Summary, range: boolean): void => {
    const start = list.findIndex(other => other.id === from.current);
    const end = list.indexOf(app);
    const next = new Set(chosen);
    const on = !chosen.has(app.id);
    const several = range && start >= 0 ? list.slice(Math.min(start, end), Math.max(start, end) + 1) : [app];
    several.forEach(({ id }) => void (on ? next.add(id) : next.delete(id)));
    from.current = app.id;
    setChosen(next);
  };

  const entries = (app: Summary): MenuEntry[] => {
    const { shelf } = app;
    return [
      { label: trans.__('Open'), icon: 'eye', run: () => onOpen(app) },
      ...publishedLinks(app.published, base, trans, attempt),
      { label: trans.__('Rename'), icon: 'pencil', run: () => setEditing({ id: app.id, what: 'title' }) },
      { label: trans.__('Tags'), icon: 'tag', run: () => setEditing({ id: app.id, what: 'tags' }) },
      ...(app.checkpoint === null
        ? []
        : [{ label: trans.__('Duplicate'), icon: 'copy' as const, run: () => duplicate(app) }]),
      ...(app.checkpoint === null || shelf === 'trash'
        ? []
        : [{ label: trans.__('Publish…'), icon: 'upload' as const, run: () => onPublish(app) }]),
      {
        label: app.pinned ? trans.__('Unpin') : trans.__('Pin'),
        icon: 'pin',
        run: () => attempt(change(app.id, { pinned: !app.pinned }))
      },
      {
        label: trans.__('Download as ZIP'),
        icon: 'download',
        run: () => attempt(api.download(app.id, app.name))
      },
      ...(shelf === 'apps'
        ? []
        : [{ label: trans.__('Put back'), icon: 'undo' as const, run: () => shelve([app], 'apps') }]),
      ...(shelf === 'apps'
        ? [{ label: trans.__('Archive'), icon: 'box' as const, run: () => shelve([app], 'archive') }]
        : []),
      shelf === 'trash'
        ? { label: trans.__('Delete for good…'), icon: 'trash', danger: true, run: () => remove([app]) }
        : { label: trans.__('Move to trash'), icon: 'trash', danger: true, run: () => shelve([app], 'trash') }
    ];
  };

  React.useLayoutEffect(() => {
    if (wish.current !== '') {
      const card = cardOf(wish.current);
      if (card) {
        wish.current = '';
        card.focus({ preventScroll: true });
      }
    }
  });
  const onKeyDown = (event: React.KeyboardEvent): void => {
    const target = event.target as HTMLElement;
    const at = Number(target.closest<HTMLElement>('.jp-AppBuilder-appCard')?.dataset['number'] ?? -1);
    const app = list[at];
    if (!app || target.closest('[role="menu"]')) {
      return;
    }
    const to = moved(event.key, at, list.length, grid.columns, grid.rows);
    if ((event.ctrlKey || event.metaKey) && event.key === 'a') {
      setChosen(new Set(list.map(({ id }) => id)));
    } else if (event.ctrlKey || event.metaKey || event.altKey) {
      return;
    } else if (to !== null) {
      const next = list[to];
      if (next) {
        wish.current = next.id;
        grid.reveal(to);
        setActive(next.id);
      }
    } else if (event.key === 'F2') {
      setEditing({ id: app.id, what: 'title' });
    } else if (event.key === 'Delete') {
      const several = selected.length > 0 ? selected : [app];
      const next = list.find((other, place) => place > at && !several.includes(other)) ?? list[at - 1];
      wish.current = next?.id ?? '';
      setActive(next?.id ?? '');
      if (app.shelf === 'trash') {
        remove(several);
      } else {
        shelve(several, 'trash');
      }
    } else if (event.key === 'Escape' && chosen.size > 0) {
      setChosen(NONE);
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  };

  const known = apps ?? [];
  const onShelf = known.filter(app => app.shelf === wanted.shelf);
  const shelfNames = titles(trans);
  const orders = orderTitles(trans);
  return (
    <section className="jp-AppBuilder-apps" aria-label={trans.__('All apps')} onKeyDown={onKeyDown}>
      <div className="jp-AppBuilder-appsBar">
        <div className="jp-AppBuilder-search">
          <Icon name="search" />
          <input
            type="search"
            className="jp-AppBuilder-input"
            value={wanted.search}
            placeholder={trans.__('Search')}
            aria-label={trans.__('Search your apps')}
            onChange={event => want({ search: event.target.value })}
          />
        </div>
        <div className="jp-AppBuilder-shelves" role="group" aria-label={trans.__('Which apps')}>
          {SHELVES.map(shelf => (
            <button
              key={shelf}
              type="button"
              className="jp-AppBuilder-button jp-mod-quiet"
              aria-pressed={shelf === wanted.shelf}
              onClick={() => want({ shelf, template: '', tag: '', published: '' })}
            >
              {shelfNames[shelf]}
              <span className="jp-AppBuilder-count">{known.filter(app => app.shelf === shelf).length}</span>
            </button>
          ))}
        </div>
        <Choice
          label={trans.__('Template')}
          all={trans.__('All templates')}
          value={wanted.template}
          options={counted(onShelf.map(app => app.template)).map(([name, count]) => [
            name,
            `${templates.get(name)?.title ?? name} (${count})`
          ])}
          least={2}
          onChoose={template => want({ template })}
        />
        <Choice
          label={trans.__('Tag')}
          all={trans.__('All tags')}
          value={wanted.tag}
          options={counted(onShelf.flatMap(app => app.tags)).map(([tag, count]) => [tag, `${tag} (${count})`])}
          least={1}
          onChoose={tag => want({ tag })}
        />
        <Choice
          label={trans.__('Published or not')}
          all={trans.__('Published or not')}
          value={wanted.published}
          options={publishedOptions(onShelf, trans)}
          least={2}
          onChoose={published => want({ published: published as Wanted['published'] })}
        />
        <label className="jp-AppBuilder-order">
          {trans.__('Sort by')}
          <select
            className="jp-AppBuilder-select"
            value={wanted.order}
            onChange={event => want({ order: event.target.value as Order })}
          >
            {ORDERS.map(order => (
              <option key={order} value={order}>
                {orders[order]}
              </option>
            ))}
          </select>
        </label>
        <button type="button" className="jp-AppBuilder-button jp-mod-primary" onClick={onNew}>
          <Icon name="plus" />
          {trans.__('New app')}
        </button>
      </div>
      {selected.length > 0 && (
        <div className="jp-AppBuilder-appsBar jp-mod-chosen" role="group" aria-label={trans.__('The selected apps')}>
          <span role="status">{trans._n('%1 app selected', '%1 apps selected', selected.length)}</span>
          <button
            type="button"
            className="jp-AppBuilder-button"
            onClick={() => setChosen(new Set(list.map(({ id }) => id)))}
          >
            {trans.__('Select all %1', list.length)}
          </button>
          {tagging ? (
            <TitleField
              label={trans.__('A tag for the selected apps')}
              value=""
              onDone={text => {
                setTagging(false);
                if (text) {
                  put(selected, trans.__('Tagged “%1”.', text), app => ({ tags: written([...app.tags, text].join()) }));
                }
              }}
            />
          ) : (
            <button type="button" className="jp-AppBuilder-button" onClick={() => setTagging(true)}>
              <Icon name="tag" />
              {trans.__('Add a tag')}
            </button>
          )}
          {wanted.shelf === 'apps' ? (
            <button type="button" className="jp-AppBuilder-button" onClick={() => shelve(selected, 'archive')}>
              <Icon name="box" />
              {trans.__('Archive')}
            </button>
          ) : (
            <button type="button" className="jp-AppBuilder-button" onClick={() => shelve(selected, 'apps')}>
              <Icon name="undo" />
              {trans.__('Put back')}
            </button>
          )}
          <button
            type="button"
            className="jp-AppBuilder-button"
            onClick={() => (wanted.shelf === 'trash' ? remove(selected) : shelve(selected, 'trash'))}
          >
            <Icon name="trash" />
            {wanted.shelf === 'trash' ? trans.__('Delete for good…') : trans.__('Move to trash')}
          </button>
          <IconButton icon="cross" label={trans.__('Select none')} onClick={() => setChosen(NONE)} />
        </div>
      )}
      {done && (
        <div className="jp-AppBuilder-appsBar jp-mod-done">
          <span role="status">{done.text}</span>
          {done.undo && (
            <button
              type="button"
              className="jp-AppBuilder-button"
              onClick={() => {
                setDone(null);
                attempt(done.undo?.() ?? Promise.resolve());
              }}
            >
              <Icon name="undo" />
              {trans.__('Undo')}
            </button>
          )}
          {done.open && (
            <button
              type="button"
              className="jp-AppBuilder-button"
              onClick={() => {
                setDone(null);
                if (done.open) {
                  onOpen(done.open);
                }
              }}
            >
              {trans.__('Open')}
            </button>
          )}
          <IconButton icon="cross" label={trans.__('Dismiss')} onClick={() => setDone(null)} />
        </div>
      )}
      {(failure ?? problem) && <Failure error={(failure ?? problem) as RequestFailed} />}
      {wanted.shelf === 'trash' && (
        <p className="jp-AppBuilder-note jp-AppBuilder-appsNote">
          {trans.__('Apps stay in the trash until you delete them for good.')}
        </p>
      )}
      <div className="jp-AppBuilder-appsScroller jp-AppBuilder-scroller" ref={scroller}>
        {apps === null && !failure && (
          <p className="jp-AppBuilder-note jp-AppBuilder-appsNote" role="status">
            <Spinner /> {trans.__('Loading…')}
          </p>
        )}
        {apps !== null && list.length === 0 && (
          <p className="jp-AppBuilder-note jp-AppBuilder-appsNote" role="status">
            {onShelf.length > 0 ? trans.__('No app matches.') : nothing(wanted.shelf, trans)}
          </p>
        )}
        <ul
          className="jp-AppBuilder-appGrid"
          style={{ height: list.length > 0 ? grid.height : 0 }}
          aria-label={shelfNames[wanted.shelf]}
        >
          {grid.numbers.map(number => {
            const app = list[number];
            return app ? (
              <AppCard
                key={app.id}
                app={app}
                template={templates.get(app.template)}
                thumbnails={thumbnails}
                chosen={chosen.has(app.id)}
                active={at < 0 ? number === 0 : number === at}
                editing={editing?.id === app.id ? editing.what : null}
                entries={entries(app)}
                place={grid.place(number)}
                number={number}
                count={list.length}
                onOpen={() => onOpen(app)}
                onChoose={range => choose(app, range)}
                onFocus={() => setActive(app.id)}
                onEdited={(what, text) => edited(app, what, text)}
              />
            ) : null;
          })}
        </ul>
      </div>
    </section>
  );
}

const NONE: ReadonlySet<string> = new Set();

/** Something to choose among others; nothing where there is no choice. */
function Choice({
  label,
  all,
  value,
  options,
  least,
  onChoose
}: {
  label: string;
  all: string;
  value: string;
  options: readonly (readonly [string, string])[];
  /** So many options are worth a choice. */
  least: number;
  onChoose: (value: string) => void;
}): React.ReactElement | null {
  return options.length >= least || value !== '' ? (
    <select
      className="jp-AppBuilder-select"
      aria-label={label}
      value={value}
      onChange={event => onChoose(event.target.value)}
    >
      <option value="">{all}</option>
      {options.map(([name, title]) => (
        <option key={name} value={name}>
          {title}
        </option>
      ))}
    </select>
  ) : null;
}

/** Published ones and the others; no choice where all are the same. */
function publishedOptions(apps: readonly Summary[], trans: Translation): [string, string][] {
  const published = apps.filter(app => app.published.length > 0).length;
  return published === 0 || published === apps.length
    ? []
    : [
        ['yes', trans.__('Published (%1)', published)],
        ['no', trans.__('Not published (%1)', apps.length - published)]
      ];
}

function useTemplates(api: Api): ReadonlyMap<string, TemplateChoice> {
  const [templates, setTemplates] = React.useState<ReadonlyMap<string, TemplateChoice>>(new Map());
  React.useEffect(() => {
    let wanted = true;
    api.templates().then(
      found => wanted && setTemplates(new Map(found.map(template => [template.name, template]))),
      () => undefined // names stand for titles
    );
    return () => {
      wanted = false;
    };
  }, [api]);
  return templates;
}

/** Tags as they were typed, each once. */
function written(text: string): string[] {
  return [...new Set(text.split(',').map(tag => tag.trim()))].filter(tag => tag !== '');
}

function titles(trans: Translation): Record<Shelf, string> {
  return { apps: trans.__('Apps'), archive: trans.__('Archive'), trash: trans.__('Trash') };
}

function orderTitles(trans: Translation): Record<Order, string> {
  return {
    changed: trans.__('Last change'),
    title: trans.__('Title'),
    created: trans.__('Newest'),
    size: trans.__('Size'),
    tokens: trans.__('Tokens used')
  };
}

function nothing(shelf: Shelf, trans: Translation): string {
  return {
    apps: trans.__('There is no app yet. Press “New app” and describe one.'),
    archive: trans.__('Nothing is archived.'),
    trash: trans.__('The trash is empty.')
  }[shelf];
}
