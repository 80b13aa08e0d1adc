/** Unified diffs, read into what a view needs. */

export interface DiffLine {
  kind: 'added' | 'removed' | 'context' | 'hunk';
  text: string;
  /** Line numbers before and after, from 1; null where the line is not on that side. */
  before: number | null;
  after: number | null;
}

export interface FileDiff {
  path: string;
  change: 'created' | 'modified' | 'deleted' | 'renamed';
  binary: boolean;
  /** Its content is kept apart from the patch. */
  large: boolean;
  added: number;
  removed: number;
  lines: DiffLine[];
}

const HUNK = /^@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@(.*)$/;

/** Read what `git diff` prints. Text before the first file is dropped; a diff without file headers is one file. */
export function parseDiff(text: string): FileDiff[] {
  const files: FileDiff[] = [];
  let file: FileDiff | null = null;
  let before = 0;
  let after = 0;
  let inHunk = false;
  const start = (path: string): FileDiff => {
    const started: FileDiff = {
      path,
      change: 'modified',
      binary: false,
      large: false,
      added: 0,
      removed: 0,
      lines: []
    };
    files.push(started);
    inHunk = false;
    return started;
  };
  for (const line of text.split('\n')) {
    const git = /^diff --git (?:"?a\/.*"? )"?b\/(.*?)"?$/.exec(line);
    if (git) {
      file = start(git[1] ?? '');
      continue;
    }
    const hunk = HUNK.exec(line);
    if (hunk) {
      file ??= start('');
      before = Number(hunk[1]);
      after = Number(hunk[2]);
      inHunk = true;
      file.lines.push({ kind: 'hunk', text: (hunk[3] ?? '').trim(), before: null, after: null });
      continue;
    }
    if (inHunk && file) {
      const content = line.slice(1);
      if (line.startsWith('+')) {
        file.lines.push({ kind: 'added', text: content, before: null, after: after++ });
        file.added += 1;
        continue;
      }
      if (line.startsWith('-')) {
        file.lines.push({ kind: 'removed', text: content, before: before++, after: null });
        file.removed += 1;
        continue;
      }
      if (line.startsWith(' ')) {
        file.lines.push({ kind: 'context', text: content, before: before++, after: after++ });
        continue;
      }
      if (line.startsWith('\\')) {
        continue; // "\ No newline at end of file"
      }
      inHunk = false;
    }
    if (line.startsWith('--- ') && file === null) {
      file = start('');
    }
    if (!file) {
      continue;
    }
    if (line.startsWith('new file')) {
      file.change = 'created';
    } else if (line.startsWith('deleted file')) {
      file.change = 'deleted';
    } else if (line.startsWith('rename to ')) {
      file.change = 'renamed';
    } else if (line.startsWith('GIT binary patch') || line.startsWith('Binary files')) {
      file.binary = true;
    } else if (line.startsWith('appbuilder-blob ')) {
      file.large = true;
    } else if (line.startsWith('+++ ') && file.path === '') {
      file.path = line.slice(4).replace(/^b\//, '');
    }
  }
  return files;
}

/** The lines of a search-and-replace edit as a diff without line numbers. */
export function editLines(search: string, replace: string): DiffLine[] {
  const lines = (text: string): string[] => (text === '' ? [] : text.replace(/\n$/, '').split('\n'));
  const old = lines(search);
  const fresh = lines(replace);
  let head = 0;
  while (head < old.length && head < fresh.length && old[head] === fresh[head]) {
    head += 1;
  }
  let tail = 0;
  while (
    tail < old.length - head &&
    tail < fresh.length - head &&
    old[old.length - 1 - tail] === fresh[fresh.length - 1 - tail]
  ) {
    tail += 1;
  }
  const make = (kind: DiffLine['kind'], texts: string[]): DiffLine[] =>
    texts.map(text => ({ kind, text, before: null, after: null }));
  return [
    ...make('context', old.slice(0, head)),
    ...make('removed', old.slice(head, old.length - tail)),
    ...make('added', fresh.slice(head, fresh.length - tail)),
    ...make('context', old.slice(old.length - tail))
  ];
}
