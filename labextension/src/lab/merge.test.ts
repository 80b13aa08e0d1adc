import { YNotebook } from '@jupyter/ydoc';
import { beforeEach, describe, expect, it } from 'vitest';
import vectors from '../../../tests/vectors/merge.json';
import { digest, Incomplete, merge, removeDoubles, type SessionCell, type SessionNotebook } from './merge';

function cell(id: string, source = id, cell_type: 'code' | 'markdown' = 'code'): SessionCell {
  return {
    id,
    cell_type,
    source: source.split(/(?<=\n)/),
    metadata: {},
    ...(cell_type === 'code' ? { outputs: [] } : {})
  };
}

function session(last_seq: number, ...cells: SessionCell[]): SessionNotebook {
  const entries = cells.map(({ id, cell_type, source }) => `${id} ${digest(cell_type, [source].flat().join(''))}`);
  return { cells, metadata: { appbuilder: { session: 's1', last_seq, cells: entries } } };
}

/** A session's answer to `after`: only these of its cells. */
function only(ours: SessionNotebook, ...ids: string[]): SessionNotebook {
  return { ...ours, cells: ours.cells.filter(({ id }) => ids.includes(id)) };
}

const START = session(
  5,
  cell('title', '# Board', 'markdown'),
  cell('new'),
  cell('e4', 'write a'),
  cell('verify', 'verify 1')
);
const NEXT = session(
  9,
  ...START.cells.slice(0, 3),
  cell('e7', 'write b\nb'),
  cell('e9', 'write c'),
  cell('verify', 'verify 2')
);

let notebook: YNotebook;
const ids = (): string[] => notebook.cells.map(({ id }) => id);
const sources = (): string[] => notebook.cells.map(found => found.getSource());
const type = (index: number, id: string, source: string): void => {
  notebook.insertCell(index, { id, cell_type: 'code', source, metadata: {}, outputs: [] });
};

beforeEach(() => {
  notebook = YNotebook.create();
  notebook.transact(() => {
    notebook.insertCells(0, START.cells.map(one => ({ ...one, source: [one.source].flat().join('') })) as never);
    notebook.updateMetadata({ appbuilder: { ...START.metadata.appbuilder } });
  }, false);
});

/** A notebook with these cells, each an id, a type and a source, in which the session wrote those of `ours`. */
function opened(cells: Row[], ours: SessionNotebook): YNotebook {
  const made = YNotebook.create();
  made.transact(() => {
    made.insertCells(0, cells.map(row => ({ ...rowCell(row), source: row[2] })) as never);
    made.updateMetadata({ appbuilder: { ...ours.metadata.appbuilder } });
  }, false);
  return made;
}

type Row = [id: string, type: 'code' | 'markdown', source: string];
const rowCell = ([id, type, source]: Row): SessionCell => cell(id, source, type);

// tests/test_vectors.py has the other half: the notebook of a file, which is left alone where `apart` is true.
describe('an open notebook takes in what is new as one on disk does', () => {
  it.each(vectors as unknown as { case: string; before: Row[]; found: Row[]; ours: Row[]; open: Row[] }[])(
    '$case',
    ({ before, found, ours, open }) => {
      const made = opened(found, session(1, ...before.map(rowCell)));
      merge(made, session(2, ...ours.map(rowCell)));
      expect(made.cells.map(one => [one.id, one.cell_type, one.getSource()])).toEqual(open);
    }
  );
});

