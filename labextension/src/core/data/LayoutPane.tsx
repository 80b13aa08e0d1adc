/** The app's layout as an outline with the properties of what is chosen: changed here, it is changed in ui.json. */

import * as React from 'react';
import { Failure } from '../controls/Failure';
import { Icon, Spinner } from '../controls/Icon';
import { IconButton } from '../controls/IconButton';
import { useTranslation } from '../controls/surroundings';
import type { Translation } from '../controls/translation';
import type { Layout, LayoutPart } from '../wire/api.generated';
import type { Requests } from '../wire/transport';
import { RequestFailed } from '../wire/wire';
import { tracked } from './tracked';
import {
  added,
  asObject,
  found,
  fresh,
  freePath,
  inside,
  isAction,
  isObject,
  moved,
  outlined,
  parentOf,
  placeFor,
  REGIONS,
  set,
  type Change,
  type Entry,
  type Json,
  type Step
} from './layout';

export type LayoutAsks = Required<Pick<Requests, 'layout' | 'changeLayout'>>;

const MOST_UNDONE = 100;

/** `changed` is another number whenever the app's files may have changed. */
export function LayoutPane({ asks, changed }: { asks: LayoutAsks; changed: number }): React.ReactElement {
  const trans = useTranslation();
  const [told, setTold] = React.useState<Layout | null>(null);
  const [failure, setFailure] = React.useState<RequestFailed | null>(null);
  const [chosen, setChosen] = React.useState('');
  const [waiting, setWaiting] = React.useState(false);
  const [undone, setUndone] = React.useState<readonly (readonly Step[])[]>([]);
  const busy = React.useRef(false);
  const root = React.useRef<HTMLElement>(null);

  const newest = React.useRef(tracked());
  const read = React.useCallback(async (): Promise<void> => {
    newest.current.end();
    const current = (newest.current = tracked());
    const layout = await asks.layout();
    if (current.is) {
      setTold(layout);
    }
  }, [asks]);
  React.useEffect(() => {
    if (!busy.current) {
      read().then(
        () => setFailure(null),
        (error: unknown) => setFailure(RequestFailed.from(error))
      );
    }
  }, [read, changed]);

  // What had the focus is gone with what was removed or moved: the line that is chosen now has it.
  React.useEffect(() => {
    if (document.activeElement === document.body && !waiting && undone.length) {
      root.current?.querySelector<HTMLElement>('[aria-current="true"]')?.focus();
    }
  }, [chosen, waiting, undone]);

  const send = async (patch: readonly Step[]): Promise<boolean> => {
    if (busy.current) {
      return false;
    }
    busy.current = true;
    setWaiting(true);
    setFailure(null);
    try {
      await asks.changeLayout(patch);
      await read();
      return true;
    } catch (error) {
      setFailure(RequestFailed.from(error));
      await read().catch(() => undefined); // somebody else's change may be why
      return false;
    } finally {
      busy.current = false;
      setWaiting(false);
    }
  };
  const make = async ({ patch, undo }: Change): Promise<boolean> => {
    const done = await send(patch);
    if (done) {
      setUndone(before => [...before, undo].slice(-MOST_UNDONE));
    }
    return done;
  };
  const takeBack = (): void => {
    const step = undone.at(-1);
    if (step) {
      void send(step).then(done => done && setUndone(before => before.slice(0, -1)));
    }
  };

  if (!told) {
    return (
      <section className="jp-AppBuilder-data" aria-label={trans.__('Layout')}>
        {failure ? (
          <Failure error={failure} />
        ) : (
          <p className="jp-AppBuilder-dataEmpty" role="status">
            <Spinner /> {trans.__('Reading the layout…')}
          </p>
        )}
      </section>
    );
  }
  const entries = outlined(told.layout);
  const entry = entries.find(one => one.at === chosen) ?? entries[0];
  return (
    <section ref={root} className="jp-AppBuilder-data" aria-label={trans.__('Layout')} aria-busy={waiting}>
      {failure && <Failure error={failure} />}
      {told.problems.length > 0 && (
        <ul className="jp-AppBuilder-layoutProblems" role="alert">
          {told.problems.slice(0, 5).map(({ at, message }) => (
            <li key={`${at} ${message}`}>
              {at && <code>{at}</code>} {message}
            </li>
          ))}
        </ul>
      )}
      <div className="jp-AppBuilder-dataBar">
        <span className="jp-AppBuilder-hint">{trans.__('ui.json: pages, and what stands on them.')}</span>
        {waiting && <Spinner />}
        <button
          type="button"
          className="jp-AppBuilder-button jp-mod-quiet"
          disabled={waiting || !undone.length}
          onClick={takeBack}
        >
          <Icon name="undo" />
          {trans.__('Undo')}
        </button>
        <button
          type="button"
          className="jp-AppBuilder-button jp-mod-quiet"
          disabled={waiting}
          onClick={() => {
            const change = added(told.layout, '/pages', {
              path: freePath(told.layout),
              title: trans.__('New'),
              main: []
            });
            void make(change).then(done => done && setChosen(change.at));
          }}
        >
          <Icon name="plus" />
          {trans.__('Add a page')}
        </button>
      </div>
      <div className="jp-AppBuilder-layout">
        <ul className="jp-AppBuilder-layoutOutline" aria-label={trans.__('Outline')}>
          {entries.map(one => (
            <li key={one.at} style={{ paddingInlineStart: `${one.depth * 12}px` }}>
              <button
                type="button"
                className={`jp-AppBuilder-layoutEntry jp-mod-${one.kind}`}
                aria-current={one === entry}
                onClick={() => setChosen(one.at)}
              >
                {nameOf(one, trans)}
                {one.label && <span className="jp-AppBuilder-hint"> {one.label}</span>}
              </button>
            </li>
          ))}
        </ul>
        <Properties key={entry.at} entry={entry} told={told} waiting={waiting} onChange={make} onChoose={setChosen} />
      </div>
    </section>
  );
}

