/** The tables of a database as a picture: boxes with columns, types and keys, and lines where one refers to another. */

import * as React from 'react';
import { IconButton } from '../controls/IconButton';
import { useTranslation } from '../controls/surroundings';
import type { Translation } from '../controls/translation';
import type { DatabaseColumn, DatabaseTable } from '../wire/api.generated';
import { ARROWS, beside, BOX, drawn, pictureOf, type Box } from './schemaLayout';

const MARGIN = 12;
const LEAST = 0.1;
const MOST = 2;
const READABLE = 0.8;
const STEP = 1.25;
const ASIDE = 10; // of texts, from the side of their box
const LETTER = 7; // about the width of one
const TYPE = 10; // letters of a type at most

/** `onChoose` hears the table whose box is clicked, or chosen with the keyboard. `views`: which of them are views. */
export function SchemaPicture({
  tables,
  views,
  onChoose
}: {
  tables: readonly DatabaseTable[];
  views: ReadonlySet<string>;
  onChoose: (table: string) => void;
}): React.ReactElement {
  const trans = useTranslation();
  const picture = React.useMemo(() => pictureOf(tables), [tables]);
  const [zoom, setZoom] = React.useState<number | 'all' | null>(null); // null: all of it, as long as it can be read
  const [marked, setMarked] = React.useState('');
  const stage = React.useRef<HTMLDivElement>(null);
  const boxes = React.useRef(new Map<string, SVGGElement>());
  const room = useRoom(stage);
  const size = { width: picture.width + 2 * MARGIN, height: picture.height + 2 * MARGIN };
  const all = room ? Math.min(1, Math.max(LEAST, Math.min(room.width / size.width, room.height / size.height))) : 1;
  const scale = zoom === 'all' ? all : (zoom ?? Math.max(all, READABLE));
  const set = (wanted: number): void => setZoom(Math.min(MOST, Math.max(LEAST, wanted)));
  const lines = [...picture.lines].sort((one, other) => Number(touches(one, marked)) - Number(touches(other, marked)));
  return (
    <section className="jp-AppBuilder-schema" aria-label={trans.__('Schema')}>
      <div className="jp-AppBuilder-dataBar">
        <span className="jp-AppBuilder-hint">
          {trans._n('%1 table', '%1 tables', tables.length - views.size)} ·{' '}
          {views.size > 0 && `${trans._n('%1 view', '%1 views', views.size)} · `}
          {trans._n('%1 reference', '%1 references', picture.lines.length)}
        </span>
        <IconButton
          icon="minus"
          label={trans.__('Smaller')}
          onClick={() => set(scale / STEP)}
          disabled={scale <= LEAST}
        />
        <IconButton icon="plus" label={trans.__('Larger')} onClick={() => set(scale * STEP)} disabled={scale >= MOST} />
        <button
          type="button"
          className="jp-AppBuilder-button jp-mod-quiet"
          aria-pressed={scale === all}
          onClick={() => setZoom('all')}
        >
          {trans.__('Fit')}
        </button>
      </div>
      <div
        ref={stage}
        className="jp-AppBuilder-schemaStage"
        tabIndex={0}
        role="region"
        aria-label={trans.__('Picture of the schema')}
      >
        <svg
          width={Math.floor(size.width * scale)}
          height={Math.floor(size.height * scale)}
          viewBox={`${-MARGIN} ${-MARGIN} ${size.width} ${size.height}`}
          role="group"
          aria-label={trans.__('Tables, and what they refer to')}
        >
          {lines.map(line => (
            <g key={line.key} className={touches(line, marked) ? 'jp-mod-marked' : undefined}>
              <path d={drawn(line.points)} />
              <Arrival line={line.points} />
            </g>
          ))}
          {picture.boxes.map(box => (
            <TableBox
              key={box.table.name}
              ref={element =>
                void (element ? boxes.current.set(box.table.name, element) : boxes.current.delete(box.table.name))
              }
              box={box}
              isView={views.has(box.table.name)}
              onChoose={onChoose}
              onMark={setMarked}
              onStep={key => {
                const step = ARROWS[key];
                const next = step && beside(picture.boxes, box, step);
                if (next) {
                  boxes.current.get(next.table.name)?.focus();
                }
              }}
            />
          ))}
        </svg>
      </div>
    </section>
  );
}

function touches({ from, to }: { from: string; to: string }, marked: string): boolean {
  return marked !== '' && (from === marked || to === marked);
}

