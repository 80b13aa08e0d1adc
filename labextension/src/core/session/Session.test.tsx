import { act, cleanup, fireEvent, render, screen } from '@testing-library/react';
import axe from 'axe-core';
import * as React from 'react';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { SessionStore } from '../view/store';
import TOOLS from '../testing/tools.json';
import { byName, ToolsContext } from '../feed/toolLabel';
import type { Tool } from '../wire/api.generated';
import { Log, snapshot, summary, TestTransport, USAGE } from '../testing/session';
import type { ModelChoice } from '../wire/transport';
import { RequestFailed, type WireMessage } from '../wire/wire';
import { Markdown } from '../feed/Markdown';
import type { PageId } from '../panel';
import { PAGES } from '../pages/pages';
import { readMessage } from './pageMessages';
import { PreviewPane } from './Preview';
import { Progress, SessionPane } from './Session';
import { SurroundingsContext, type Host, type PageLink } from '../controls/surroundings';
import { english } from '../controls/translation';

const MODELS: ModelChoice[] = [{ id: 'openai:gpt', title: 'GPT', provider: 'openai', recorded: false }];

beforeAll(() => {
  vi.stubGlobal(
    'ResizeObserver',
    class {
      observe = vi.fn();
      disconnect = vi.fn();
    }
  );
});
afterEach(cleanup);

function open(host: Host = {}, ...messages: WireMessage[]): TestTransport {
  const transport = new TestTransport();
  const store = new SessionStore(transport, flush => act(flush));
  render(
    <SurroundingsContext.Provider value={{ trans: english, host }}>
      <ToolsContext.Provider value={byName(TOOLS as Tool[])}>
        <SessionPane store={store} models={MODELS} />
      </ToolsContext.Provider>
    </SurroundingsContext.Provider>
  );
  transport.say(...messages);
  return transport;
}

describe('Markdown', () => {
  it('never becomes HTML, and links only where links may go', () => {
    const { container } = render(
      <Markdown
        text={
          '<img src=x onerror=alert(1)> **bold** [bad](javascript:alert(1)) [good](https://example.org) ' +
          '![picture](https://example.org/leak.png)\n\n<script>alert(2)</script>'
        }
      />
    );
    expect(container.querySelector('img, script')).toBeNull();
    expect(container.textContent).toContain('<script>alert(2)</script>');
    expect(container.querySelector('strong')?.textContent).toBe('bold');
    expect(Array.from(container.querySelectorAll('a'), link => link.getAttribute('href'))).toEqual([
      'https://example.org'
    ]);
    expect(container.querySelector('a')?.rel).toContain('noopener');
  });

  it('keeps the blocks that are complete while the last one grows', () => {
    const { container, rerender } = render(<Markdown text={'First **one**.\n\nSec'} />);
    const first = container.querySelector('p');
    rerender(<Markdown text={'First **one**.\n\nSecond `two`'} />);
    expect(container.querySelector('p')).toBe(first);
    expect(container.textContent).toBe('First one.Second two');
  });
});

describe('errors of the app', () => {
  const began = (log: Log): WireMessage[] => [
    log.message('turn.started', { turn: 't1', model: 'm' }),
    log.message('message.user', { turn: 't1', text: 'A clock' })
  ];
  const changed = (log: Log): WireMessage =>
    log.message('file.changed', {
      path: 'src/App.tsx',
      change: 'modified',
      by: 'agent',
      added: 1,
      removed: 1,
      binary: false
    } as never);
  const broke = (log: Log, message: string): WireMessage => log.message('preview.error', { kind: 'build', message });
  const done = (log: Log): WireMessage =>
    log.message('turn.finished', { turn: 't1', reason: 'done', message: '', hint: '' });

  it('fold into one quiet line once files were changed and they did not come again', () => {
    const log = new Log();
    open(
      {},
      ...began(log),
      broke(log, 'one is not defined'),
      broke(log, 'two is not defined'),
      changed(log),
      done(log),
      snapshot()
    );
    expect(screen.queryByText('one is not defined')).toBeNull();
    expect(screen.queryByRole('button', { name: /Fix it/ })).toBeNull();
    fireEvent.click(screen.getByRole('button', { name: '2 resolved errors: details' }));
    expect(screen.getByText(/one is not defined/)).toBeTruthy();
    expect(screen.getByText(/two is not defined/)).toBeTruthy();
  });

  it('stay, with a way to mend them, where they came again', () => {
    const log = new Log();
    const transport = open(
      {},
      ...began(log),
      broke(log, 'one is not defined'),
      changed(log),
      broke(log, 'one is not defined'),
      done(log),
      snapshot()
    );
    expect(screen.getByText('one is not defined')).toBeTruthy();
    expect(screen.getByText('2 times')).toBeTruthy();
    expect(screen.queryByText(/resolved error/)).toBeNull();
    fireEvent.click(screen.getByRole('button', { name: /Fix it/ }));
    const box = screen.getByLabelText<HTMLTextAreaElement>('Your request');
    expect(box.value).toMatch(/^Fix this error[^]*one is not defined/); // written, not sent
    expect(transport.asked.filter(([what]) => what === 'send')).toEqual([]);
  });

  it('that a check finds are no failure of the check', () => {
    const log = new Log();
    open(
      {},
      ...began(log),
      log.message('tool.started', { turn: 't1', call: 'c1', tool: 'check_app', arguments: {}, by: 'agent' }),
      log.message('tool.finished', {
        turn: 't1',
        call: 'c1',
        tool: 'check_app',
        ok: false,
        summary: '2 problems',
        text: '2 problems',
        detail: {},
        duration_ms: 10
      } as never),
      done(log),
      snapshot()
    );
    expect(screen.getByText('found problems')).toBeTruthy();
    expect(document.querySelector('.jp-mod-failed')).toBeNull();
  });
});