function nameOf(entry: Entry, trans: Translation): string {
  if (entry.kind === 'app') {
    return trans.__('App');
  }
  return entry.kind === 'region' ? regionName(entry.name, trans) : entry.name;
}

function regionName(name: string, trans: Translation): string {
  const names: Record<string, string> = {
    top: trans.__('Top'),
    main: trans.__('Main'),
    aside: trans.__('Aside'),
    bottom: trans.__('Bottom')
  };
  return names[name] ?? name;
}

type Make = (change: Change) => Promise<boolean>;

function Properties({
  entry,
  told,
  waiting,
  onChange,
  onChoose
}: {
  entry: Entry;
  told: Layout;
  waiting: boolean;
  onChange: Make;
  onChoose: (at: string) => void;
}): React.ReactElement {
  const trans = useTranslation();
  const { layout, parts } = told;
  const place = placeFor(entry, layout, parts);
  const node = asObject(found(layout, entry.at));
  const field = (name: string, at: string, kind: FieldKind = 'value'): React.ReactElement => (
    <Field
      key={at}
      name={name}
      kind={kind}
      value={found(layout, at)}
      disabled={waiting}
      onSet={value => onChange(set(layout, at, value))}
    />
  );
  const shift = (by: 1 | -1): void => {
    const move = moved(layout, entry.at, by);
    if (move) {
      void onChange(move).then(done => done && onChoose(move.at));
    }
  };
  const movable = entry.kind === 'part' || entry.kind === 'page';
  return (
    <div
      className="jp-AppBuilder-layoutProperties"
      role="group"
      aria-label={trans.__('Properties of %1', nameOf(entry, trans))}
    >
      <div className="jp-AppBuilder-dataBar">
        <strong>{nameOf(entry, trans)}</strong>
        {movable && (
          <span className="jp-AppBuilder-secretActions">
            <IconButton
              icon="send"
              label={trans.__('Move it up')}
              disabled={waiting || !moved(layout, entry.at, -1)}
              onClick={() => shift(-1)}
            />
            <IconButton
              icon="down"
              label={trans.__('Move it down')}
              disabled={waiting || !moved(layout, entry.at, 1)}
              onClick={() => shift(1)}
            />
            <IconButton
              icon="trash"
              label={trans.__('Remove it')}
              disabled={waiting}
              onClick={() => {
                const parent = parentOf(entry.at);
                const up = entry.kind === 'page' ? '' : parent.endsWith('/children') ? parentOf(parent) : parent;
                void onChange(set(layout, entry.at, undefined)).then(done => done && onChoose(up));
              }}
            />
          </span>
        )}
      </div>
      {entry.kind === 'app' && (
        <>
          {field('title', '/title')}
          {field('description', '/description')}
          {field('navigation', '/navigation', 'json')}
          <p className="jp-AppBuilder-hint">
            {trans.__('navigation: [{ "label": "Tasks", "to": "/tasks" }]: the links of the header, each to a page.')}
          </p>
        </>
      )}
      {entry.kind === 'page' && (
        <>
          {field('path', inside(entry.at, 'path'))}
          {field('title', inside(entry.at, 'title'))}
          {field('data', inside(entry.at, 'data'), 'json')}
          <p className="jp-AppBuilder-hint">
            {trans.__('data: { "NAME": { "call": "FUNCTION" } }. Parts bind it: { "bind": "NAME" }.')}{' '}
            {told.functions.length > 0 && trans.__('Functions: %1.', told.functions.join(', '))}
          </p>
          {REGIONS.filter(name => !(name in node)).length > 0 && (
            <div className="jp-AppBuilder-dataBar">
              {REGIONS.filter(name => !(name in node)).map(name => (
                <button
                  key={name}
                  type="button"
                  className="jp-AppBuilder-link"
                  disabled={waiting}
                  onClick={() => {
                    const at = inside(entry.at, name);
                    void onChange(set(layout, at, [])).then(done => done && onChoose(at));
                  }}
                >
                  {trans.__('Add the region %1', regionName(name, trans))}
                </button>
              ))}
            </div>
          )}
        </>
      )}
      {entry.kind === 'part' &&
        propsOf(
          node,
          parts.find(one => one.name === entry.name)
        ).map(name =>
          isAction(name)
            ? field(name, inside(inside(entry.at, 'on'), name), 'json')
            : field(name, inside(inside(entry.at, 'props'), name))
        )}
      {place !== null && (
        <NewPart
          parts={parts}
          disabled={waiting}
          onAdd={part => {
            const change = added(layout, place, fresh(part));
            void onChange(change).then(done => done && onChoose(change.at));
          }}
        />
      )}
    </div>
  );
}

