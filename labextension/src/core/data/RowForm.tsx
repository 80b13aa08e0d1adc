/** One row of a table: added, changed or removed by the person. */

import * as React from 'react';
import { Failure } from '../controls/Failure';
import { Icon, Spinner } from '../controls/Icon';
import { useTranslation } from '../controls/surroundings';
import type { Translation } from '../controls/translation';
import type { DatabaseColumn, DatabaseTable, DatabaseValue } from '../wire/api.generated';
import type { Requests, RowChange } from '../wire/transport';
import { RequestFailed } from '../wire/wire';
import { fieldText, isWhole } from './values';

const LONG = 60; // characters from which a value has several lines

/** A field as it stands: a text, null for SQL's NULL, undefined for what was not touched. */
type Fields = Record<string, string | null | undefined>;

/** `row` is null for a new one. `onClose` hears whether something was changed. */
export function RowForm({
  asks,
  table,
  row,
  onClose
}: {
  asks: Required<Pick<Requests, 'changeRow'>>;
  table: DatabaseTable;
  row: { key: DatabaseValue; values: readonly DatabaseValue[] } | null;
  onClose: (done: boolean) => void;
}): React.ReactElement {
  const trans = useTranslation();
  const [begun] = React.useState(row); // the rows may be read again meanwhile
  const [fields, setFields] = React.useState<Fields>({});
  const [failure, setFailure] = React.useState<RequestFailed | null>(null);
  const [waiting, setWaiting] = React.useState(false);
  const [asked, setAsked] = React.useState(false);
  const form = React.useRef<HTMLFormElement>(null);
  const before = (at: number): DatabaseValue => begun?.values[at] ?? null;

  React.useEffect(() => form.current?.querySelector<HTMLElement>('input:enabled, textarea:enabled')?.focus(), []);

  const change = (what: Pick<RowChange, 'change' | 'values'>): void => {
    // Only what is here whole can be compared with what the row has by now.
    const seen = table.columns.map(({ name }, at) => [name, before(at)] as const).filter(([, value]) => isWhole(value));
    const which = begun ? { key: begun.key, was: Object.fromEntries(seen) } : {};
    setWaiting(true);
    setFailure(null);
    asks.changeRow({ table: table.name, ...what, ...which }).then(
      () => onClose(true),
      (error: unknown) => {
        setWaiting(false);
        setFailure(RequestFailed.from(error));
      }
    );
  };
  const save = (): void => {
    const touched = table.columns.filter(({ name }, at) => {
      const value = fields[name];
      return value !== undefined && !(begun && value === fieldText(before(at), trans));
    });
    const values = Object.fromEntries(touched.map(({ name }) => [name, fields[name]]));
    if (begun && !Object.keys(values).length) {
      onClose(false);
    } else {
      change({ change: begun ? 'update' : 'insert', values });
    }
  };
  return (
    <form
      ref={form}
      className="jp-AppBuilder-dataRow"
      aria-label={begun ? trans.__('A row of %1', table.name) : trans.__('A new row of %1', table.name)}
      onSubmit={event => {
        event.preventDefault();
        save();
      }}
      onKeyDown={event => {
        if (event.key === 'Escape' && !waiting) {
          event.stopPropagation();
          onClose(false);
        }
      }}
    >
      <div className="jp-AppBuilder-dataFields">
        {table.columns.map((column, at) => (
          <Field
            key={column.name}
            column={column}
            old={begun ? before(at) : undefined}
            value={fields[column.name]}
            disabled={waiting}
            onChange={value => setFields(now => ({ ...now, [column.name]: value }))}
          />
        ))}
      </div>
      {failure && <Failure error={failure} />}
      <div className="jp-AppBuilder-dataBar">
        <button type="submit" className="jp-AppBuilder-button jp-mod-primary" disabled={waiting}>
          {waiting ? <Spinner /> : <Icon name="check" />}
          {begun ? trans.__('Save the row') : trans.__('Add the row')}
        </button>
        <button type="button" className="jp-AppBuilder-button" disabled={waiting} onClick={() => onClose(false)}>
          {trans.__('Cancel')}
        </button>
        {begun && (
          <button
            type="button"
            className="jp-AppBuilder-button jp-mod-quiet"
            disabled={waiting}
            onClick={() => (asked ? change({ change: 'delete' }) : setAsked(true))}
          >
            <Icon name="trash" />
            {asked ? trans.__('Really remove it') : trans.__('Remove the row')}
          </button>
        )}
      </div>
    </form>
  );
}

function Field({
  column,
  old,
  value,
  disabled,
  onChange
}: {
  column: DatabaseColumn;
  old: DatabaseValue | undefined; // undefined in a new row
  value: string | null | undefined;
  disabled: boolean;
  onChange: (value: string | null) => void;
}): React.ReactElement {
  const trans = useTranslation();
  const id = React.useId();
  const fixed = column.generated || !isWhole(old);
  const now = value !== undefined ? value : old === undefined ? null : fieldText(old, trans);
  const shape = {
    id,
    value: now ?? '',
    disabled: disabled || fixed,
    placeholder: value === undefined && old === undefined ? placeholder(column, trans) : now === null ? 'NULL' : ''
  };
  return (
    <div>
      <label htmlFor={id}>
        {column.name} <span className="jp-AppBuilder-hint">{column.type.toLowerCase()}</span>
      </label>
      {(now?.length ?? 0) > LONG ? (
        <textarea
          {...shape}
          className="jp-AppBuilder-input"
          rows={3}
          onChange={event => onChange(event.target.value)}
        />
      ) : (
        <input {...shape} className="jp-AppBuilder-input" onChange={event => onChange(event.target.value)} />
      )}
      {fixed ? (
        <span className="jp-AppBuilder-hint">
          {column.generated ? trans.__('It follows from the others.') : trans.__('It cannot be changed here.')}
        </span>
      ) : (
        column.nullable &&
        !column.primary_key &&
        now !== null && (
          <button
            type="button"
            className="jp-AppBuilder-button jp-mod-quiet"
            disabled={disabled}
            aria-label={trans.__('Set %1 to NULL', column.name)}
            onClick={() => onChange(null)}
          >
            {trans.__('Set to NULL')}
          </button>
        )
      )}
    </div>
  );
}

/** What a new row gets where nothing is typed. */
function placeholder(column: DatabaseColumn, trans: Translation): string {
  if (column.default !== null) {
    return trans.__('as given: %1', column.default);
  }
  return column.primary_key && /^integer$/i.test(column.type)
    ? trans.__('the next number')
    : column.nullable
      ? 'NULL'
      : trans.__('needed');
}