describe('a session without a sandbox', () => {
  it('says why, and what to do, and does not say that it is ready', () => {
    const preview = {
      state: 'failed',
      url: '/x/',
      message: 'bubblewrap is not installed. Install it.',
      fraction: null,
      log: '',
      cause: 'sandbox'
    } as const;
    open({}, snapshot({ preview }));
    expect(screen.getByRole('alert').textContent).toContain(
      'The app cannot run.bubblewrap is not installed. Install it.'
    );
    expect(screen.getByText('Failed')).toBeTruthy();
    expect(screen.queryByText('Ready')).toBeNull();
  });
});

describe('a question of the agent', () => {
  it('is what its step waits for', () => {
    const log = new Log();
    const started = log.message('turn.started', { turn: 't1', model: 'm' });
    const asks = log.message('response.completed', {
      turn: 't1',
      response: 'r1',
      model: 'm',
      recorded: false,
      text: '',
      tool_calls: [{ call: 'r1.0', id: 'x', tool: 'run_command', arguments: '{"command":"rm -rf x"}' }],
      finish_reason: 'tool_calls',
      usage: USAGE
    });
    open({}, started, asks, ...asked(log).slice(1));
    const card = document.querySelector('.jp-AppBuilder-card') as HTMLElement;
    expect(card.textContent).toContain('Waiting for you');
    expect(card.textContent).not.toContain('Running');
  });

  const asked = (log: Log): WireMessage[] => [
    log.message('turn.started', { turn: 't1', model: 'm' }),
    log.message('approval.requested', {
      approval: 'r1.0.a1',
      turn: 't1',
      call: 'r1.0',
      question: 'May this app reach api.example.org?',
      kind: 'network',
      subject: 'api.example.org:443',
      reason: 'The weather comes from there.',
      remember: true
    }),
    snapshot({ session: summary({ state: 'waiting' }) })
  ];

  it('is answered with a button, and then says what was answered', () => {
    const log = new Log();
    const transport = open({}, ...asked(log));
    const card = screen.getByRole('group', { name: 'May this app reach api.example.org?' });
    expect(card.textContent).toContain('The weather comes from there.');
    expect(screen.getByText('Waiting for you')).toBeTruthy();
    expect(screen.getByText(/The agent asks: May this app reach/)).toBeTruthy();
    fireEvent.click(screen.getByRole('button', { name: 'Allow for this app' }));
    expect(transport.asked).toEqual([['answer', 'r1.0.a1', true, true]]);
    expect(screen.getByRole<HTMLButtonElement>('button', { name: 'Deny' }).disabled).toBe(true);
    transport.say(
      log.message('approval.given', { approval: 'r1.0.a1', granted: true, remember: true }),
      log.message('network.changed', { host: 'api.example.org:443', allowed: true, by: 'person' })
    );
    expect(screen.getByText('Allowed for this app.')).toBeTruthy();
    expect(screen.queryByRole('button', { name: 'Deny' })).toBeNull();
    expect(screen.getByRole('button', { name: 'Sandbox: local, 1 host' })).toBeTruthy();
  });

  it('says who asked and who answered once more than one person takes part', () => {
    const log = new Log();
    const ada = { id: 'ada', name: 'Ada' };
    const transport = open(
      {},
      log.message('turn.started', { turn: 't1', model: 'm' }),
      log.message('message.user', { turn: 't1', text: 'A clock', by_whom: ada }),
      ...asked(log)
    );
    expect(screen.queryByText('Ada')).toBeNull(); // alone, people know who they are
    transport.say(
      log.message('approval.given', { approval: 'r1.0.a1', granted: true, by_whom: { id: 'bob', name: 'Bob' } })
    );
    expect(screen.getByText('answered by Bob')).toBeTruthy();
    expect(screen.getByText('Ada')).toBeTruthy();
    transport.say(
      log.message('message.user', { turn: 't1', text: 'in blue', by_whom: { id: 'eve', name: 'Ada' } }),
      log.message('message.user', { turn: 't1', text: 'from a notebook' })
    );
    expect(screen.getAllByText(/^Ada/).map(name => name.textContent)).toEqual(['Ada (ada)', 'Ada (eve)']);
  });

  it('shows a command in full with the rule that asks, and what always would allow', () => {
    const log = new Log();
    const command = 'npm test\nrm -rf old \u202egnp.tac';
    const transport = open(
      {},
      log.message('turn.started', { turn: 't1', model: 'm' }),
      log.message('approval.requested', {
        approval: 'r1.0.a1',
        turn: 't1',
        call: 'r1.0',
        question: 'May the agent run this command?',
        kind: 'command',
        subject: command,
        reason: 'It deletes folders.',
        remember: true,
        rule: { pattern: 'rm -r {source}', source: 'default', what: 'rm -rf old' },
        allows: ['rm -rf old']
      }),
      snapshot({ session: summary({ state: 'waiting' }) })
    );
    const card = screen.getByRole('group', { name: 'May the agent run this command?' });
    expect(card.querySelector('pre')?.textContent).toBe('npm test\nrm -rf old ⟨U+202E⟩gnp.tac');
    expect(card.textContent).toContain('It deletes folders. rm -rf old');
    expect(card.textContent).toContain('Built-in rule: rm -r {source}');
    expect(screen.getByTitle('Allowed without asking from now on: rm -rf old').textContent).toBe('Always for this app');
    fireEvent.click(screen.getByRole('button', { name: 'Allow once' }));
    expect(transport.asked).toEqual([['answer', 'r1.0.a1', true, false]]);
    transport.say(
      log.message('approval.given', { approval: 'r1.0.a1', granted: true, remember: true }),
      log.message('rule.changed', {
        tool: 'run_command',
        pattern: 'rm -rf old',
        action: 'allow',
        holds: true,
        by: 'person'
      })
    );
    expect(screen.getByText('Allowed for this app.')).toBeTruthy();
    expect(screen.queryByText(/New rule for this app/)).toBeNull();
    transport.say(
      log.message('rule.changed', {
        tool: 'run_command',
        pattern: 'git push *',
        action: 'deny',
        holds: true,
        by: 'person'
      })
    );
    expect(screen.getByText(/New rule for this app: Deny/).textContent).toContain('git push *');
  });

  it('can be answered again when the answer did not arrive', async () => {
    const transport = open({}, ...asked(new Log()));
    transport.failWith = new RequestFailed({ message: 'The server does not answer.' });
    fireEvent.click(screen.getByRole('button', { name: 'Deny' }));
    expect(await screen.findByText('The server does not answer.')).toBeTruthy();
    expect(screen.getByRole<HTMLButtonElement>('button', { name: 'Deny' }).disabled).toBe(false);
  });

  it('keeps a question open while another is answered', () => {
    const log = new Log();
    const transport = open({}, ...asked(log));
    transport.say(
      log.message('approval.requested', {
        approval: 'r1.1.a2',
        turn: 't1',
        call: 'r1.1',
        kind: 'network',
        subject: 'cdn.example.org:443',
        question: 'May this app reach cdn.example.org?',
        reason: '',
        remember: true
      })
    );
    expect(screen.getAllByRole('button', { name: 'Deny' })).toHaveLength(2);
    expect(screen.getByText(/The agent asks: May this app reach cdn/)).toBeTruthy();
    transport.say(log.message('approval.given', { approval: 'r1.1.a2', granted: true }));
    expect(screen.getByText('Waiting for you')).toBeTruthy();
    expect(screen.getByText(/The agent asks: May this app reach api/)).toBeTruthy();
    fireEvent.click(screen.getByRole('button', { name: 'Deny' }));
    expect(transport.asked).toEqual([['answer', 'r1.0.a1', false, false]]);
  });

  it('has no buttons where another process has the session', () => {
    const log = new Log();
    open({}, ...asked(log).slice(0, 2), snapshot({ session: summary({ state: 'waiting', owned: false }) }));
    expect(screen.getByText('Answer it where the session is open.')).toBeTruthy();
    expect(screen.queryByRole('button', { name: 'Deny' })).toBeNull();
  });

  it('says when it was closed without an answer', () => {
    const log = new Log();
    const transport = open({}, ...asked(log));
    transport.say(
      log.message('approval.given', { approval: 'r1.0.a1', granted: false, cause: 'stopped' }),
      log.message('turn.finished', { turn: 't1', reason: 'stopped', message: 'Stopped.', hint: '' })
    );
    expect(screen.getByText('Not answered: the request was stopped.')).toBeTruthy();
  });

  it('has no accessibility faults', async () => {
    open({}, ...asked(new Log()));
    const { violations } = await axe.run(document.body, {
      rules: { 'color-contrast': { enabled: false }, region: { enabled: false } }
    });
    expect(violations.map(({ id }) => id)).toEqual([]);
  });
});

