import { act, cleanup, fireEvent, render, screen } from '@testing-library/react';
import * as React from 'react';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { english } from '../controls/translation';
import { showsPage } from '../preview/shownPages';
import { RequestFailed } from '../wire/wire';
import { Attachments } from './attachments';
import { AttachButton, AttachmentsRow } from './AttachmentsRow';
import { Composer } from './Composer';

afterEach(cleanup);

const MODEL = { id: 'a:b', title: 'B', provider: 'a', recorded: false, images: false };

function show(take: () => Promise<Blob>): Attachments {
  const attach = async (name: string, content: Blob): Promise<never> =>
    ({ attachment: name, name, media_type: 'image/png', size: content.size, text: false, picture: true }) as never;
  const attachments = new Attachments(attach);
  render(
    <>
      <AttachmentsRow attachments={attachments} model={MODEL} />
      <AttachButton attachments={attachments} screenshots={{ session: 's', take }} />
    </>
  );
  return attachments;
}

const choose = async (name: string | RegExp): Promise<void> => {
  fireEvent.click(screen.getByRole('button', { name: 'Attach files' }));
  await act(async () => void fireEvent.click(screen.getByRole('menuitem', { name })));
};

describe('a picture of the page', () => {
  it('is taken as the preview shows it, or in a size of its toolbar', async () => {
    const take = vi.fn(async () => Promise.reject(new RequestFailed({ message: 'No browser.', hint: 'Install one.' })));
    show(take);
    const close = showsPage('s', { path: '/about', width: 5000.5, height: 700, dark: true });
    await choose(/in the preview/);
    await choose(/phone/);
    close();
    await choose(/in the preview/);
    expect(take.mock.calls).toEqual([
      [{ path: '/about', width: 2560, height: 700, dark: true }],
      [{ path: '/about', width: 390, height: 844, dark: true }],
      [{ path: '/', width: 1280, height: 800, dark: false }]
    ]);
    expect(screen.getByRole('alert').textContent).toContain('No browser.Install one.');
    expect(screen.queryByRole('listitem')).toBeNull();
  });

  it('can be given up while it is taken', async () => {
    let done: (blob: Blob) => void = () => undefined;
    const attachments = show(() => new Promise(resolve => (done = resolve)));
    await choose(/tablet/);
    fireEvent.click(screen.getByRole('button', { name: 'Remove screenshot-820x1180.png' }));
    await act(async () => done(new Blob(['x'])));
    expect(attachments.get().files).toEqual([]);
  });
});

it('what is pasted is a file, unless its text is more than the name of one', async () => {
  const attachments = new Attachments(async name => ({ attachment: name, name }) as never);
  render(<Composer label="Box" placeholder="" text="" setText={vi.fn()} onSend={vi.fn()} attachments={attachments} />);
  const paste = (text: string, ...names: string[]): Promise<void> =>
    act(async () => {
      const files = names.map(name => new File(['x'], name));
      fireEvent.paste(screen.getByRole('textbox'), { clipboardData: { files, getData: () => text } });
    });
  await paste('town\tprice', 'table.png');
  await paste('only a text');
  expect(attachments.get().files).toEqual([]);
  await paste('', 'screenshot.png');
  await paste('logo.svg', 'logo.svg');
  await paste('/Users/jane/a.csv\n/Users/jane/b.csv\n', 'a.csv', 'b.csv');
  expect(attachments.get().files.map(file => file.name)).toEqual(['screenshot.png', 'logo.svg', 'a.csv', 'b.csv']);
});

it('files of a draft are there again after a reload, until they are sent or taken out', async () => {
  const attach = async (name: string): Promise<never> => ({ attachment: `id-${name}`, name }) as never;
  const page = (): Attachments => new Attachments(attach, 1000, 'here:s');
  const before = page();
  await act(async () => before.add([new File(['x'], 'a.csv'), new File(['x'], 'b.csv')], english));
  const after = page();
  expect(after.get().files.map(({ name, sent }) => [name, sent?.attachment])).toEqual([
    ['a.csv', 'id-a.csv'],
    ['b.csv', 'id-b.csv']
  ]);
  after.remove(after.get().files[0]?.key ?? 0);
  expect(
    page()
      .get()
      .files.map(({ name }) => name)
  ).toEqual(['b.csv']);
  after.take();
  expect(page().get().files).toEqual([]);
  window.localStorage.setItem('jupyter-appbuilder:files:here:s', '[null, 1, {"name": "x"}]');
  expect(page().get().files).toEqual([]);
});