/** A dot at the table that is referred to. */
function Arrival({ line }: { line: readonly (readonly [number, number])[] }): React.ReactElement | null {
  const end = line.at(-1);
  return end ? <circle cx={end[0]} cy={end[1]} r={3} /> : null;
}

interface BoxProps {
  box: Box;
  isView: boolean;
  onChoose: (table: string) => void;
  onMark: (table: string) => void;
  /** Hears an arrow of the keyboard. */
  onStep: (key: string) => void;
}

const TableBox = React.forwardRef<SVGGElement, BoxProps>(function TableBox(
  { box, isView, onChoose, onMark, onStep },
  ref
): React.ReactElement {
  const trans = useTranslation();
  const { table, columns, more, x, y, height } = box;
  const refers = new Set(table.foreign_keys.flatMap(key => key.columns));
  return (
    <g
      ref={ref}
      className={`jp-AppBuilder-schemaTable${isView ? ' jp-mod-view' : ''}`}
      transform={`translate(${x} ${y})`}
      role="button"
      tabIndex={0}
      aria-label={isView ? trans.__('View %1', inWords(table, trans)) : inWords(table, trans)}
      onClick={() => onChoose(table.name)}
      onKeyDown={event => {
        if (event.key === 'Enter' || event.key === ' ') {
          event.preventDefault();
          onChoose(table.name);
        } else if (event.key in ARROWS) {
          event.preventDefault(); // the picture would be scrolled as well
          onStep(event.key);
        }
      }}
      onFocus={() => onMark(table.name)}
      onBlur={() => onMark('')}
      onPointerEnter={() => onMark(table.name)}
      onPointerLeave={() => onMark('')}
    >
      <title>{table.name}</title>
      <rect width={BOX.width} height={height} rx={3} />
      <path d={`M0 ${BOX.head}H${BOX.width}`} />
      <text className="jp-AppBuilder-schemaName" x={ASIDE} y={BOX.head / 2 + 4}>
        {short(table.name, BOX.width)}
      </text>
      {columns.map((column, at) => {
        const type = [...column.type.toLowerCase()].slice(0, TYPE).join('');
        const mark = `${column.primary_key ? '◆ ' : ''}${refers.has(column.name) ? '→ ' : ''}`;
        return (
          <g key={column.name} transform={`translate(0 ${BOX.head + at * BOX.line + 14})`}>
            <title>{[column.name, column.type.toLowerCase()].join(' ')}</title>
            <text className={column.primary_key ? 'jp-AppBuilder-schemaKey' : undefined} x={ASIDE}>
              {mark}
              {short(column.name, BOX.width - (type.length + mark.length) * LETTER - ASIDE)}
            </text>
            <text className="jp-AppBuilder-schemaQuiet" x={BOX.width - ASIDE} textAnchor="end">
              {type}
            </text>
          </g>
        );
      })}
      {more > 0 && (
        <text className="jp-AppBuilder-schemaQuiet" x={ASIDE} y={BOX.head + columns.length * BOX.line + 14}>
          {trans.__('and %1 more', more)}
        </text>
      )}
    </g>
  );
});

/** A text that has so much room, with both sides. */
function short(text: string, room: number): string {
  const most = Math.max(2, Math.floor((room - 2 * ASIDE) / LETTER));
  const letters = [...text];
  return letters.length > most ? `${letters.slice(0, most - 1).join('')}…` : text;
}

/** A table as it is read aloud: its columns, keys, and what it refers to. */
function inWords(table: DatabaseTable, trans: Translation): string {
  const columns = table.columns.map(({ name, type, primary_key }: DatabaseColumn) =>
    [name, type.toLowerCase(), primary_key ? trans.__('key') : ''].filter(Boolean).join(' ')
  );
  const keys = table.foreign_keys.map(key =>
    trans.__('%1 refers to %2', key.columns.join(', '), [key.table, ...key.to].join(' '))
  );
  return `${table.name}: ${[columns.join(', '), ...keys].join('; ')}`;
}

/** The room that there is for the picture, followed. */
function useRoom(ref: React.RefObject<HTMLElement>): { width: number; height: number } | null {
  const [room, setRoom] = React.useState<{ width: number; height: number } | null>(null);
  React.useEffect(() => {
    const found = ref.current;
    if (!found || typeof ResizeObserver === 'undefined') {
      return undefined;
    }
    const observer = new ResizeObserver(() => setRoom({ width: found.offsetWidth, height: found.offsetHeight }));
    observer.observe(found);
    return () => observer.disconnect();
  }, [ref]);
  return room;
}
