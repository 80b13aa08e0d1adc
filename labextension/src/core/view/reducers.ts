/** What each event and each live message changes in the view. */

import type { AppEvent, EventData, EventOf, EventType, LiveData } from '../wire/events';
import type { PublishedAs } from '../wire/api.generated';
import type { LiveMessage, LiveOf, SnapshotMessage } from '../wire/wire';
import type { Draft } from './draft';
import {
  interrupted,
  OUTPUT_KEPT,
  reasoningKey,
  TICK_PLAN,
  type Checkpoint,
  type PublicationItem,
  type RefreshItem,
  type ToolItem
} from './items';
import { asWritten, readArguments } from './partial';
import { afterChange, inOtherVersion, scenariosIn, titleIn } from './scenarios';
import { addUsage, NO_USAGE } from './usage';

/** Take in an event. One that came before, or is of a newer server's type, changes nothing. */
export function takeEvent(draft: Draft, event: AppEvent): void {
  if (event.seq <= draft.view.seq) {
    return; // sent twice around a reconnection
  }
  draft.view.seq = event.seq;
  if (Object.hasOwn(reducers, event.type)) {
    reduce(draft, event);
  }
}

function reduce<T extends EventType>(draft: Draft, event: EventOf<T>): void {
  reducers[event.type](draft, event);
}

export function takeLive(draft: Draft, message: LiveMessage): void {
  if (Object.hasOwn(liveReducers, message.type)) {
    reduceLive(draft, message);
  }
}

function reduceLive<T extends keyof LiveData>(draft: Draft, message: LiveOf<T>): void {
  liveReducers[message.type](draft, message.data);
}

export function takeSnapshot(draft: Draft, snapshot: SnapshotMessage): void {
  draft.view.session = snapshot.session;
  draft.view.preview = snapshot.preview;
  draft.view.version = snapshot.version;
  draft.view.publishing = snapshot.publishing;
  draft.view.progress = snapshot.progress;
  draft.view.caughtUp = true;
  draft.entries.forEach((entry, at) => {
    if (entry.kind === 'turn' && entry.partial && entry.turn !== snapshot.response?.turn) {
      draft.writableTurn(at).partial = null;
    }
  });
  if (snapshot.response) {
    const turn = draft.turn(snapshot.response.turn);
    if (turn) {
      turn.partial = snapshot.response;
    }
  }
  for (const [call, output] of Object.entries(snapshot.outputs)) {
    const found = draft.item(call);
    if (found?.kind === 'tool' && found.state === 'running') {
      draft.put(null, { ...found, output: output.slice(-OUTPUT_KEPT) });
    }
  }
}

const nothing = (): void => undefined;