describe('the session’s cells in an open notebook', () => {
  it('says what the server says of a cell', () => {
    // python: document.digest({"cell_type": "markdown", "source": ["é 🎉\n", "x"]})
    expect(digest('markdown', 'é 🎉\nx')).toBe('18-40f6c8e4');
  });

  it('are looked for in one pass, however many there are', () => {
    const more = Array.from({ length: 300 }, (_, at) => cell(`e${at + 10}`));
    merge(notebook, session(400, ...START.cells.slice(0, 3), ...more, cell('verify', 'verify 2')));
    let held = notebook.cells;
    let looks = 0;
    Object.defineProperty(notebook, 'cells', {
      get: () => ((looks += 1), held),
      set: (cells: typeof held) => void (held = cells)
    });
    merge(notebook, session(401, ...START.cells.slice(0, 3), ...more, cell('e400'), cell('verify', 'verify 3')));
    expect(looks).toBeLessThan(20);
    expect(ids().slice(-3)).toEqual(['e309', 'e400', 'verify']);
  });

  it('lose and get their pictures with their words', () => {
    const seen = (id: string, source: string, name?: string): SessionCell => ({
      ...cell(id, source, 'markdown'),
      ...(name ? { attachments: { [name]: { 'image/png': 'AAAA' } } } : {})
    });
    merge(notebook, session(7, ...START.cells, seen('e7', '![A](attachment:a.png)', 'a.png')));
    expect(notebook.toJSON().cells.at(-1)).toMatchObject({ attachments: { 'a.png': { 'image/png': 'AAAA' } } });
    merge(notebook, session(8, ...START.cells, seen('e7', 'seen'), seen('e8', '![B](attachment:b.png)', 'b.png')));
    const [older, newer] = notebook.toJSON().cells.slice(-2);
    expect(JSON.stringify(older)).not.toContain('attachments');
    expect(newer).toMatchObject({ attachments: { 'b.png': { 'image/png': 'AAAA' } } });
  });

  it('appear in order and once, and the proof stays last', () => {
    expect(merge(notebook, NEXT)).toBe(true);
    expect(ids()).toEqual(['title', 'new', 'e4', 'e7', 'e9', 'verify']);
    expect(sources().slice(3)).toEqual(['write b\nb', 'write c', 'verify 2']);
    expect(notebook.metadata['appbuilder']).toEqual(NEXT.metadata.appbuilder);
    expect(merge(notebook, NEXT)).toBe(false);
  });

  it('need no more than what is new', () => {
    expect(merge(notebook, only(NEXT, 'e7', 'e9', 'verify'))).toBe(true);
    expect(ids()).toEqual(['title', 'new', 'e4', 'e7', 'e9', 'verify']);
  });

  it('are asked for again when the answer has not all of them, and nothing is changed', () => {
    expect(() => merge(notebook, only(NEXT, 'e9'))).toThrow(Incomplete);
    expect(ids()).toEqual(['title', 'new', 'e4', 'verify']);
  });

  it('leave the person’s cells where they are, in the order things happened', () => {
    type(2, 'mine', 'print(1)');
    type(5, 'thoughts', 'half a thou');
    merge(notebook, NEXT);
    expect(ids()).toEqual(['title', 'new', 'mine', 'e4', 'thoughts', 'e7', 'e9', 'verify']);
    expect(sources()[4]).toBe('half a thou');
  });

  it('are not overwritten where the person changed them, nor come back when deleted', () => {
    notebook.getCell(2).setSource('write a, my way');
    notebook.deleteCell(1);
    merge(notebook, session(9, ...NEXT.cells.slice(0, 2), cell('e4', 'write a and more'), ...NEXT.cells.slice(3)));
    expect(ids()).toEqual(['title', 'e4', 'e7', 'e9', 'verify']);
    expect(sources()[1]).toBe('write a, my way');
  });

  it('grow where they are', () => {
    const noted = session(6, ...START.cells, cell('e6', '- read', 'markdown'));
    merge(notebook, noted);
    type(5, 'mine', 'x');
    merge(notebook, session(7, ...START.cells, cell('e6', '- read\n- read more', 'markdown')));
    expect(ids()).toEqual(['title', 'new', 'e4', 'verify', 'e6', 'mine']);
    expect(sources()[4]).toBe('- read\n- read more');
  });

  it('are not undone with what the person typed', () => {
    type(4, 'mine', 'x');
    merge(notebook, NEXT);
    notebook.undo();
    expect(ids()).toEqual(['title', 'new', 'e4', 'e7', 'e9', 'verify']);
  });

  it('are there once when two browsers added them to a shared document', () => {
    merge(notebook, NEXT);
    notebook.insertCell(4, { id: 'e7', cell_type: 'code', source: 'write b\nb', metadata: {}, outputs: [] });
    notebook.insertCell(6, { id: 'e9', cell_type: 'code', source: 'write c', metadata: {}, outputs: [] });
    expect(removeDoubles(notebook)).toBe(true);
    expect(ids()).toEqual(['title', 'new', 'e4', 'e7', 'e9', 'verify']);
    expect(removeDoubles(notebook)).toBe(false);
  });
});