describe('a session that cannot be used for now', () => {
  const trouble = { message: 'The event log cannot be written: its disk is full.', hint: 'Make room.' };

  it('says why, is not busy, and says so no more when it is over', () => {
    const log = new Log();
    const transport = open(
      {},
      log.message('turn.started', { turn: 't1', model: 'm' }),
      log.message('message.user', { turn: 't1', text: 'A board' }),
      log.message('tool.started', {
        turn: 't1',
        call: 'c1',
        tool: 'run_command',
        arguments: { command: 'ls' },
        by: 'agent'
      }),
      snapshot({ session: summary({ state: 'busy' }) })
    );
    expect(screen.getByRole('button', { name: 'Stop' })).toBeTruthy();
    expect(screen.getByText('running')).toBeTruthy();
    transport.say({ kind: 'session', session: summary({ state: 'ready', trouble }) });
    expect(screen.queryByText('running')).toBeNull();
    expect(screen.getByText('stopped')).toBeTruthy();
    expect(screen.getByRole('alert').textContent).toContain('its disk is full. Make room.'.replace('. ', '.'));
    expect(screen.queryByRole('button', { name: 'Stop' })).toBeNull();
    transport.say(
      log.message('turn.finished', { turn: 't1', reason: 'failed', message: trouble.message, hint: 'Continue.' }),
      { kind: 'session', session: summary() }
    );
    expect(screen.queryByText('Make room.')).toBeNull();
    expect(screen.getAllByText(/its disk is full/).length).toBeGreaterThan(0);
  });
});

describe('a version that was gone back to', () => {
  it('says of itself what its data are not kept', () => {
    const log = new Log();
    const note = 'The app’s data are not kept in this version: it was writing data/notes.db at that moment.';
    const version = { tree: 'tree', parent: 'commit-t1', turn: null, files: 1, added: 0, removed: 2 };
    open(
      {},
      { kind: 'events', events: log.turn('t1', 'one') },
      log.message('session.restored', { checkpoint: 'commit-t1', tree: 'tree', previous: 'commit-t1', patch: '' }),
      log.message('checkpoint.created', { ...version, checkpoint: 'back', title: 'Restore “one”', note }),
      snapshot()
    );
    const said = screen.getByText(note);
    expect(screen.getByText(/Went back to/).compareDocumentPosition(said)).toBe(Node.DOCUMENT_POSITION_FOLLOWING);
    expect(screen.getByRole('button', { name: 'Undo' })).toBeTruthy();
  });
});

