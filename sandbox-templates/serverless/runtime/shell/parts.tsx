// The parts that layouts may use without a component of their own. What each takes stands in ../parts.mjs, too.
import { SignIn } from './sign-in';
import { useId, useState, type ComponentType, type FormEvent, type ReactNode } from 'react';

type Any = Record<string, unknown>;

/** Any value as something to read. */
function shown(value: unknown): string {
  if (value === null || value === undefined) return '';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

function Heading({ text, level }: { text: unknown; level?: unknown }) {
  const Tag = ([1, 2, 3].includes(Number(level)) ? `h${Number(level)}` : 'h2') as 'h1' | 'h2' | 'h3';
  return <Tag>{shown(text)}</Tag>;
}

function Text({ text, muted }: { text: unknown; muted?: unknown }) {
  return <p className={muted ? 'app-muted' : ''}>{shown(text)}</p>;
}

function Card({ title, children }: { title?: unknown; children?: ReactNode }) {
  return (
    <section className="app-card">
      {title ? <h2>{shown(title)}</h2> : null}
      {children}
    </section>
  );
}

function Columns({ count, children }: { count?: unknown; children?: ReactNode }) {
  const columns = Math.min(6, Math.max(1, Number(count) || 2));
  return (
    <div className="app-columns" style={{ '--columns': columns } as Any}>
      {children}
    </div>
  );
}

function Stat({ label, value }: { label: unknown; value: unknown }) {
  return (
    <div className="app-card app-stat">
      <span className="app-muted">{shown(label)}</span>
      <strong>{typeof value === 'number' ? value.toLocaleString() : shown(value) || '–'}</strong>
    </div>
  );
}

interface Column {
  key: string;
  label: string;
}

function columnsOf(columns: unknown, rows: Any[]): Column[] {
  const given = Array.isArray(columns) ? (columns as unknown[]) : Object.keys(rows[0] ?? {});
  return given.map((one) => {
    if (typeof one === 'string') return { key: one, label: one };
    const { key, label } = (one ?? {}) as Any;
    return { key: shown(key), label: shown(label ?? key) };
  });
}

function Table({ rows, columns, label, empty, onRow }: Any) {
  if (rows === undefined) return <p className="app-muted">Loading …</p>;
  const list = Array.isArray(rows) ? (rows.filter((row) => row && typeof row === 'object') as Any[]) : [];
  const shownColumns = columnsOf(columns, list);
  if (!list.length) return <p className="app-muted">{shown(empty) || 'Nothing here yet.'}</p>;
  const choose = typeof onRow === 'function' ? (onRow as (row: Any) => void) : null;
  return (
    <div className="app-table" tabIndex={0} role="region" aria-label={shown(label) || 'Table'}>
      <table>
        <thead>
          <tr>
            {shownColumns.map((column) => (
              <th key={column.key} scope="col">
                {column.label}
              </th>
            ))}
            {choose ? <th scope="col" aria-label="Choose" /> : null}
          </tr>
        </thead>
        <tbody>
          {list.map((row, at) => (
            <tr key={shown(row.id ?? at)}>
              {shownColumns.map(({ key }) => (
                <td key={key} className={typeof row[key] === 'number' ? 'app-number' : ''}>
                  {shown(row[key])}
                </td>
              ))}
              {choose ? (
                <td>
                  <button type="button" className="app-button app-button-outline" onClick={() => choose(row)}>
                    Open
                  </button>
                </td>
              ) : null}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

interface Field {
  name: string;
  label?: string;
  type?: string;
  required?: boolean;
  options?: (string | { value: string; label: string })[];
  value?: string | number | boolean;
}

function Form({ fields, submit, onSubmit }: Any) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState('');
  const id = useId();
  const list = (Array.isArray(fields) ? fields : []).filter((one): one is Field => typeof (one as Field | null)?.name === 'string');
  async function send(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = event.currentTarget;
    const values: Any = {};
    for (const { name, type } of list) {
      const control = form.elements.namedItem(name) as HTMLInputElement | null;
      if (!control) continue;
      if (type === 'checkbox') values[name] = control.checked;
      else if (type === 'number') values[name] = control.value === '' ? null : Number(control.value);
      else values[name] = control.value;
    }
    setBusy(true);
    setError('');
    try {
      await (onSubmit as ((values: Any) => unknown) | undefined)?.(values);
      form.reset();
    } catch (failed) {
      setError(failed instanceof Error ? failed.message : String(failed));
    } finally {
      setBusy(false);
    }
  }
  return (
    <form className="app-form" onSubmit={(event) => void send(event)}>
      {list.map((field) => {
        const common = { id: `${id}-${field.name}`, name: field.name, required: !!field.required };
        return (
          <div key={field.name} className="app-field">
            <label htmlFor={common.id}>{field.label ?? field.name}</label>
            {field.type === 'textarea' ? (
              <textarea {...common} rows={3} defaultValue={shown(field.value)} />
            ) : field.type === 'select' ? (
              <select {...common} defaultValue={shown(field.value)}>
                {(field.options ?? []).map((option) => {
                  const { value, label } = typeof option === 'string' ? { value: option, label: option } : option;
                  return (
                    <option key={value} value={value}>
                      {label}
                    </option>
                  );
                })}
              </select>
            ) : field.type === 'checkbox' ? (
              <input {...common} type="checkbox" defaultChecked={!!field.value} />
            ) : (
              <input {...common} type={field.type ?? 'text'} step={field.type === 'number' ? 'any' : undefined} defaultValue={shown(field.value)} />
            )}
          </div>
        );
      })}
      {error ? (
        <p role="alert" className="app-error">
          {error}
        </p>
      ) : null}
      <button className="app-button" disabled={busy}>
        {shown(submit) || 'Save'}
      </button>
    </form>
  );
}

function Button({ label, variant, onClick }: Any) {
  return (
    <button
      type="button"
      className={`app-button ${variant === 'outline' || variant === 'danger' ? `app-button-${variant}` : ''}`}
      onClick={() => (onClick as (() => unknown) | undefined)?.()}
    >
      {shown(label)}
    </button>
  );
}

function Link({ label, to }: Any) {
  return <a href={`#${shown(to)}`}>{shown(label)}</a>;
}

export const PARTS = new Map<string, ComponentType<any>>(
  Object.entries({ Heading, Text, Card, Columns, Stat, Table, Form, Button, Link, SignIn }),
);