/** The props of a part by name: what its source tells, and what the layout gives it. */
function propsOf(node: Record<string, Json>, part: LayoutPart | undefined): readonly string[] {
  const given = [...Object.keys(asObject(node.props)), ...Object.keys(asObject(node.on))];
  return [...new Set([...(part?.props.map(({ name }) => name) ?? []), ...given])].filter(name => name !== 'children');
}

type FieldKind = 'value' | 'json';

/** One property. Saved with Enter, or when another field is chosen. */
function Field({
  name,
  kind,
  value,
  disabled,
  onSet
}: {
  name: string;
  kind: FieldKind;
  value: Json;
  disabled: boolean;
  onSet: (value: Json) => Promise<boolean>;
}): React.ReactElement {
  const trans = useTranslation();
  const id = React.useId();
  const bound = isObject(value) && typeof value.bind === 'string' && Object.keys(value).length === 1;
  const written = kind === 'json' || (typeof value === 'object' && value !== null && !bound);
  const now =
    value === undefined
      ? ''
      : bound
        ? (value.bind as string)
        : written
          ? JSON.stringify(value, null, 2)
          : String(value as string | number | boolean);
  const [typed, setTyped] = React.useState(now);
  const [wrong, setWrong] = React.useState('');
  React.useEffect(() => {
    setTyped(now);
    setWrong('');
  }, [now]);

  const save = (): void => {
    if (typed === now || disabled) {
      return;
    }
    let next: Json;
    try {
      next = read(typed, value, bound, written);
    } catch (error) {
      setWrong(error instanceof Error ? error.message : String(error));
      return;
    }
    setWrong('');
    void onSet(next);
  };
  if (typeof value === 'boolean') {
    return (
      <div className="jp-AppBuilder-layoutField">
        <label>
          <input
            type="checkbox"
            checked={value}
            disabled={disabled}
            onChange={event => void onSet(event.target.checked)}
          />{' '}
          {name}
        </label>
      </div>
    );
  }
  const shape = {
    id,
    value: typed,
    readOnly: disabled,
    spellCheck: !written && !bound,
    'aria-invalid': wrong !== '',
    className: `jp-AppBuilder-input${written ? ' jp-mod-code' : ''}`
  };
  return (
    <div className="jp-AppBuilder-layoutField">
      <label htmlFor={id}>
        {name} {bound && <span className="jp-AppBuilder-tag">{trans.__('bound to')}</span>}
      </label>
      {written ? (
        <textarea
          {...shape}
          rows={Math.min(10, Math.max(2, typed.split('\n').length))}
          onChange={event => setTyped(event.target.value)}
          onBlur={save}
        />
      ) : (
        <input
          {...shape}
          onChange={event => setTyped(event.target.value)}
          onBlur={save}
          onKeyDown={event => {
            if (event.key === 'Enter') {
              save();
            } else if (event.key === 'Escape') {
              setTyped(now);
            }
          }}
        />
      )}
      {wrong && (
        <p className="jp-AppBuilder-hint" role="alert">
          {trans.__('This is no JSON: %1.', wrong)}{' '}
          {trans.__(
            'Correct it: names and texts stand in "…", commas between entries, none after the last. The app stays as it was until then.'
          )}
        </p>
      )}
    </div>
  );
}