const reducers: { readonly [T in EventType]: (draft: Draft, event: EventOf<T>) => void } = {
  'turn.started': (draft, event) => {
    draft.startTurn(event.data.turn, event.data.model, event.at).mode = event.data.mode ?? 'build';
  },
  'plan.written': (draft, event) => {
    const { plan, text, source, turn } = event.data;
    for (const item of draft.plans()) {
      draft.put(null, { ...item, replaced: true });
    }
    draft.put(turn, { kind: 'plan', key: source, plan, text, accepted: null, replaced: false });
  },
  'plan.accepted': (draft, event) => {
    const { plan, turn: builder, edited, by, by_whom: byWhom = null } = event.data;
    const found = draft.plans().find(item => item.plan === plan);
    if (found) {
      draft.put(null, { ...found, accepted: { at: event.at, edited, by, byWhom } });
    }
    const turn = draft.turn(builder);
    if (turn) {
      turn.builds = { plan, edited, done: [] };
    }
  },
  'message.user': (draft, event) => {
    const turn = draft.turn(event.data.turn);
    if (turn && turn.request !== '') {
      const { text, attachments: files = [], pointed = [] } = event.data;
      const byWhom = draft.person(event.data.by_whom);
      draft.put(event.data.turn, { kind: 'request', key: keyOf(event), seq: event.seq, text, files, pointed, byWhom });
    } else {
      const asked = turn ?? draft.startTurn(event.data.turn, '', event.at);
      asked.request = event.data.text;
      asked.byWhom = draft.person(event.data.by_whom);
      asked.pointed = event.data.pointed ?? [];
      asked.requestSeq = event.seq;
      asked.files = event.data.attachments ?? [];
    }
  },
  'response.completed': (draft, event) => {
    completeResponse(draft, event.data);
  },
  'tool.started': (draft, event) => {
    const { call, turn, by, tool } = event.data;
    const found = draft.item(call);
    const started: ToolItem = {
      ...(found?.kind === 'tool' ? found : newTool(call, tool)),
      state: 'running',
      arguments: asWritten(event.data.arguments),
      by,
      startedAt: event.at
    };
    draft.put(turn, started);
  },
  'tool.finished': (draft, event) => {
    const { call, turn, tool, ok } = event.data;
    const found = draft.item(call);
    draft.put(turn, {
      ...(found?.kind === 'tool' ? found : newTool(call, tool)),
      state: ok ? 'done' : 'failed',
      result: event.data,
      output: ''
    });
    if (tool === TICK_PLAN) {
      draft.tick();
    }
    const scenarios = scenariosIn(event.data.detail, draft.view.scenarios);
    if (scenarios) {
      draft.view.scenarios = scenarios;
    }
  },
  'file.changed': (draft, event) => {
    draft.view.tree = event.data.tree ?? '';
    draft.pass(() => true);
    const { call, path, change } = event.data;
    const found = call === undefined ? undefined : draft.item(call);
    const title = titleIn(event.data.patch, found?.kind === 'tool' ? found.arguments : {});
    draft.view.scenarios = afterChange(draft.view.scenarios, path, change, title);
    if (found?.kind === 'tool') {
      draft.put(null, { ...found, files: [...found.files, event.data] });
    } else {
      draft.put(draft.runningTurn(), { kind: 'file', key: keyOf(event), change: event.data });
    }
  },
  'checkpoint.created': (draft, event) => {
    draft.view.tree = event.data.tree;
    const checkpoint: Checkpoint = { ...event.data, at: event.at };
    draft.view.checkpoints = [...draft.view.checkpoints, checkpoint];
    const turn = event.data.turn === null ? null : draft.turn(event.data.turn);
    if (turn) {
      turn.checkpoint = checkpoint; // whose line has the note
    } else if (checkpoint.note) {
      draft.put(null, { kind: 'note', key: keyOf(event), text: checkpoint.note });
    }
  },
  'version.named': (draft, { data: { checkpoint, name } }) => {
    draft.view.checkpoints = draft.view.checkpoints.map(known =>
      known.checkpoint === checkpoint ? { ...known, name } : known
    );
    const named = draft.view.checkpoints.find(known => known.checkpoint === checkpoint);
    const turn = named?.turn ? draft.turn(named.turn) : null;
    if (named && turn?.checkpoint?.checkpoint === checkpoint) {
      turn.checkpoint = named;
    }
  },
  'turn.dropped': (draft, event) => {
    const at = draft.entries.findIndex(entry => entry.kind === 'turn' && entry.turn === event.data.turn);
    const edits = draft.entries.slice(at + 1).some(entry => entry.items.some(item => item.kind === 'file'));
    const turn = draft.turn(event.data.turn);
    if (turn) {
      turn.dropped = { checkpoint: event.data.checkpoint, previous: null, edits };
      turn.items = turn.items.map(item => (item.kind === 'plan' ? { ...item, replaced: true } : item));
      draft.tick();
    }
  },
  'session.restored': (draft, event) => {
    draft.view.tree = event.data.tree;
    draft.pass(() => true);
    draft.view.scenarios = inOtherVersion(draft.view.scenarios, event.data.patch ?? '');
    const last = draft.turn(draft.lastTurn());
    if (last?.dropped?.previous === null && last.dropped.checkpoint === event.data.checkpoint) {
      last.dropped = { ...last.dropped, previous: event.data.previous }; // its line says so
      return;
    }
    const version = draft.view.checkpoints.find(known => known.checkpoint === event.data.checkpoint);
    draft.put(null, {
      kind: 'restore',
      key: keyOf(event),
      at: event.at,
      restored: event.data,
      title: version?.name || (version?.title ?? '')
    });
  },
  'session.forked': (draft, event) => {
    draft.view.usage = NO_USAGE; // what was used before was the other session's
    draft.put(null, { kind: 'forked', key: keyOf(event), source: event.data.source, name: event.data.name });
  },
  'preview.error': (draft, event) => {
    const known = draft.sameProblem(event.data);
    if (known) {
      draft.put(null, { ...known, times: known.times + 1, passed: false });
    } else {
      draft.put(draft.runningTurn(), {
        kind: 'problem',
        key: keyOf(event),
        problem: event.data,
        times: 1,
        passed: false
      });
    }
    draft.view.problems = [...draft.view.problems.filter(open => open !== known?.key), known?.key ?? keyOf(event)];
  },
  'approval.requested': (draft, event) => {
    draft.view.questions = [...draft.view.questions, event.data];
    draft.waitsFor(event.data.call, true);
    draft.put(event.data.turn, {
      kind: 'approval',
      key: event.data.approval,
      approval: event.data,
      granted: null,
      remembered: false,
      cause: null,
      byWhom: null
    });
  },
  'approval.given': (draft, event) => {
    const found = draft.item(event.data.approval);
    if (found?.kind === 'approval') {
      const { granted, remember = false, cause = null } = event.data;
      const byWhom = draft.person(event.data.by_whom);
      draft.put(null, { ...found, granted, remembered: remember, cause, byWhom });
      draft.waitsFor(found.approval.call, false);
    }
    draft.view.questions = draft.view.questions.filter(open => open.approval !== event.data.approval);
  },
  'network.changed': (draft, event) => {
    const { host, allowed, turn } = event.data;
    const hosts = new Map(draft.view.hosts);
    if (allowed) {
      hosts.set(host, turn ?? '');
    } else {
      hosts.delete(host);
    }
    draft.view.hosts = hosts;
    if (draft.runningTurn() === null || !allowed) {
      draft.put(draft.runningTurn(), { kind: 'network', key: keyOf(event), host, allowed }); // else the answer above says it
    }
  },
  'rule.changed': (draft, event) => {
    const last = draft.lastItem();
    const said = last?.kind === 'approval' && last.remembered && last.approval.allows?.includes(event.data.pattern);
    if (!said) {
      draft.put(draft.runningTurn(), { kind: 'rule', key: keyOf(event), rule: event.data });
    }
  },
  'network.refused': (draft, event) => {
    const last = draft.lastItem();
    if (last?.kind === 'refused' && last.host === event.data.host) {
      draft.put(null, { ...last, times: last.times + 1 });
    } else {
      draft.put(draft.runningTurn(), { kind: 'refused', key: keyOf(event), ...event.data, times: 1 });
    }
  },
  'app.published': (draft, event) => {
    const { name, number, url, accepted } = event.data;
    readersGet(draft, event.data.target, { ...event.data, at: event.at, refresh_failed: '' });
    put(draft, event, { what: 'published', name, number, url, accepted: accepted.length });
  },
  'publication.rolled_back': (draft, event) => {
    const { name, number, url } = event.data;
    readersGet(draft, event.data.target, { ...event.data, at: event.at, refresh_failed: '' });
    put(draft, event, { what: 'back', name, number, url, accepted: 0 });
  },
  'app.unpublished': (draft, event) => {
    readersGet(draft, event.data.target, null);
    put(draft, event, { what: 'unpublished', name: event.data.name, number: 0, url: '', accepted: 0 });
  },
  'data.refreshed': (draft, event) => {
    const item: RefreshItem = { kind: 'refresh', key: keyOf(event), refreshed: event.data };
    draft.put(draft.runningTurn(), item);
    draft.view.refreshed = item;
    const { target, state, message } = event.data;
    const known = draft.view.session?.published.find(one => one.target === target);
    if (known && state !== 'stopped') {
      readersGet(draft, target, { ...known, refresh_failed: message });
    }
  },
  'usage.recorded': (draft, event) => {
    const { turn: id, usage } = event.data;
    draft.view.usage = addUsage(draft.view.usage, usage);
    const turn = draft.turn(id);
    if (turn) {
      turn.usage = addUsage(turn.usage, usage);
    }
  },
  'budget.raised': (draft, event) => {
    draft.view.raised += 1;
    draft.put(draft.runningTurn(), { kind: 'budget', key: keyOf(event), ...event.data });
  },
  'turn.resumed': (draft, event) => {
    const turn = draft.turn(event.data.turn);
    if (turn) {
      turn.partial = null;
    }
    draft.put(event.data.turn, { kind: 'resumed', key: keyOf(event) });
  },
  'history.compacted': (draft, event) => {
    draft.put(event.data.turn, { kind: 'compacted', key: keyOf(event), compacted: event.data });
  },
  'turn.finished': (draft, event) => {
    finishTurn(draft, event.data, event.at);
  },
  'session.failed': (draft, event) => {
    draft.view.failure = event.data;
    draft.put(null, { kind: 'failure', key: keyOf(event), ...event.data });
  },
  'session.ready': draft => {
    draft.view.failure = null;
  },
  'session.updated': (draft, event) => {
    if (draft.view.session) {
      draft.view.session = { ...draft.view.session, ...event.data };
    }
  },
  'session.created': nothing,
  'session.ended': nothing,
  'sandbox.slept': nothing,
  'sandbox.woke': nothing,
  'preview.ready': draft => {
    draft.pass(({ problem }) => problem.kind === 'server');
  },
  'preview.pictured': (draft, { data }) => {
    const fresh = new Set(data.pictures.map(({ width }) => width));
    const pictures = draft.pictures();
    const others = (pictures.get(data.tree) ?? []).filter(({ width }) => !fresh.has(width));
    const all = [...others, ...data.pictures].sort((a, b) => a.width - b.width);
    pictures.set(data.tree, all);
  },
  'turn.briefed': nothing,
  'database.recorded': nothing
};