describe('the network of a session', () => {
  it('lists the hosts, adds one and takes one back', async () => {
    const transport = open({}, snapshot());
    transport.allowed = [
      { host: 'intranet:8080', name: 'intranet:8080', source: 'configuration', turn: null },
      { host: 'api.example.org:443', name: 'api.example.org', source: 'session', turn: null }
    ];
    fireEvent.click(screen.getByRole('button', { name: 'Sandbox: local' }));
    const list = await screen.findByRole('list', { name: 'Allowed hosts' });
    expect(list.textContent).toContain('intranet:8080configured');
    expect(screen.queryByRole('button', { name: 'Remove intranet:8080' })).toBeNull();
    fireEvent.click(screen.getByRole('button', { name: 'Remove api.example.org' }));
    await act(async () => undefined);
    fireEvent.change(screen.getByLabelText('Host to allow'), { target: { value: ' *.example.org ' } });
    fireEvent.click(screen.getByRole('button', { name: 'Allow' }));
    await act(async () => undefined);
    expect(transport.asked).toEqual([
      ['revokeHost', 'api.example.org:443'],
      ['allowHost', '*.example.org']
    ]);
  });

  it('offers to allow what was refused', () => {
    const log = new Log();
    const refused = { host: 'api.example.org:443', reason: 'It is not on the list.' };
    const transport = open(
      {},
      log.message('network.refused', refused),
      log.message('network.refused', refused),
      snapshot()
    );
    expect(screen.getByText('Blocked: api.example.org is not on this app’s list.')).toBeTruthy();
    expect(screen.getByText('2 times')).toBeTruthy();
    fireEvent.click(screen.getByRole('button', { name: 'Allow api.example.org for this app' }));
    expect(transport.asked).toEqual([['allowHost', 'api.example.org:443']]);
    transport.say(log.message('network.changed', { host: 'api.example.org:443', allowed: true, by: 'person' }));
    expect(screen.getByText('allowed since')).toBeTruthy();
  });

  it('forgets what was allowed once when the request ends', () => {
    const log = new Log();
    const transport = open({}, log.message('turn.started', { turn: 't1', model: 'm' }), snapshot());
    transport.say(
      log.message('network.changed', { host: 'a.example.org:443', allowed: true, by: 'person', turn: 't1' })
    );
    expect(screen.getByRole('button', { name: 'Sandbox: local, 1 host' })).toBeTruthy();
    transport.say(log.message('turn.finished', { turn: 't1', reason: 'done', message: '', hint: '' }));
    expect(screen.getByRole('button', { name: 'Sandbox: local' })).toBeTruthy();
  });
});

describe('where a session runs', () => {
  const show = (warning: string): void => {
    const transport = new TestTransport();
    const store = new SessionStore(transport, flush => act(flush));
    const isolation = { kind: warning ? 'none' : 'bubblewrap', detail: 'bubblewrap 0.8: own namespaces', warning };
    const sandboxes = [{ name: 'local', default: true, available: true, isolation, message: '', hint: '' }];
    render(<SessionPane store={store} models={MODELS} sandboxes={sandboxes} />);
    transport.say(snapshot());
  };

  it('is a word, with the details behind it', async () => {
    show('');
    expect(screen.queryByRole('note')).toBeNull();
    const chip = screen.getByRole('button', { name: 'Sandbox: bubblewrap' });
    expect(chip.title).toBe('bubblewrap 0.8: own namespaces');
    fireEvent.click(chip);
    expect(await screen.findByText('No host: the app’s code has no network.')).toBeTruthy();
    expect(screen.getByText('· bubblewrap 0.8: own namespaces')).toBeTruthy();
  });

  it('warns all the time where nothing isolates', () => {
    show('Generated code runs without isolation.');
    expect(screen.getByRole('note').textContent).toContain('without isolation');
  });
});

