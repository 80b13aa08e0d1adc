import { describe, expect, it } from 'vitest';
import { countLines, readArguments, readPartial } from './partial';

describe('arguments that are still arriving', () => {
  const whole = '{"path": "src/App.tsx", "content": "a \\"b\\"\\n\\u00e9\\tc\\n"}';

  it('can be read at every point, and never fail', () => {
    for (let end = 0; end <= whole.length; end++) {
      readPartial(whole.slice(0, end));
    }
    expect(readPartial(whole).values).toEqual({ path: 'src/App.tsx', content: 'a "b"\né\tc\n' });
    expect(readPartial(whole).open).toBeNull();
  });

  it('show what has come of the value that is open', () => {
    expect(readPartial('{"path": "src/A')).toEqual({ values: { path: 'src/A' }, open: 'path' });
    expect(readPartial('{"path": "a", "content": "x\\n').values).toEqual({ path: 'a', content: 'x\n' });
    expect(readPartial('{"path": "a", "content": "x\\').values['content']).toBe('x');
  });

  it('with numbers and lists are no obstacle', () => {
    expect(readPartial('{"start": 3, "edits": [{"search": "a", "replace": "b"}], "path": "x"}').values).toEqual({
      search: 'a',
      replace: 'b',
      path: 'x'
    });
  });

  it('that end up invalid give nothing', () => {
    expect(readArguments('{"path": ')).toBeNull();
    expect(readArguments('[]')).toBeNull();
    expect(readArguments('')).toEqual({});
  });
});

describe('lines', () => {
  it('are counted as an editor counts them', () => {
    expect(['', 'a', 'a\n', 'a\nb', '\n'].map(countLines)).toEqual([0, 1, 1, 2, 1]);
  });
});
