import { act, cleanup, fireEvent, render, screen, within } from '@testing-library/react';
import * as React from 'react';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { SurroundingsContext } from '../controls/surroundings';
import { english } from '../controls/translation';
import { PanelModel, type PublicationAct } from '../panel';
import { PublishedChip } from '../publishing/PublishedChip';
import { asName, nameProblem, webAddress } from '../publishing/wording';
import { lastDays } from '../publishing/PublicationCard';
import { Log, snapshot, summary, TestTransport } from '../testing/session';
import { EMPTY_VIEW, receive } from '../view/view';
import type { PublishedAs, PublishingOverview, PublishingTarget } from '../wire/api.generated';
import type { PublishingFinding, PublishingStatus } from '../wire/events.generated';
import type { Api, PublishOrder, Visits } from '../wire/transport';
import type { Catalog } from '../wire/catalog';
import { RequestFailed } from '../wire/wire';
import { publish } from './Publish';

afterEach(cleanup);

const HERE: PublishingTarget = {
  name: 'here',
  title: 'This server',
  kinds: ['static'],
  keeps: true,
  history: false,
  unavailable: '',
  settings: [],
  url: 'appbuilder/apps/{name}/'
};

const SPACE: PublishingTarget = {
  ...HERE,
  name: 'huggingface',
  title: 'Hugging Face',
  url: '',
  settings: [
    {
      name: 'space',
      title: 'Space',
      help: 'ada/board',
      secret: false,
      required: true,
      choices: [],
      default: '',
      stored: false,
      value: ''
    },
    {
      name: 'token',
      title: 'Token',
      help: '',
      secret: true,
      required: true,
      choices: [],
      default: '',
      stored: true,
      value: ''
    }
  ]
};

const HUB: PublishingTarget = { ...HERE, name: 'hub', title: 'The Hub', unavailable: 'No Hub runs this server. Ask …' };

const PUBLISHED: PublishedAs = {
  target: 'here',
  name: 'task-board',
  number: 2,
  url: 'appbuilder/apps/task-board/',
  at: '2026-01-02T00:00:00Z',
  checkpoint: 'commit-t1',
  data_as_of: null,
  refresh_failed: ''
};

const PUBLICATION: PublishingOverview['publications'][number] = {
  target: 'here',
  name: 'task-board',
  url: 'appbuilder/apps/task-board/',
  live: 2,
  releases: [2, 1].map(number => ({
    number,
    checkpoint: 'commit-t1',
    at: '2026-01-02T00:00:00Z',
    data_as_of: null,
    note: '',
    accepted: number === 1 ? [{ id: 'a', kind: 'secret', message: 'A key.', reason: 'made up' }] : [],
    kept: true,
    file: false
  }))
};

function overview(change: Partial<PublishingOverview> = {}): PublishingOverview {
  return {
    targets: [HERE, SPACE, HUB],
    name: 'task-board',
    checkpoint: 'commit-t1',
    checked: ['commit-t1'],
    publications: [],
    running: null,
    ...change
  };
}

function finding(change: Partial<PublishingFinding> = {}): PublishingFinding {
  return {
    id: 'f1',
    kind: 'secret',
    severity: 'high',
    message: 'This looks like a key.',
    path: 'src/App.tsx',
    line: 12,
    where: 'app',
    excerpt: 'const key = "sk-…"',
    count: null,
    hint: 'Make it a secret of the app.',
    fixable: true,
    hard: false,
    accepted: null,
    ...change
  };
}

function status(change: Partial<PublishingStatus> = {}): PublishingStatus {
  return {
    publish: 'p1',
    target: 'here',
    name: 'task-board',
    checkpoint: 'commit-t1',
    number: null,
    state: 'running',
    steps: [
      { step: 'build', state: 'done', message: '12 files' },
      { step: 'check', state: 'running', message: '' },
      { step: 'scenarios', state: 'waiting', message: '' },
      { step: 'gate', state: 'waiting', message: '' },
      { step: 'hand_over', state: 'waiting', message: '' }
    ],
    findings: [],
    log: 'vite build\n',
    message: '',
    hint: '',
    url: '',
    note: '',
    file: false,
    ...change
  };
}