describe('a session', () => {
  it('shows what was asked, said and done', () => {
    open({}, { kind: 'events', events: new Log().turn('t1', 'a board') }, snapshot());
    expect(screen.getByText('a board', { selector: '.jp-AppBuilder-request' })).toBeTruthy();
    expect(screen.getByText('Wrote')).toBeTruthy();
    expect(screen.getByText('1 file changed')).toBeTruthy();
    expect(screen.getByText('current version')).toBeTruthy();
  });

  it('says of a request that changed nothing that it did, whatever the model claims', () => {
    const ended = (mode: 'ask' | 'build'): void => {
      cleanup();
      const log = new Log();
      const transport = open(
        {},
        { kind: 'events', events: [log.event('turn.started', { turn: 't1', model: 'openai:gpt', mode })] },
        log.message('message.user', { turn: 't1', text: 'Make it blue' }),
        snapshot()
      );
      expect(screen.queryByText('No file was changed.')).toBeNull();
      transport.say(log.message('turn.finished', { turn: 't1', reason: 'done', message: '', hint: '' }));
    };
    ended('ask');
    expect(screen.queryByText('No file was changed.')).toBeNull();
    ended('build');
    expect(screen.getByText('No file was changed.')).toBeTruthy();
  });

  it('names the file of a call that broke off, and does not say that it was written', () => {
    const log = new Log();
    const call = { turn: 't1', call: 'r1.0', tool: 'write_file' };
    const raw = '{"path": "src/page.ts", "content": "export const half = ';
    open(
      {},
      { kind: 'events', events: [log.event('turn.started', { turn: 't1', model: 'openai:gpt' })] },
      log.message('tool.started', { ...call, arguments: { raw }, by: 'agent' }),
      log.message('tool.finished', {
        ...call,
        ok: false,
        summary: 'The call broke off before its end.',
        text: 'The call broke off before its end.',
        detail: { reason: 'cut_off' },
        duration_ms: 0
      }),
      snapshot()
    );
    expect(screen.queryByText('Wrote')).toBeNull();
    fireEvent.click(screen.getByRole('button', { name: 'Writing src/page.ts: details' }));
    expect(document.body.textContent).toContain('export const half');
  });

  it('sends with Enter, not with Shift+Enter', () => {
    const transport = open({}, snapshot());
    const box = screen.getByLabelText('Your request');
    fireEvent.change(box, { target: { value: ' a clock ' } });
    fireEvent.keyDown(box, { key: 'Enter', shiftKey: true });
    expect(transport.asked).toEqual([]);
    fireEvent.keyDown(box, { key: 'Enter' });
    expect(transport.asked).toEqual([['send', 'a clock']]);
  });

  it('offers what the agent suggests to ask for next: in the box, not sent', () => {
    const log = new Log();
    const events = log.turn('t1', 'a board');
    const said = { turn: 't1', response: 'r9', model: 'openai:gpt', recorded: false, text: 'It works.' };
    const suggestions = ['Add a search box', 'Sort by name'];
    events.splice(
      -1,
      1,
      log.event('response.completed', { ...said, suggestions, tool_calls: [], finish_reason: 'stop', usage: USAGE }),
      log.event('turn.finished', { turn: 't1', reason: 'done', message: '', hint: '' })
    );
    const transport = open({}, { kind: 'events', events }, snapshot({}));
    fireEvent.click(screen.getByRole('button', { name: 'Sort by name' }));
    const box = screen.getByLabelText<HTMLTextAreaElement>('Your request');
    expect([box.value, document.activeElement]).toEqual(['Sort by name', box]);
    fireEvent.change(box, { target: { value: 'In blue.' } });
    fireEvent.click(screen.getByRole('button', { name: 'Add a search box' }));
    expect(box.value).toBe('In blue.\n\nAdd a search box');
    expect(transport.asked.filter(([what]) => what === 'send')).toEqual([]);
    transport.say({ kind: 'events', events: [log.event('turn.started', { turn: 't2', model: 'openai:gpt' })] });
    expect(screen.queryByRole('button', { name: 'Sort by name' })).toBeNull();
  });

  it('loses no request that did not go out, whatever is written or shown by then', async () => {
    const transport = new TestTransport();
    const refuse: ((error: Error) => void)[] = [];
    vi.spyOn(transport, 'send').mockImplementation(() => new Promise((_, reject) => refuse.push(reject)));
    const onDraft = vi.fn();
    const store = new SessionStore(transport, flush => act(flush));
    const { unmount } = render(<SessionPane store={store} models={[]} onDraft={onDraft} />);
    transport.say(snapshot());
    const box = screen.getByRole<HTMLTextAreaElement>('textbox', { name: 'Your request' });
    const send = (text: string): void => {
      fireEvent.change(box, { target: { value: text } });
      fireEvent.keyDown(box, { key: 'Enter' });
    };
    const fail = async (): Promise<void> => act(async () => refuse.shift()?.(new RequestFailed({ message: 'Gone.' })));
    send('A clock');
    fireEvent.change(box, { target: { value: 'In blue' } });
    await fail();
    expect(box.value).toBe('A clock\n\nIn blue');
    send('A calendar');
    unmount();
    await fail();
    expect(onDraft).toHaveBeenLastCalledWith('A calendar');
  });

  it('gives back what was typed when it could not be sent, and says why', async () => {
    const transport = open({}, snapshot());
    transport.failWith = new RequestFailed({
      message: 'A turn is running.',
      reason: 'session_busy',
      hint: 'Stop it first.'
    });
    const box = screen.getByLabelText<HTMLTextAreaElement>('Your request');
    fireEvent.change(box, { target: { value: 'a clock' } });
    fireEvent.keyDown(box, { key: 'Enter' });
    expect(await screen.findByText('A turn is running.')).toBeTruthy();
    expect(screen.getByText('Stop it first.')).toBeTruthy();
    expect(box.value).toBe('a clock');
  });

  it('can be stopped while it is busy, and tried again after a failure', () => {
    const log = new Log();
    const transport = open(
      {},
      log.message('turn.started', { turn: 't1', model: 'm' }),
      log.message('message.user', { turn: 't1', text: 'a board' }),
      snapshot({ session: summary({ state: 'busy' }) })
    );
    fireEvent.click(screen.getByRole('button', { name: 'Stop' }));
    expect(transport.asked).toEqual([['stop']]);
    transport.say(
      log.message('turn.finished', {
        turn: 't1',
        reason: 'failed',
        message: 'The key is not valid.',
        hint: 'Check it.'
      }),
      { kind: 'session', session: summary() }
    );
    expect(screen.getByText('The key is not valid.', { selector: 'p' })).toBeTruthy();
    fireEvent.click(screen.getByRole('button', { name: 'Retry' }));
    fireEvent.click(screen.getByRole('button', { name: 'Continue' }));
    expect(transport.asked).toEqual([['stop'], ['retry'], ['goOn']]);
  });

  it('takes another message while it is busy, unless a recording plays', () => {
    const log = new Log();
    const transport = open(
      {},
      log.message('turn.started', { turn: 't1', model: 'm' }),
      log.message('message.user', { turn: 't1', text: 'a board' }),
      snapshot({ session: summary({ state: 'busy', recorded: false }) })
    );
    expect(screen.queryByRole('button', { name: 'Send' })).toBeNull();
    fireEvent.change(screen.getByRole('textbox', { name: 'Your request' }), { target: { value: 'in blue' } });
    fireEvent.click(screen.getByRole('button', { name: 'Send' }));
    expect(transport.asked).toEqual([['send', 'in blue']]);
    transport.say(log.message('message.user', { turn: 't1', text: 'in blue' }));
    expect(screen.getByText('in blue')).toBeTruthy();
    transport.say({ kind: 'session', session: summary({ state: 'busy', recorded: true }) });
    fireEvent.change(screen.getByRole('textbox', { name: 'Your request' }), { target: { value: 'and red' } });
    expect(screen.queryByRole('button', { name: 'Send' })).toBeNull();
    expect(screen.getByRole('button', { name: 'Stop' })).toBeTruthy();
  });

  it('shows a file being written, line by line', () => {
    const log = new Log();
    const transport = open({}, log.message('turn.started', { turn: 't1', model: 'm' }), snapshot());
    transport.say({
      kind: 'live',
      n: 2,
      type: 'tool.delta',
      data: {
        turn: 't1',
        response: 'r1',
        index: 0,
        call: 'r1.0',
        tool: 'write_file',
        arguments: '{"path":"src/App.tsx","content":"one\\ntwo\\nthr'
      }
    });
    expect(screen.getByText('Writing')).toBeTruthy();
    expect(screen.getByText('3 lines')).toBeTruthy();
    expect(screen.getByText('App.tsx')).toBeTruthy();
  });

  it('opens a file, a turn’s diff, and goes back to a version', async () => {
    const openFile = vi.fn();
    const log = new Log();
    const transport = open(
      { openFile },
      { kind: 'events', events: [...log.turn('t1', 'one'), ...log.turn('t2', 'two')] },
      snapshot()
    );
    fireEvent.click(screen.getAllByRole('button', { name: 'Open src/App.tsx in the editor' })[0] as HTMLElement);
    expect(openFile).toHaveBeenCalledWith('src/App.tsx');
    fireEvent.click(screen.getAllByText('1 file changed')[0] as HTMLElement);
    expect(await screen.findByText('old')).toBeTruthy();
    fireEvent.click(screen.getByRole('button', { name: 'Restore' }));
    expect(transport.asked).toEqual([
      ['diff', 'commit-t1'],
      ['restore', 'commit-t1']
    ]);
    transport.say(log.message('session.restored', { checkpoint: 'commit-t1', tree: 'x', previous: 'commit-t2' }));
    fireEvent.click(screen.getByRole('button', { name: 'Undo' }));
    expect(transport.asked.at(-1)).toEqual(['restore', 'commit-t2']);
    const gone = { checkpoint: 'commit-t1', tree: 'x', previous: 'commit-t2', data: false };
    transport.say(log.message('session.restored', gone));
    expect(screen.getAllByText(/Went back to/).at(-1)?.textContent).toContain('(files only)');
    fireEvent.click(screen.getByRole('button', { name: 'Undo' }));
    expect(transport.asked.at(-1)).toEqual(['restore', 'commit-t2', false]);
  });

  it('goes back to the files alone of a version that has a copy of the app’s data', () => {
    const log = new Log();
    const [first, second] = [log.turn('t1', 'one'), log.turn('t2', 'two')];
    const withData = first.map(event =>
      event.type === 'checkpoint.created' ? { ...event, data: { ...event.data, data: true } } : event
    );
    const transport = open({}, { kind: 'events', events: [...withData, ...second] }, snapshot());
    fireEvent.click(screen.getByRole('button', { name: 'Files only' }));
    expect(transport.asked).toEqual([['restore', 'commit-t1', false]]);
  });

  it('says when the connection is lost, and tries again when asked', () => {
    const transport = open({}, snapshot());
    act(() => transport.listener?.connection({ state: 'waiting', retryAt: Date.now() + 5000 }));
    expect(screen.getByText(/Connection lost/)).toBeTruthy();
    fireEvent.click(screen.getByRole('button', { name: 'Try now' }));
    expect(transport.asked).toEqual([['reconnect']]);
  });

  it('of another server can be read, and says why it cannot be changed', () => {
    open({}, snapshot({ session: summary({ owned: false }) }));
    expect(screen.getByText(/Another Jupyter server or kernel/)).toBeTruthy();
  });

  it('draws only the end of a long history, until asked for more', () => {
    const log = new Log();
    const events = Array.from({ length: 45 }, (_, at) => log.turn(`t${at}`, `request ${at}`)).flat();
    open({}, { kind: 'events', events }, snapshot());
    expect(screen.queryByText('request 0')).toBeNull();
    expect(screen.getByText('request 44', { selector: '.jp-AppBuilder-request' })).toBeTruthy();
    fireEvent.click(screen.getByRole('button', { name: /Show earlier/ }));
    expect(screen.getByText('request 30', { selector: '.jp-AppBuilder-request' })).toBeTruthy();
    while (screen.queryByText('request 0', { selector: '.jp-AppBuilder-request' }) === null) {
      fireEvent.click(screen.getByRole('button', { name: /Show earlier/ }));
    }
    fireEvent.click(screen.getByRole('button', { name: /Show later/ }));
    expect(screen.getByText('request 44', { selector: '.jp-AppBuilder-request' })).toBeTruthy();
  });

  it('has nothing for axe to report', async () => {
    const log = new Log();
    open(
      { openFile: () => undefined, showPreview: () => undefined, setModel: async () => undefined },
      { kind: 'events', events: [...log.turn('t1', 'one'), ...log.turn('t2', 'two')] },
      log.message('preview.error', { kind: 'page', message: 'x is undefined', source: 'src/App.tsx:1:1' }),
      snapshot()
    );
    screen.getAllByRole('button', { expanded: false }).forEach(button => fireEvent.click(button));
    // Colours need a browser; tests/browser looks at them there.
    const { violations } = await axe.run(document.body, {
      rules: { 'color-contrast': { enabled: false }, region: { enabled: false } }
    });
    expect(violations.map(({ id, nodes }) => [id, nodes.map(node => node.html)])).toEqual([]);
  });
});

