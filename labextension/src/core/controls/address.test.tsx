import { act, cleanup, render, screen } from '@testing-library/react';
import * as React from 'react';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { useAddress, type Source } from './address';

afterEach(cleanup);

function Shown({ source, id }: { source: Source; id: string }): React.ReactElement {
  return <p role="note">{String(useAddress(source, id))}</p>;
}

describe('the address of a picture', () => {
  it('is that of what is asked for last, and each that was made is let go of', async () => {
    const gone: string[] = [];
    vi.stubGlobal('URL', Object.assign(URL, { revokeObjectURL: (address: string) => gone.push(address) }));
    const answers = new Map<string, { give: (address: string) => void; fail: () => void }>();
    const source: Source = id =>
      new Promise((resolve, reject) => answers.set(id, { give: resolve, fail: () => reject(new Error('gone')) }));
    const text = (): string | null => screen.getByRole('note').textContent;
    const { rerender, unmount } = render(<Shown source={source} id="" />);
    expect([text(), answers.size]).toEqual(['', 0]);
    rerender(<Shown source={source} id="a" />);
    rerender(<Shown source={source} id="b" />);
    await act(async () => answers.get('b')?.give('blob:b'));
    await act(async () => answers.get('a')?.give('blob:a')); // late
    expect([text(), gone]).toEqual(['blob:b', ['blob:a']]);
    rerender(<Shown source={source} id="c" />);
    expect([text(), gone]).toEqual(['', ['blob:a', 'blob:b']]);
    await act(async () => answers.get('c')?.fail());
    expect(text()).toBe('null');
    rerender(<Shown source={source} id="d" />);
    await act(async () => answers.get('d')?.give('data:image/png;base64,AA'));
    unmount();
    expect(gone).toEqual(['blob:a', 'blob:b']);
  });
});