const liveReducers: { readonly [T in keyof LiveData]: (draft: Draft, data: LiveData[T]) => void } = {
  'reasoning.delta': (draft, data) => {
    const partial = draft.partial(data.turn, data.response);
    if (partial) {
      partial.reasoning += data.text;
    }
  },
  'text.delta': (draft, data) => {
    const partial = draft.partial(data.turn, data.response);
    if (partial) {
      partial.text += data.text;
    }
  },
  'tool.delta': (draft, data) => {
    const { turn, response, index, call, tool, arguments: piece } = data;
    const partial = draft.partial(turn, response);
    if (partial) {
      const calls = partial.tool_calls;
      partial.tool_calls = calls.some(known => known.index === index)
        ? calls.map(known =>
            known.index === index ? { ...known, tool: tool || known.tool, arguments: known.arguments + piece } : known
          )
        : [...calls, { index, call, tool, arguments: piece }];
    }
  },
  'tool.output': (draft, data) => {
    const found = draft.item(data.call);
    if (found?.kind === 'tool' && found.state === 'running') {
      draft.put(null, { ...found, output: (found.output + data.text).slice(-OUTPUT_KEPT) });
    }
  },
  progress: (draft, data) => {
    draft.view.progress = [
      ...draft.view.progress.filter(known => known.what !== data.what),
      ...(data.fraction !== null && data.fraction >= 1 ? [] : [data])
    ];
  },
  preview: (draft, data) => {
    draft.view.preview = data;
  },
  version: (draft, data) => {
    draft.view.version = data;
  },
  publishing: (draft, data) => {
    draft.view.publishing = data;
  },
  look: nothing
};