describe('the preview', () => {
  let composed: string[] = [];
  function show(...messages: WireMessage[]): TestTransport {
    const transport = new TestTransport();
    const store = new SessionStore(transport, flush => act(flush));
    composed = [];
    const host = { compose: (text: string) => void composed.push(text) };
    render(
      <SurroundingsContext.Provider value={{ trans: english, host }}>
        <PreviewPane store={store} resolve={url => url} />
      </SurroundingsContext.Provider>
    );
    transport.say(...messages);
    return transport;
  }

  it('starts when somebody looks at it', () => {
    expect(show(snapshot()).asked).toEqual([['preview', 'start']]);
  });

  it('keeps the app on an origin of its own', () => {
    show(
      snapshot({ preview: { state: 'ready', url: '/appbuilder/preview/x/', message: '', fraction: null, log: '' } })
    );
    const frame = document.querySelector('iframe');
    expect(frame?.getAttribute('sandbox')).toBe('allow-scripts allow-forms allow-modals');
    expect(frame?.getAttribute('referrerpolicy')).toBe('no-referrer');
  });

  it('says that a sleeping app wakes, and shows why one ended instead of what it last was', () => {
    const shown = { state: 'ready', url: '/appbuilder/preview/x/', message: '', fraction: null, log: '' } as const;
    const transport = show(snapshot({ preview: shown }));
    const first = document.querySelector('iframe');
    transport.say({ kind: 'live', n: 2, type: 'preview', data: { ...shown, state: 'starting', message: 'Waking up' } });
    expect(screen.getByText('Waking the app…')).toBeTruthy();
    transport.say({ kind: 'live', n: 3, type: 'preview', data: shown });
    expect(screen.queryByText('Waking the app…')).toBeNull();
    expect(document.querySelector('iframe')).toBe(first);
    transport.say({ kind: 'live', n: 4, type: 'preview', data: { ...shown, state: 'failed', message: 'It ended.' } });
    expect(document.querySelector('iframe')).not.toBe(first);
  });

  it('shows the real error and puts it into the request', () => {
    const transport = show(
      snapshot({
        preview: { state: 'failed', url: null, message: 'Vite ended with code 1', fraction: null, log: 'boom' }
      })
    );
    expect(screen.getByText(/Vite ended with code 1/)).toBeTruthy();
    fireEvent.click(screen.getByRole('button', { name: 'Fix it' }));
    expect(composed).toEqual([expect.stringContaining('```text\nVite ended with code 1')]);
    expect(transport.asked, 'the person sends it').toEqual([]);
  });

  it('listens to nobody but its own frame', () => {
    const transport = show(
      snapshot({ preview: { state: 'ready', url: 'about:blank', message: '', fraction: null, log: '' } })
    );
    const frame = document.querySelector('iframe');
    const say = (data: object, source: Window | null | undefined = frame?.contentWindow): void =>
      act(() => {
        const message = { source: 'jupyter-appbuilder', ...data };
        window.dispatchEvent(new MessageEvent('message', { data: message, source: source ?? null }));
      });
    const finding = { message: 'x is ```undefined```', source: 'src/App.tsx:3:1' };
    say({ type: 'finding', finding }, window);
    expect(screen.queryByText(/x is/)).toBeNull();
    say({ type: 'finding', finding });
    say({ type: 'finding', finding: { ...finding, source: 'src/App.tsx:5:7' } });
    expect(screen.getByText(/The page reports: x is/), 'it is the same error').toBeTruthy();
    frame?.focus();
    for (const type of ['fix', 'restart', 'send', 'start', 'click']) {
      say({ type, finding, text: 'buy shoes' });
    }
    expect(transport.asked, 'whatever a page says').toEqual([]);
    fireEvent.click(screen.getByRole('button', { name: 'Fix it' }));
    expect(composed).toEqual([expect.stringContaining('````text\nx is ```undefined```\nat src/App.tsx:5:7\n````')]);
    expect(transport.asked, 'the person sends it').toEqual([]);
    expect(screen.queryByText(/The page reports: x is/)).toBeNull();
  });

  it('says when another site took the place of the app’s page, and goes back', () => {
    vi.useFakeTimers();
    const reported = vi.spyOn(globalThis, 'fetch').mockResolvedValue(new Response());
    try {
      show(snapshot({ preview: { state: 'ready', url: 'about:blank', message: '', fraction: null, log: '' } }));
      const frame = (): HTMLIFrameElement => document.querySelector('iframe') as HTMLIFrameElement;
      const say = (): void =>
        act(() => {
          const data = { source: 'jupyter-appbuilder', type: 'navigated', path: '/' };
          window.dispatchEvent(new MessageEvent('message', { data, source: frame().contentWindow }));
        });
      const pass = (): void => act(() => void vi.advanceTimersByTime(10_000));
      fireEvent.load(frame());
      pass();
      expect(screen.queryByText(/went to another site/), 'a page that never answered says nothing').toBeNull();
      say();
      fireEvent.load(frame());
      say();
      pass();
      expect(screen.queryByText(/went to another site/), 'it answered').toBeNull();
      fireEvent.load(frame());
      pass();
      expect(screen.getByText(/went to another site/)).toBeTruthy();
      expect(reported).toHaveBeenCalledOnce();
      const before = frame();
      fireEvent.click(screen.getByRole('button', { name: 'Back to the app' }));
      expect(frame()).not.toBe(before);
      expect(screen.queryByText(/went to another site/)).toBeNull();
    } finally {
      vi.useRealTimers();
      reported.mockRestore();
    }
  });

  it('does not listen to a page that talks without end', () => {
    const clock = vi.spyOn(Date, 'now').mockReturnValue(Date.now()); // all within one moment, however slow the machine
    show(snapshot({ preview: { state: 'ready', url: 'about:blank', message: '', fraction: null, log: '' } }));
    const frame = document.querySelector('iframe');
    act(() => {
      for (let n = 0; n < 5000; n++) {
        const data = { source: 'jupyter-appbuilder', type: 'navigated', path: `/${n}` };
        window.dispatchEvent(new MessageEvent('message', { data, source: frame?.contentWindow ?? null }));
      }
    });
    clock.mockRestore();
    const shown = Number(screen.getByRole<HTMLInputElement>('combobox', { name: 'Page of the app' }).value.slice(1));
    expect(shown).toBeLessThan(100);
  });

  it('offers what a page may not do by itself, one at a time and in the order asked', () => {
    show(
      snapshot({ preview: { state: 'ready', url: 'http://localhost/preview/', message: '', fraction: null, log: '' } })
    );
    const opened = vi.spyOn(window, 'open').mockReturnValue(null);
    const frame = document.querySelector('iframe');
    const ask = (more: object): void =>
      act(() => {
        const data = { source: 'jupyter-appbuilder', ...more };
        window.dispatchEvent(new MessageEvent('message', { data, source: frame?.contentWindow ?? null }));
      });
    ask({ type: 'open', url: 'https://example.com/docs' });
    ask({ type: 'open', url: 'javascript:alert(1)' });
    ask({ type: 'save', name: '../..\\.bashrc\u202e', content: new Blob(['a,b']) });
    expect(opened).not.toHaveBeenCalled();
    fireEvent.click(screen.getByRole('button', { name: 'Open' }));
    expect(opened).toHaveBeenCalledWith('https://example.com/docs', '_blank', 'noopener,noreferrer');
    expect(screen.getByText('The app wants to save bashrc (3 B).')).toBeTruthy();
    fireEvent.click(screen.getByRole('button', { name: 'Dismiss' }));
    expect(screen.queryByText(/The app wants/)).toBeNull();
    opened.mockRestore();
  });

  it('takes nothing from a page that is not what it should be', () => {
    expect(readMessage('hello')).toBeNull();
    expect(readMessage({ source: 'other', type: 'ready' })).toBeNull();
    expect(readMessage({ source: 'jupyter-appbuilder', type: 'finding', finding: { message: 7 } })).toBeNull();
    expect(readMessage({ source: 'jupyter-appbuilder', type: 'open', url: 'file:///etc/passwd' })).toBeNull();
    expect(readMessage({ source: 'jupyter-appbuilder', type: 'open', url: 'https://me:secret@x.example' })).toBeNull();
    expect(readMessage({ source: 'jupyter-appbuilder', type: 'save', name: 'x', content: 'text' })).toBeNull();
    expect(readMessage({ source: 'jupyter-appbuilder', type: 'navigated', path: {} })).toEqual({
      type: 'navigated',
      path: '/'
    });
  });
});

