/**
 * Brings an open notebook up to date with its session, through the document's own model.
 *
 * What the person added stays where it is, and what they changed in a cell of the session stays changed.
 * jupyter_appbuilder/notebook/merge.py does the same to a notebook that nobody has open.
 */

import type { ISharedNotebook, SharedCell } from '@jupyter/ydoc';

/** What a session's notebook says of itself in its metadata, under `appbuilder`. */
export interface Mark {
  session: string;
  last_seq: number;
  /** Every cell of the session, in order: its id, a space, its digest. */
  cells: string[];
}

export interface SessionCell {
  id: string;
  cell_type: 'code' | 'markdown';
  source: string | string[];
  metadata: Record<string, unknown>;
  /** Pictures of a Markdown cell. */
  attachments?: Record<string, Record<string, string>>;
  [key: string]: unknown;
}

/** `GET sessions/{id}/notebook`; with `after`, `cells` are only those that have changed since. */
export interface SessionNotebook {
  cells: SessionCell[];
  metadata: { appbuilder: Mark };
}

/** The cell that moves: it comes after the last place where the tree of the files is known. */
const VERIFY = 'verify';

export function markOf(notebook: ISharedNotebook): Mark | null {
  const mark = notebook.metadata['appbuilder'] as Partial<Mark> | undefined;
  return typeof mark?.session === 'string' && typeof mark.last_seq === 'number' && Array.isArray(mark.cells)
    ? (mark as Mark)
    : null;
}

/** What a cell says, in short: `digest` in jupyter_appbuilder/notebook/document.py. */
export function digest(type: string, source: string): string {
  const said = new TextEncoder().encode(`${type}\n${source}`);
  return `${said.length}-${crc32(said).toString(16).padStart(8, '0')}`;
}

/**
 * Add, update and move the session's cells in `notebook`; whether that changed anything.
 *
 * It is one step that cannot be undone with the person's own edits. Throws `Incomplete`, having changed nothing, when
 * `ours` lacks a cell that the notebook needs.
 */
export function merge(notebook: ISharedNotebook, ours: SessionNotebook): boolean {
  const target = ours.metadata.appbuilder;
  const wanted = written(target);
  const order = [...wanted.keys()];
  const before = written(markOf(notebook) ?? { cells: [] });
  const cells = new Map(ours.cells.map(cell => [cell.id, cell]));
  const present = new Map([...notebook.cells].reverse().map(cell => [cell.id, cell])); // the first of each id
  const moves = verifyMoves(notebook, order, before, wanted);
  const missing = order.filter(id => (moves && id === VERIFY) || (!present.has(id) && !before.has(id)));
  const outdated = order.filter(id => {
    const cell = present.get(id);
    const now = cell && digest(cell.cell_type, cell.getSource());
    // What a person changed in the meantime is theirs.
    return now !== undefined && !(moves && id === VERIFY) && now !== wanted.get(id) && now === before.get(id);
  });
  const need = (id: string): SessionCell => {
    const cell = cells.get(id);
    if (!cell) {
      throw new Incomplete(id);
    }
    return cell;
  };
  const added = new Map(missing.map(id => [id, need(id)]));
  const updated = outdated.map(need);
  const doubles = doublesOf(notebook, order);
  if (missing.length === 0 && outdated.length === 0 && doubles.length === 0) {
    return false;
  }
  // The model's list of cells stands still during a transaction.
  const here = notebook.cells.map(cell => cell.id);
  const changing = updated.map(cell => ({ ...cell, now: notebook.getCell(here.indexOf(cell.id)) }));
  notebook.transact(() => {
    const remove = (index: number): void => {
      notebook.deleteCell(index);
      here.splice(index, 1);
    };
    changing.forEach(({ now, source, attachments }) => {
      now.setSource(text(source));
      if ('setAttachments' in now) {
        now.setAttachments(attachments);
      }
    });
    doubles.reverse().forEach(remove);
    if (moves) {
      remove(here.indexOf(VERIFY));
    }
    const there = new Set(here);
    const last = order.reduce((found, id, index) => (there.has(id) ? index : found), -1);
    let after = -1;
    order.forEach((id, index) => {
      const cell = added.get(id);
      if (there.has(id)) {
        after = here[after + 1] === id ? after + 1 : here.indexOf(id);
      } else if (cell) {
        // Behind the last cell of the session, what the person wrote there came first.
        after = index < last ? after + 1 : here.length;
        notebook.insertCell(after, { ...cell, source: text(cell.source) } as unknown as SharedCell.Cell);
        here.splice(after, 0, id);
      }
    });
    notebook.updateMetadata({ appbuilder: { ...target } });
  }, false);
  return true;
}

/** Take out cells that two browsers added to a shared document at the same time; whether there were any. */
export function removeDoubles(notebook: ISharedNotebook): boolean {
  const doubles = doublesOf(notebook, [...written(markOf(notebook) ?? { cells: [] }).keys()]);
  if (doubles.length > 0) {
    notebook.transact(() => doubles.reverse().forEach(index => notebook.deleteCell(index)), false);
  }
  return doubles.length > 0;
}

/** The answer has only what is new, and the notebook needs more: ask for the whole. */
export class Incomplete extends Error {}

function written(mark: Pick<Mark, 'cells'>): Map<string, string> {
  return new Map(mark.cells.map(entry => entry.split(' ') as [string, string]));
}

function verifyMoves(
  notebook: ISharedNotebook,
  order: string[],
  before: Map<string, string>,
  wanted: Map<string, string>
): boolean {
  const at = place(notebook, VERIFY);
  if (at < 0 || !wanted.has(VERIFY)) {
    return false;
  }
  const cell = notebook.getCell(at);
  const now = digest(cell.cell_type, cell.getSource());
  const previous = place(notebook, order[order.indexOf(VERIFY) - 1] ?? '');
  const deleted = previous < 0 && before.has(order[order.indexOf(VERIFY) - 1] ?? '');
  return now === before.get(VERIFY) && (now !== wanted.get(VERIFY) || previous > at || (previous < 0 && !deleted));
}

/** Where later cells with the same id and words as an earlier one are. */
function doublesOf(notebook: ISharedNotebook, ids: string[]): number[] {
  const ours = new Set(ids);
  const seen = new Map<string, string>();
  return notebook.cells.flatMap((cell, index) => {
    const id = cell.id;
    if (!ours.has(id)) {
      return [];
    }
    const source = cell.getSource();
    if (seen.get(id) === source) {
      return [index];
    }
    seen.set(id, seen.get(id) ?? source);
    return [];
  });
}

function place(notebook: ISharedNotebook, id: string): number {
  return notebook.cells.findIndex(cell => cell.id === id);
}

function text(source: string | string[]): string {
  return typeof source === 'string' ? source : source.join('');
}

const CRC = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) {
    value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  }
  return value >>> 0;
});

function crc32(bytes: Uint8Array): number {
  return (bytes.reduce((sum, byte) => (sum >>> 8) ^ (CRC[(sum ^ byte) & 255] ?? 0), 0xffffffff) ^ 0xffffffff) >>> 0;
}