class PublishingTransport extends TestTransport {
  told = overview();
  refuse: Error | null = null;
  publishing = async (): Promise<PublishingOverview> => this.told;
  publish = (order: PublishOrder): Promise<void> => this.did('publish', order);
  answerGate = (accepted: Readonly<Record<string, string>>): Promise<void> => this.did('answerGate', accepted);
  cancelPublishing = (): Promise<void> => this.did('cancelPublishing');
  unpublish = (target: string): Promise<void> => this.did('unpublish', target);
  rollBack = (target: string, number: number): Promise<void> => this.did('rollBack', target, number);
  visits = async (): Promise<Visits> => ({ days: [{ day: new Date().toISOString().slice(0, 10), visits: 3 }] });

  private async did(...call: unknown[]): Promise<void> {
    this.asked.push(call);
    if (this.refuse) {
      throw this.refuse;
    }
  }
}

/** What was ordered in a session stands in its fields again: each test has its own. */
let sessions = 0;

async function show(
  told = overview(),
  running: PublishingStatus | null = null,
  wanted: PublicationAct | null = null,
  edited = false
): Promise<{ transport: PublishingTransport; model: PanelModel; openFile: ReturnType<typeof vi.fn> }> {
  const transport = new PublishingTransport();
  transport.told = told;
  const model = new PanelModel({ transport: () => transport } as unknown as Api);
  model.open('s1');
  if (wanted) {
    model.publication(wanted);
  }
  const openFile = vi.fn();
  const { Body } = publish;
  render(
    <SurroundingsContext.Provider value={{ trans: english, host: { openFile, base: 'http://host/user/ada/' } }}>
      <Body model={model} session={null} catalog={{} as Catalog} />
    </SurroundingsContext.Provider>
  );
  sessions += 1;
  const session = summary({ id: `s${sessions}` });
  await act(async () => {
    const log = new Log();
    const events = log.turn('t1', 'a task board');
    if (edited) {
      const change = { path: 'a', change: 'modified', by: 'person', added: 1, removed: 0, tree: 'other' } as const;
      events.push(log.event('file.changed', change));
    }
    transport.say({ kind: 'events', events }, snapshot({ session, publishing: running }));
    await new Promise(done => requestAnimationFrame(done));
  });
  await vi.waitFor(() => expect(screen.queryByText('Loading…')).toBeNull(), 20_000);
  return { transport, model, openFile };
}

const press = (name: string | RegExp): Promise<void> =>
  act(async () => void fireEvent.click(screen.getByRole('button', { name })));