describe('a request that failed for its model', () => {
  const failed = (error: string): (() => void) => {
    const run = vi.fn();
    const link = (label: string): PageLink => ({ label, icon: 'key', run: label === 'Model settings' ? run : vi.fn() });
    const log = new Log();
    const events = [
      log.event('turn.started', { turn: 't1', model: 'openai:gpt' }),
      log.event('message.user', { turn: 't1', text: 'a clock' }),
      log.event('turn.finished', {
        turn: 't1',
        reason: 'failed',
        message: 'OpenAI refused the key.',
        hint: 'Enter another.',
        error
      })
    ];
    const ids = Object.keys(PAGES) as PageId[];
    const pages = Object.fromEntries(ids.map(id => [id, link(PAGES[id].title(english))])) as Record<PageId, PageLink>;
    open({ pages }, { kind: 'events', events }, snapshot());
    return run;
  };
  const settings = (): HTMLElement | null => screen.queryByRole('button', { name: 'Model settings' });

  it.each(['unauthorized', 'not_configured', 'unreachable'])('leads to the model’s settings: %s', error => {
    const run = failed(error);
    expect(screen.getByText('Enter another.')).toBeTruthy();
    fireEvent.click(settings() as HTMLElement);
    expect(run).toHaveBeenCalledOnce();
  });

  it('does not where they cannot help', () => {
    failed('rate_limited');
    expect(settings()).toBeNull();
    expect(screen.getByRole('button', { name: 'Continue' })).toBeTruthy();
  });
});

describe('long work', () => {
  afterEach(() => vi.useRealTimers());

  it('tells how long it has taken, also while its bar stands still', () => {
    vi.useFakeTimers();
    const shown = { message: 'Installing packages: 165 of 187', fraction: 165 / 187 };
    const { container, rerender } = render(<Progress {...shown} />);
    expect(container.textContent).not.toMatch(/\d+ s/);
    act(() => void vi.advanceTimersByTime(5000));
    expect(container.textContent).toContain('5 s');
    rerender(<Progress message="Installing packages: 170 of 187" fraction={170 / 187} />);
    act(() => void vi.advanceTimersByTime(4000));
    expect(container.textContent).toContain('9 s');
    expect(screen.getByRole('progressbar', { name: /170 of 187/ }).getAttribute('value')).toBe(String(170 / 187));
  });
});
