import { Signal } from '@lumino/signaling';
import type { JupyterFrontEnd } from '@jupyterlab/application';
import { CommandRegistry } from '@lumino/commands';
import type { Widget } from '@lumino/widgets';
import { describe, expect, it, vi } from 'vitest';
import { PAGES } from '../core/pages/pages';
import { PanelModel, type PageId } from '../core/panel';
import { Log, snapshot, summary, TestTransport } from '../core/testing/session';
import type { Api } from '../core/wire/transport';
import { english } from '../core/controls/translation';
import type { WireMessage } from '../core/wire/wire';
import { addCommands } from './commands';
import { CommandIDs } from './tokens';

vi.mock('./icon', () => ({ appBuilderIcon: undefined }));

function place(): {
  commands: CommandRegistry;
  model: PanelModel;
  transport: TestTransport;
  complain: ReturnType<typeof vi.fn>;
} {
  const transport = new TestTransport();
  const model = new PanelModel({ transport: () => transport } as unknown as Api);
  const commands = new CommandRegistry();
  const complain = vi.fn();
  addCommands({
    app: { commands } as unknown as JupyterFrontEnd,
    palette: null,
    trans: english,
    model,
    panel: {
      widget: { isVisible: true } as Widget,
      host: session => (session?.notebook ? { openNotebook: vi.fn(), exportZip: vi.fn() } : {}),
      show: vi.fn(),
      hide: null,
      remove: async () => true
    },
    previews: {
      show: vi.fn(),
      opened: vi.fn(),
      showVersion: vi.fn(),
      close: vi.fn(),
      sessionOf: () => null,
      chosen: new Signal({})
    },
    allApps: null,
    complain
  });
  return { commands, model, transport, complain };
}

/** What the session says, once the store has taken it. */
async function say(transport: TestTransport, model: PanelModel, ...messages: WireMessage[]): Promise<void> {
  transport.say(...messages);
  const events = messages.flatMap(message => (message.kind === 'events' ? message.events : []));
  const seq = events[events.length - 1]?.seq ?? 0;
  await vi.waitFor(() => expect(model.get().store?.get().view).toMatchObject({ caughtUp: true, seq }));
}

const OF_A_SESSION = [
  CommandIDs.preview,
  CommandIDs.stop,
  CommandIDs.goOn,
  CommandIDs.retry,
  CommandIDs.restore,
  CommandIDs.notebook,
  CommandIDs.exportZip,
  CommandIDs.remove
];
const enabled = (commands: CommandRegistry): string[] => OF_A_SESSION.filter(id => commands.isEnabled(id));

describe('the commands', () => {
  it('are all there', () => {
    const { commands } = place();
    const ids = Object.values(CommandIDs).filter(id => typeof id === 'string');
    // Two are plugins of their own: tour.tsx, and fromNotebook.ts, which needs a notebook and the file browser.
    expect(ids.filter(id => !commands.hasCommand(id))).toEqual([CommandIDs.fromNotebook, CommandIDs.tour]);
  });

  it('make no sense without a session', () => {
    expect(enabled(place().commands)).toEqual([]);
  });

  it('go to each page of the panel, and back to the apps', async () => {
    const { commands, model } = place();
    for (const id of Object.keys(PAGES) as PageId[]) {
      expect(commands.label(CommandIDs.page(id))).toContain(PAGES[id].title(english));
      expect(commands.isEnabled(CommandIDs.page(id))).toBe(!PAGES[id].ofSession);
      await commands.execute(CommandIDs.page(id));
      expect(model.get().page?.id).toBe(id);
    }
    await commands.execute(CommandIDs.home);
    expect(model.get().page).toBeNull();
  });

  it('are there when what they do can be done, and say when that changes', async () => {
    const { commands, model, transport } = place();
    const told = vi.fn();
    commands.commandChanged.connect(told);
    model.open('s1');
    const log = new Log();
    const done = log.turn('t1', 'a task board');
    await say(transport, model, { kind: 'events', events: done }, snapshot());
    expect(enabled(commands)).not.toContain(CommandIDs.stop);
    expect(enabled(commands)).not.toContain(CommandIDs.goOn);
    expect(enabled(commands)).toContain(CommandIDs.retry);

    told.mockClear();
    const running = [
      log.event('turn.started', { turn: 't2', model: 'openai:gpt' }),
      log.event('message.user', { turn: 't2', text: 'more' })
    ];
    await say(
      transport,
      model,
      { kind: 'events', events: running },
      {
        kind: 'session',
        session: summary({ state: 'waiting' })
      }
    );
    expect(told).toHaveBeenCalled();
    expect(enabled(commands)).toContain(CommandIDs.stop);
    expect(enabled(commands)).not.toContain(CommandIDs.retry);
    expect(enabled(commands)).not.toContain(CommandIDs.restore);
    await commands.execute(CommandIDs.stop);
    expect(transport.asked).toContainEqual(['stop']);

    const stopped = [log.event('turn.finished', { turn: 't2', reason: 'stopped', message: '', hint: '' })];
    await say(transport, model, { kind: 'session', session: summary() }, { kind: 'events', events: stopped });
    await vi.waitFor(() => expect(enabled(commands)).toContain(CommandIDs.goOn));
    await commands.execute(CommandIDs.goOn);
    expect(transport.asked).toContainEqual(['goOn']);
  });

  it('restore the version before the current one', async () => {
    const { commands, model, transport } = place();
    model.open('s1');
    const log = new Log();
    const first = log.event('checkpoint.created', {
      checkpoint: 'c0',
      tree: 'x',
      parent: null,
      turn: null,
      title: 'Template',
      files: 1,
      added: 1,
      removed: 0
    });
    const events = [first, ...log.turn('t1', 'a task board')].map(event =>
      event.type === 'checkpoint.created' && event.data.turn
        ? { ...event, data: { ...event.data, parent: 'c0' } }
        : event
    );
    await say(transport, model, { kind: 'events', events }, snapshot());
    await commands.execute(CommandIDs.restore);
    expect(transport.asked).toContainEqual(['restore', 'c0']);
    const restored = log.event('session.restored', { checkpoint: 'c0', previous: 'commit-t1' } as never);
    await say(transport, model, { kind: 'events', events: [restored] });
    expect(commands.isEnabled(CommandIDs.restore)).toBe(false);
  });

  it('say what went wrong', async () => {
    const { commands, model, transport, complain } = place();
    model.open('s1');
    await say(transport, model, { kind: 'events', events: new Log().turn('t1', 'a task board') }, snapshot());
    transport.failWith = new Error('The Jupyter server does not answer.');
    await commands.execute(CommandIDs.retry);
    expect(complain).toHaveBeenCalledWith(expect.stringContaining('Retry'), transport.failWith);
  });
});
