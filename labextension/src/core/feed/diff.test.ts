import { describe, expect, it } from 'vitest';
import { editLines, parseDiff } from './diff';

const DIFF = `diff --git a/src/App.tsx b/src/App.tsx
index 111..222 100644
--- a/src/App.tsx
+++ b/src/App.tsx
@@ -1,3 +1,3 @@ function App
 keep
-old
+new
--- not a header
diff --git a/logo.png b/logo.png
new file mode 100644
GIT binary patch
literal 3
diff --git a/gone.ts b/gone.ts
deleted file mode 100644
--- a/gone.ts
+++ /dev/null
@@ -1 +0,0 @@
-bye
\\ No newline at end of file
`;

describe('a file too large for a patch', () => {
  it('is named, and said to be kept apart', () => {
    const [file] = parseDiff(
      'diff --git a/rows.csv b/rows.csv\nnew file mode 100644\nKept apart: 5.0 MB\nappbuilder-blob {"path": "rows.csv"}\n'
    );
    expect(file).toMatchObject({ path: 'rows.csv', change: 'created', large: true, lines: [] });
  });
});

describe('a diff', () => {
  const files = parseDiff(DIFF);

  it('is split into its files', () => {
    expect(files.map(file => [file.path, file.change, file.binary])).toEqual([
      ['src/App.tsx', 'modified', false],
      ['logo.png', 'created', true],
      ['gone.ts', 'deleted', false]
    ]);
  });

  it('counts lines, also removed ones that look like headers', () => {
    expect(files[0]).toMatchObject({ added: 1, removed: 2 });
    expect(files[2]).toMatchObject({ added: 0, removed: 1 });
  });

  it('numbers lines on their own side', () => {
    expect(files[0]?.lines.map(line => [line.kind, line.before, line.after])).toEqual([
      ['hunk', null, null],
      ['context', 1, 1],
      ['removed', 2, null],
      ['added', null, 2],
      ['removed', 3, null]
    ]);
  });

  it('without file headers is one file', () => {
    expect(parseDiff('--- a/x.ts\n+++ b/x.ts\n@@ -1 +1 @@\n-a\n+b\n')).toMatchObject([{ path: 'x.ts', added: 1 }]);
    expect(parseDiff('')).toEqual([]);
  });
});

describe('a search-and-replace edit', () => {
  it('shows only what differs as changed', () => {
    expect(editLines('a\nb\nc', 'a\nB\nc').map(line => line.kind)).toEqual(['context', 'removed', 'added', 'context']);
  });
});