describe('publishing an app', () => {
  it('begins with what it means, where to, and the address that comes of it', async () => {
    const { transport } = await show();
    expect(screen.getByText(/So far you alone see this app/)).toBeTruthy();
    expect(screen.queryByRole('radio', { name: /The Hub/ })).toBeNull();
    await press('Not possible here: The Hub');
    expect(screen.getByText('No Hub runs this server. Ask …')).toBeTruthy();
    expect(screen.getByText('http://host/user/ada/appbuilder/apps/task-board/')).toBeTruthy();
    const name = screen.getByRole('textbox', { name: 'Name' });
    fireEvent.change(name, { target: { value: 'Sales Board 2!' } });
    expect((name as HTMLInputElement).value).toBe('sales-board-2');
    fireEvent.change(name, { target: { value: '-' } });
    expect(screen.getByRole('alert').textContent).toContain('hyphen');
    await press('Publish');
    expect(transport.asked).toEqual([]);
    fireEvent.change(name, { target: { value: 'board' } });
    await press('Publish');
    expect(transport.asked).toEqual([
      ['publish', { target: 'here', name: 'board', checkpoint: 'commit-t1', settings: {} }]
    ]);
  });

  it('asks for what a place needs, and shows no secret', async () => {
    const { transport } = await show();
    fireEvent.click(screen.getByRole('radio', { name: /Hugging Face/ }));
    await press('Publish');
    expect(screen.getByText('“Space” is needed.')).toBeTruthy();
    fireEvent.change(screen.getByRole('textbox', { name: 'Space' }), { target: { value: 'ada/board' } });
    await press('Publish');
    expect(transport.asked).toEqual([
      [
        'publish',
        { target: 'huggingface', name: 'task-board', checkpoint: 'commit-t1', settings: { space: 'ada/board' } }
      ]
    ]);
    await press('Replace Token');
    const token = screen.getByLabelText('Token') as HTMLInputElement;
    expect(token.type).toBe('password');
    fireEvent.change(token, { target: { value: 'hf_secret' } });
    transport.refuse = new RequestFailed({ message: 'The name is taken.', field: 'name', hint: 'Choose another.' });
    await press('Publish');
    expect(transport.asked[1]).toMatchObject(['publish', { settings: { space: 'ada/board', token: 'hf_secret' } }]);
    // What was typed is not lost with a refusal.
    expect(screen.getByText('The name is taken.')).toBeTruthy();
    expect((screen.getByLabelText('Token') as HTMLInputElement).value).toBe('hf_secret');
  });

  it('shows how it goes, also to who comes in the middle, and can be cancelled', async () => {
    const { transport } = await show(overview(), status({ publish: 'p0' }));
    expect(screen.getByRole('heading', { name: 'Publishing “task-board”…' })).toBeTruthy();
    const steps = screen.getByRole('list', { name: 'Steps' });
    expect(within(steps).getByText('Open it and look for errors').closest('li')?.getAttribute('aria-current')).toBe(
      'true'
    );
    await press('Log');
    expect(screen.getByText(/vite build/)).toBeTruthy();
    await press('Cancel publishing');
    expect(transport.asked).toEqual([['cancelPublishing']]);
    expect((screen.getByRole('button', { name: 'Cancelling…' }) as HTMLButtonElement).disabled).toBe(true);
    await act(async () =>
      transport.say({ kind: 'live', n: 2, type: 'publishing', data: status({ publish: 'p0', state: 'stopped' }) })
    );
    await screen.findByRole('heading', { name: 'Publishing “task-board” was cancelled' }, { timeout: 20_000 });
    await press('Try again');
    expect(screen.getByRole('button', { name: 'Publish' })).toBeTruthy();
  });

  it('waits where something was found: it is mended, or let through with a reason', async () => {
    const found = [
      finding(),
      finding({ id: 'f2', kind: 'other_host', path: '', line: null, where: 'page', fixable: false })
    ];
    const { transport, model, openFile } = await show(overview(), status({ state: 'waiting', findings: found }));
    expect(screen.getByRole('heading', { name: '2 things to look at before readers get it' })).toBeTruthy();
    await press('Open the source: src/App.tsx:12');
    expect(openFile).toHaveBeenCalledWith('src/App.tsx', 12);
    await press('Publish anyway…');
    const anyway = screen.getByRole('button', { name: 'Publish anyway' }) as HTMLButtonElement;
    expect(anyway.disabled).toBe(true);
    fireEvent.change(screen.getByRole('textbox', { name: /Why is this fine/ }), { target: { value: ' made up ' } });
    await press('Publish anyway');
    expect(transport.asked).toEqual([['answerGate', { f1: 'made up', f2: 'made up' }]]);
    await press('Fix it');
    expect(model.get().composed?.text).toContain('src/App.tsx:12: This looks like a key. Make it a secret of the app.');
    expect(model.get().composed?.text).not.toContain('sk-');
    expect(transport.asked).toHaveLength(1); // nothing is sent
    expect(model.get().page).toBeNull();
  });

  it('is begun anew with the version in which it was mended', async () => {
    const { transport } = await show(overview(), status({ state: 'waiting', findings: [finding()] }));
    expect(screen.queryByText('The app has a newer version than this one.')).toBeNull();
    const log = new Log();
    log.seq = 100;
    await act(async () => transport.say({ kind: 'events', events: log.turn('t2', 'mend it') }));
    await screen.findByText('The app has a newer version than this one.', {}, { timeout: 20_000 });
    await press('Publish the newest instead');
    expect(transport.asked).toEqual([
      ['cancelPublishing'],
      ['publish', { target: 'here', name: 'task-board', checkpoint: 'commit-t2', settings: {} }]
    ]);
  });

  it('lets nothing through that an administrator made hard', async () => {
    await show(overview(), status({ state: 'waiting', findings: [finding({ hard: true })] }));
    expect(screen.queryByRole('button', { name: 'Publish anyway…' })).toBeNull();
    expect(screen.getByText(/The administrator of this server decided/).textContent).toContain('Secrets');
  });

  it('ends with a link, or with the cause and the next step', async () => {
    const { transport } = await show(overview(), status());
    const done = status({ state: 'done', number: 1, url: 'appbuilder/apps/task-board/' });
    await act(async () => transport.say({ kind: 'live', n: 2, type: 'publishing', data: done }));
    await screen.findByRole('heading', { name: '“task-board” is published: release 1' }, { timeout: 20_000 });
    const link = screen.getByRole('link', { name: 'Open the published app' }) as HTMLAnchorElement;
    expect(link.href).toBe('http://host/user/ada/appbuilder/apps/task-board/');
    expect(link.rel).toContain('noopener');
    const failed = status({ publish: 'p2', state: 'failed', message: 'The build failed.', hint: 'Ask the agent.' });
    await act(async () => transport.say({ kind: 'live', n: 3, type: 'publishing', data: failed }));
    expect(
      (await screen.findByText('The build failed.', {}, { timeout: 20_000 })).closest('[role=alert]')?.textContent
    ).toContain('Ask the agent.');
    expect(screen.getByText('What was published before stays as it is.')).toBeTruthy();
  });

  it('says what readers get, and leads back and down once that was confirmed', async () => {
    const { transport } = await show(
      overview({ publications: [PUBLICATION] }),
      null,
      { target: 'here', act: 'rollback' },
      true
    );
    const card = screen.getByRole('region', { name: /This server/ });
    expect(within(card).getByText(/The draft has changed since/)).toBeTruthy();
    expect(await within(card).findByRole('img', { name: /3 visits/ })).toBeTruthy();
    expect(within(card).getByText(/made up/)).toBeTruthy();
    expect(within(card).getByText('Roll back to release 1?')).toBeTruthy();
    expect(document.activeElement?.textContent).toBe('Cancel');
    await act(async () => void fireEvent.click(within(card).getByRole('button', { name: 'Roll back' })));
    expect(transport.asked).toEqual([['rollBack', 'here', 1]]);
    await press('Unpublish…');
    fireEvent.keyDown(document.activeElement as Element, { key: 'Escape' });
    expect(screen.queryByText('Take the app down?')).toBeNull();
    await press('Unpublish…');
    await press('Unpublish');
    expect(transport.asked[1]).toEqual(['unpublish', 'here']);
    expect(screen.getByRole('button', { name: 'Publish again' })).toBeTruthy();
    expect((screen.getByRole('textbox', { name: 'Name' }) as HTMLInputElement).readOnly).toBe(true);
  });

  it('is of the newest version whose checks passed, and says where there is a newer one', async () => {
    const { transport } = await show();
    const log = new Log();
    log.seq = 100;
    await act(async () => transport.say({ kind: 'events', events: log.turn('t2', 'a clock') }));
    await screen.findByText(/There is a newer version/, {}, { timeout: 20_000 });
    await press('Choose the newest');
    expect(screen.queryByText(/There is a newer version/)).toBeNull();
    await press('Publish');
    expect(transport.asked).toMatchObject([['publish', { checkpoint: 'commit-t2' }]]);
  });

  it('is not begun where the server cannot be reached, and what was chosen stays', async () => {
    const { transport } = await show();
    fireEvent.change(screen.getByRole('textbox', { name: 'Name' }), { target: { value: 'mine' } });
    await act(async () => transport.listener?.connection({ state: 'waiting', retryAt: Date.now() + 5000 }));
    await screen.findByText(/The server cannot be reached now/, {}, { timeout: 20_000 });
    expect((screen.getByRole('button', { name: 'Publish' }) as HTMLButtonElement).disabled).toBe(true);
    expect((screen.getByRole('textbox', { name: 'Name' }) as HTMLInputElement).value).toBe('mine');
  });
});