/** What was typed, as it stands in the layout; empty takes a property away. Raises for JSON that is none. */
function read(typed: string, before: Json, bound: boolean, written: boolean): Json {
  const text = typed.trim();
  if (text === '' && before !== '') {
    return undefined;
  }
  if (bound) {
    return { bind: text };
  }
  // {"bind": "tasks"} binds a field that had a plain text.
  if (written || /^[{[]/.test(text)) {
    return JSON.parse(text) as Json;
  }
  const isNumber = typeof before === 'number' || before === undefined;
  if (isNumber && /^-?\d+(\.\d+)?$/.test(text)) {
    return Number(text);
  }
  return before === undefined && (text === 'true' || text === 'false') ? text === 'true' : typed;
}

function NewPart({
  parts,
  disabled,
  onAdd
}: {
  parts: readonly LayoutPart[];
  disabled: boolean;
  onAdd: (part: LayoutPart) => void;
}): React.ReactElement {
  const trans = useTranslation();
  const [name, setName] = React.useState('');
  const part = parts.find(one => one.name === name) ?? parts.at(0);
  return (
    <div className="jp-AppBuilder-dataBar">
      <select
        className="jp-AppBuilder-input"
        aria-label={trans.__('A part to add')}
        value={part?.name ?? ''}
        onChange={event => setName(event.target.value)}
      >
        <optgroup label={trans.__('Components of the app')}>
          {parts
            .filter(one => one.own)
            .map(one => (
              <option key={one.name}>{one.name}</option>
            ))}
        </optgroup>
        <optgroup label={trans.__('Parts of the shell')}>
          {parts
            .filter(one => !one.own)
            .map(one => (
              <option key={one.name}>{one.name}</option>
            ))}
        </optgroup>
      </select>
      <button
        type="button"
        className="jp-AppBuilder-button"
        disabled={disabled || !part}
        onClick={() => part && onAdd(part)}
      >
        <Icon name="plus" />
        {trans.__('Add')}
      </button>
    </div>
  );
}