/** Readers get something else at a target from now on; null: nothing. */
function readersGet(draft: Draft, target: string, now: PublishedAs | null): void {
  const { session } = draft.view;
  if (session) {
    const others = session.published.filter(one => one.target !== target);
    draft.view.session = { ...session, published: now ? [...others, now] : others };
  }
}

function put(draft: Draft, event: AppEvent, told: Omit<PublicationItem, 'kind' | 'key'>): void {
  draft.put(draft.runningTurn(), { kind: 'publication', key: keyOf(event), ...told });
}

function completeResponse(draft: Draft, data: EventData['response.completed']): void {
  const turn = draft.turn(data.turn);
  if (!turn) {
    return;
  }
  turn.partial = null;
  turn.model = data.model;
  turn.recorded ||= data.recorded;
  turn.suggestions = data.suggestions ?? [];
  if (data.reasoning) {
    draft.put(data.turn, {
      kind: 'reasoning',
      key: reasoningKey(data.response),
      text: data.reasoning,
      ms: data.reasoning_ms ?? 0
    });
  }
  if (data.text.trim() !== '') {
    draft.put(data.turn, { kind: 'text', key: data.response, text: data.text, recorded: data.recorded });
  }
  for (const call of data.tool_calls) {
    draft.put(data.turn, { ...newTool(call.call, call.tool), arguments: readArguments(call.arguments) ?? {} });
  }
}

function finishTurn(draft: Draft, data: EventData['turn.finished'], at: string): void {
  const turn = draft.turn(data.turn);
  if (!turn) {
    return;
  }
  turn.finishedAt = at;
  turn.reason = data.reason;
  turn.message = data.message;
  turn.hint = data.hint;
  turn.error = data.error ?? '';
  turn.partial = null;
  turn.items = interrupted(turn.items);
  draft.view.progress = [];
  draft.view.questions = [];
  if ([...draft.view.hosts.values()].includes(data.turn)) {
    draft.view.hosts = new Map([...draft.view.hosts].filter(([, until]) => until !== data.turn));
  }
}

/** The key of an item that an event makes. */
function keyOf(event: AppEvent): string {
  return `e${event.seq}`;
}

function newTool(call: string, tool: string): ToolItem {
  return {
    kind: 'tool',
    key: call,
    tool,
    state: 'queued',
    arguments: {},
    by: 'agent',
    startedAt: null,
    output: '',
    result: null,
    files: []
  };
}