describe('what an app’s header says', () => {
  const run = vi.fn();
  const publication = vi.fn();
  const chip = (change: Parameters<typeof snapshot>[0]): void => {
    const view = receive(EMPTY_VIEW, [snapshot(change)]);
    const host = { pages: { publish: { label: 'Publish', icon: 'upload' as const, run } }, publication };
    render(
      <SurroundingsContext.Provider value={{ trans: english, host }}>
        <PublishedChip view={view} attempt={() => undefined} />
      </SurroundingsContext.Provider>
    );
  };

  it('is nothing where nothing is published', () => {
    chip({});
    expect(document.body.textContent).toBe('');
  });

  it('is the version that readers get, with what can be done', async () => {
    chip({ session: summary({ published: [PUBLISHED] }) });
    await press('Published: release 2');
    expect(screen.getAllByRole('menuitem').map(item => item.textContent)).toEqual([
      'Open the published app',
      'Copy the link',
      'Publish again…',
      'Roll back…',
      'Visits and releases',
      'Unpublish…'
    ]);
    fireEvent.click(screen.getByRole('menuitem', { name: 'Roll back…' }));
    expect(publication).toHaveBeenCalledWith({ target: 'here', act: 'rollback' });
  });

  it('follows the log: another release, and none any more', () => {
    const log = new Log();
    const { target, name, number, url, checkpoint } = PUBLISHED;
    const told = { target, name, number, url, checkpoint, data_as_of: null };
    const first = receive(EMPTY_VIEW, [snapshot(), log.message('app.published', { ...told, note: '', accepted: [] })]);
    expect(first.session?.published).toMatchObject([{ target: 'here', number: 2 }]);
    const back = receive(first, [log.message('publication.rolled_back', { ...told, number: 1 })]);
    expect(back.session?.published).toMatchObject([{ target: 'here', number: 1 }]);
    const gone = receive(back, [log.message('app.unpublished', { target, name })]);
    expect(gone.session?.published).toEqual([]);
    expect(gone.entries.flatMap(entry => entry.items).map(item => item.kind === 'publication' && item.what)).toEqual([
      'published',
      'back',
      'unpublished'
    ]);
  });

  it('is that something waits for an answer', async () => {
    chip({ publishing: status({ state: 'waiting' }) });
    await press('Publishing waits for you');
    expect(run).toHaveBeenCalled();
  });
});

it('names what can stand in an address, and opens pages of the web alone', () => {
  expect(asName('Ümlaut_Board v1.0')).toBe('umlaut-board-v1-0');
  expect(nameProblem('a', english)).toBe('');
  expect(nameProblem('a-', english)).not.toBe('');
  expect(webAddress('javascript:alert(1)', 'http://host/')).toBe('');
  expect(webAddress('appbuilder/apps/x/', 'http://host/user/ada/')).toBe('http://host/user/ada/appbuilder/apps/x/');
});

it('counts the days on which nobody came', () => {
  const days = lastDays({ days: [{ day: '2026-01-30', visits: 2 }] }, 3, '2026-01-31');
  expect(days).toEqual([
    { day: '2026-01-29', visits: 0 },
    { day: '2026-01-30', visits: 2 },
    { day: '2026-01-31', visits: 0 }
  ]);
});
