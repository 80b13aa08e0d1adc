/**
 * What a session's view shows, as a pure function of the messages received: `receive(view, messages)`.
 *
 * Whatever does not change keeps its identity, so that only the turn a message touches is drawn again. A batch copies
 * each list at most once: ten thousand events are reduced in a few milliseconds.
 */

import type { AppEvent, ApprovalCause, By, EventData, LiveData, Mode, PreviewStatus, TurnReason, Usage } from '../wire/events';
import { asWritten, countLines, readArguments } from './partial';
import { NO_USAGE } from '../wire/transport';
import type { LiveMessage, PartialResponse, Snapshot, Summary, WireMessage } from '../wire/wire';

/** The tool that ticks items of a plan off. */
export const TICK_PLAN = 'tick_plan';

/** How much of a running command's output is kept for showing (characters, from the end). */
export const OUTPUT_KEPT = 60_000;

/** So many items back the same error is looked for. */
const LOOKED_AT = 200;

export interface TextItem {
  kind: 'text';
  key: string;
  text: string;
  recorded: boolean;
}

/** What the model thought before it answered. */
export interface ReasoningItem {
  kind: 'reasoning';
  key: string;
  text: string;
  /** How long it thought; null while it does. */
  ms: number | null;
}

/** What the person said while the agent was at work. */
export interface RequestItem {
  kind: 'request';
  key: string;
  /** Its number in the log. */
  seq: number;
  text: string;
}

export interface ToolItem {
  kind: 'tool';
  key: string;
  tool: string;
  /** queued: asked for, not begun. interrupted: the turn ended without a result. */
  state: 'queued' | 'running' | 'done' | 'failed' | 'interrupted';
  arguments: Readonly<Record<string, unknown>>;
  by: By;
  startedAt: string | null;
  output: string;
  result: EventData['tool.finished'] | null;
  files: readonly EventData['file.changed'][];
  /** It goes on once the person has answered. */
  waits?: boolean;
}

export interface FileItem {
  kind: 'file';
  key: string;
  change: EventData['file.changed'];
}

export interface RestoreItem {
  kind: 'restore';
  key: string;
  at: string;
  restored: EventData['session.restored'];
  /** The request that made the version gone back to, if the log knows it. */
  title: string;
}

export interface ProblemItem {
  kind: 'problem';
  key: string;
  problem: EventData['preview.error'];
  /** How often it came. */
  times: number;
  /** Files were changed since, or the dev server runs again, and it did not come again. */
  passed: boolean;
}

export interface ApprovalItem {
  kind: 'approval';
  key: string;
  approval: EventData['approval.requested'];
  granted: boolean | null;
  remembered: boolean;
  /** Why no person answered. */
  cause: ApprovalCause | null;
}

/** A connection that was refused. */
export interface RefusedItem {
  kind: 'refused';
  key: string;
  host: string;
  reason: string;
  times: number;
}

/** A host allowed or taken back by hand. */
export interface NetworkItem {
  kind: 'network';
  key: string;
  host: string;
  allowed: boolean;
}

/** The person let this session use more. */
export interface BudgetItem {
  kind: 'budget';
  key: string;
  dollars?: number;
  tokens?: number;
}

/** A rule of this app's that was made or taken back by hand. */
export interface RuleItem {
  kind: 'rule';
  key: string;
  rule: EventData['rule.changed'];
}

/** The server that ran the turn died; the next one went on with it. */
export interface ResumedItem {
  kind: 'resumed';
  key: string;
}

/** What the model remembers was shortened to a summary. */
export interface CompactedItem {
  kind: 'compacted';
  key: string;
  compacted: EventData['history.compacted'];
}

export interface PlanItem {
  kind: 'plan';
  /** The call or the response that wrote it. */
  key: string;
  plan: string;
  text: string;
  accepted: { at: string; edited: boolean; by: By } | null;
  /** A later plan stands for it. */
  replaced: boolean;
}

/** All before was taken over from another session. */
export interface ForkedItem {
  kind: 'forked';
  key: string;
  source: string;
  name: string;
}

export interface FailureItem {
  kind: 'failure';
  key: string;
  message: string;
  hint: string;
}

export type Item =
  | TextItem
  | ReasoningItem
  | ToolItem
  | FileItem
  | RestoreItem
  | ProblemItem
  | ApprovalItem
  | RefusedItem
  | NetworkItem
  | RuleItem
  | RequestItem
  | PlanItem
  | ResumedItem
  | ForkedItem
  | BudgetItem
  | CompactedItem
  | FailureItem;

/** The key of a response's reasoning, also while it comes. */
export function reasoningKey(response: string): string {
  return `${response}.reasoning`;
}

export interface Turn {
  kind: 'turn';
  key: string;
  turn: string;
  model: string;
  mode: Mode;
  request: string;
  /** The request's number in the log; 0 until it is known. */
  requestSeq: number;
  /** It was asked again: the checkpoint its files went back to, and the one that brings them back (none when it had
   * changed nothing), with what the person had changed since. */
  dropped: { checkpoint: string; previous: string | null; edits: boolean } | null;
  /** The plan that it builds, and the numbers of its items that were ticked off, by this turn or a later one. */
  builds: { plan: string; edited: boolean; done: readonly number[] } | null;
  startedAt: string;
  finishedAt: string | null;
  reason: TurnReason | null;
  message: string;
  hint: string;
  /** The code of what made it fail. */
  error: string;
  recorded: boolean;
  items: readonly Item[];
  usage: Usage;
  checkpoint: Checkpoint | null;
  /** The response that is arriving. */
  partial: PartialResponse | null;
}

/** What happened between turns: a person's edits, tool calls from the notebook, restores. */
export interface Aside {
  kind: 'aside';
  key: string;
  items: readonly Item[];
}

export type Entry = Turn | Aside;

export interface Checkpoint {
  checkpoint: string;
  parent: string | null;
  turn: string | null;
  title: string;
  files: number;
  added: number;
  removed: number;
  at: string;
  note?: string;
}

export interface SessionView {
  /** The last sequence number held. */
  seq: number;
  /** True once the first snapshot has come: everything stored is here. */
  caughtUp: boolean;
  session: Summary | null;
  entries: readonly Entry[];
  checkpoints: readonly Checkpoint[];
  usage: Usage;
  preview: PreviewStatus | null;
  progress: readonly LiveData['progress'][];
  failure: { message: string; hint: string } | null;
  /** Hosts that this session allows its code, with the turn at whose end it is over ("" for none). */
  hosts: ReadonlyMap<string, string>;
  /** How often the person raised this session's budget. */
  raised: number;
  /** The questions that wait for the person, in the order in which they were asked. */
  questions: readonly EventData['approval.requested'][];
  /** The keys of errors that have not passed. */
  problems: readonly string[];
}

export const EMPTY_VIEW: SessionView = {
  seq: 0,
  caughtUp: false,
  session: null,
  entries: [],
  checkpoints: [],
  usage: NO_USAGE,
  preview: null,
  progress: [],
  failure: null,
  hosts: new Map(),
  raised: 0,
  questions: [],
  problems: []
};

/** The view after the messages, in order. */
export function receive(view: SessionView, messages: readonly WireMessage[]): SessionView {
  const next = new Draft(view);
  for (const message of messages) {
    switch (message.kind) {
      case 'events':
        for (const event of message.events) {
          next.event(event);
        }
        break;
      case 'snapshot':
        next.snapshot(message);
        break;
      case 'live':
        next.live(message);
        break;
      case 'session':
        next.view.session = message.session;
        break;
    }
  }
  return next.finish();
}

/** The session's state as people are told it: without a sandbox nothing is ready. */
export function shownState({ session, preview }: SessionView): Summary['state'] | null {
  const unmade = preview?.state === 'failed' && preview.cause === 'sandbox';
  return session && (session.state === 'ready' && unmade ? 'failed' : session.state);
}

export function lastTurn(view: SessionView): Turn | null {
  for (let at = view.entries.length - 1; at >= 0; at--) {
    const entry = view.entries[at];
    if (entry?.kind === 'turn') {
      return entry;
    }
  }
  return null;
}

/** A request runs, or waits for the person. */
export function isBusy(view: SessionView): boolean {
  const { session } = view;
  return session?.state === 'busy' || session?.state === 'waiting' || (lastTurn(view)?.reason === null && !session?.trouble);
}

/** The last request was cut short, and can be gone on with. */
export function canGoOn(view: SessionView): boolean {
  const last = lastTurn(view);
  const cut = last !== null && last.reason !== null && last.reason !== 'done' && !last.dropped;
  return cut && !isBusy(view) && (view.session?.owned ?? false);
}

/** The last request can be made again. */
export function canRetry(view: SessionView): boolean {
  const last = lastTurn(view);
  return last !== null && last.reason !== null && !last.dropped && !isBusy(view) && (view.session?.owned ?? false);
}

/** The checkpoint whose files are in the workspace now, as far as the log tells; none once somebody edited by hand. */
export function currentCheckpoint(view: SessionView): string | null {
  for (const entry of [...view.entries].reverse()) {
    if (entry.kind === 'turn') {
      if (entry.dropped) {
        return entry.dropped.checkpoint;
      }
      if (entry.checkpoint) {
        return entry.checkpoint.checkpoint;
      }
      continue;
    }
    for (const item of [...entry.items].reverse()) {
      if (item.kind === 'restore') {
        return item.restored.checkpoint;
      }
      if (item.kind === 'file') {
        return null;
      }
    }
  }
  return null;
}

/** The version before what the files are now: with edits by hand, the last one that was kept. */
export function previousVersion(view: SessionView): Checkpoint | null {
  const { checkpoints } = view;
  const current = checkpoints.find(known => known.checkpoint === currentCheckpoint(view));
  if (!current) {
    return checkpoints[checkpoints.length - 1] ?? null;
  }
  return checkpoints.find(known => known.checkpoint === current.parent) ?? null;
}

/** The sum of two usages; a cost that is unknown stays unknown, unless nothing was used. */
export function addUsage(a: Usage, b: Usage): Usage {
  const used = (u: Usage): boolean => u.input_tokens + u.output_tokens > 0;
  const cost = a.cost === null || b.cost === null ? (used(a) ? (used(b) ? null : a.cost) : b.cost) : a.cost + b.cost;
  return {
    input_tokens: a.input_tokens + b.input_tokens,
    output_tokens: a.output_tokens + b.output_tokens,
    cached_tokens: a.cached_tokens + b.cached_tokens,
    cost,
    ...(a.estimated || b.estimated ? { estimated: true } : {})
  };
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };
type DraftTurn = Writable<Omit<Turn, 'items'>> & { items: Item[] };
type DraftAside = Writable<Omit<Aside, 'items'>> & { items: Item[] };

/** Where things lie in a list of entries. Nothing in it ever moves: what comes is added at an end. */
interface Places {
  items: Map<string, { entry: number; item: number }>;
  turns: Map<string, number>;
}

/** A live message looks something up in each frame: the places go on from list to list, to the latest one. */
const placesIn = new WeakMap<readonly Entry[], Places>();

/** One batch's copy-on-write view: the objects in `fresh` are ours to change. */
class Draft {
  readonly view: Writable<SessionView>;
  private entries: Entry[];
  private readonly fresh = new Set<object>();
  private places: Places | null = null;

  constructor(before: SessionView) {
    this.view = { ...before };
    this.entries = before.entries as Entry[];
  }

  finish(): SessionView {
    this.view.entries = this.entries;
    if (this.places) {
      placesIn.set(this.entries, this.places);
    }
    return this.view;
  }

  event(event: AppEvent): void {
    if (event.seq <= this.view.seq) {
      return; // sent twice around a reconnection
    }
    this.view.seq = event.seq;
    const key = `e${event.seq}`;
    switch (event.type) {
      case 'turn.started':
        this.startTurn(event.data.turn, event.data.model, event.at).mode = event.data.mode ?? 'build';
        break;
      case 'plan.written': {
        const { plan, text, source, turn } = event.data;
        for (const item of this.plans()) {
          this.put(null, { ...item, replaced: true });
        }
        this.put(turn, { kind: 'plan', key: source, plan, text, accepted: null, replaced: false });
        break;
      }
      case 'plan.accepted': {
        const { plan, turn: builder, edited, by } = event.data;
        const found = this.plans().find(item => item.plan === plan);
        if (found) {
          this.put(null, { ...found, accepted: { at: event.at, edited, by } });
        }
        const turn = this.turn(builder);
        if (turn) {
          turn.builds = { plan, edited, done: [] };
        }
        break;
      }
      case 'message.user': {
        const turn = this.turn(event.data.turn);
        if (turn && turn.request !== '') {
          this.put(event.data.turn, { kind: 'request', key, seq: event.seq, text: event.data.text });
        } else {
          const asked = turn ?? this.startTurn(event.data.turn, '', event.at);
          asked.request = event.data.text;
          asked.requestSeq = event.seq;
        }
        break;
      }
      case 'response.completed':
        this.response(event.data);
        break;
      case 'tool.started': {
        const { call, turn, by, tool } = event.data;
        const found = this.item(call);
        const started: ToolItem = {
          ...(found?.kind === 'tool' ? found : newTool(call, tool)),
          state: 'running',
          arguments: asWritten(event.data.arguments),
          by,
          startedAt: event.at
        };
        this.put(turn, started);
        break;
      }
      case 'tool.finished': {
        const { call, turn, tool, ok } = event.data;
        const found = this.item(call);
        this.put(turn, {
          ...(found?.kind === 'tool' ? found : newTool(call, tool)),
          state: ok ? 'done' : 'failed',
          result: event.data,
          output: ''
        });
        if (tool === TICK_PLAN) {
          this.tick();
        }
        break;
      }
      case 'file.changed': {
        this.pass(() => true);
        const { call } = event.data;
        const found = call === undefined ? undefined : this.item(call);
        if (found?.kind === 'tool') {
          this.put(null, { ...found, files: [...found.files, event.data] });
        } else {
          this.put(this.runningTurn(), { kind: 'file', key, change: event.data });
        }
        break;
      }
      case 'checkpoint.created': {
        const checkpoint: Checkpoint = { ...event.data, at: event.at };
        this.view.checkpoints = [...this.view.checkpoints, checkpoint];
        const turn = event.data.turn === null ? null : this.turn(event.data.turn);
        if (turn) {
          turn.checkpoint = checkpoint;
        }
        break;
      }
      case 'turn.dropped': {
        const at = this.entries.findIndex(entry => entry.kind === 'turn' && entry.turn === event.data.turn);
        const edits = this.entries.slice(at + 1).some(entry => entry.items.some(item => item.kind === 'file'));
        const turn = this.turn(event.data.turn);
        if (turn) {
          turn.dropped = { checkpoint: event.data.checkpoint, previous: null, edits };
          turn.items = turn.items.map(item => (item.kind === 'plan' ? { ...item, replaced: true } : item));
          this.tick();
        }
        break;
      }
      case 'session.restored': {
        this.pass(() => true);
        const last = this.turn(this.lastTurn());
        if (last?.dropped?.previous === null && last.dropped.checkpoint === event.data.checkpoint) {
          last.dropped = { ...last.dropped, previous: event.data.previous }; // its line says so
          break;
        }
        this.put(null, {
          kind: 'restore',
          key,
          at: event.at,
          restored: event.data,
          title: this.view.checkpoints.find(known => known.checkpoint === event.data.checkpoint)?.title ?? ''
        });
        break;
      }
      case 'session.forked':
        this.view.usage = NO_USAGE; // what was used before was the other session's
        this.put(null, { kind: 'forked', key, source: event.data.source, name: event.data.name });
        break;
      case 'preview.error': {
        const known = this.sameProblem(event.data);
        if (known) {
          this.put(null, { ...known, times: known.times + 1, passed: false });
        } else {
          this.put(this.runningTurn(), { kind: 'problem', key, problem: event.data, times: 1, passed: false });
        }
        this.view.problems = [...this.view.problems.filter(open => open !== known?.key), known?.key ?? key];
        break;
      }
      case 'approval.requested':
        this.view.questions = [...this.view.questions, event.data];
        this.waitsFor(event.data.call, true);
        this.put(event.data.turn, {
          kind: 'approval',
          key: event.data.approval,
          approval: event.data,
          granted: null,
          remembered: false,
          cause: null
        });
        break;
      case 'approval.given': {
        const found = this.item(event.data.approval);
        if (found?.kind === 'approval') {
          const { granted, remember = false, cause = null } = event.data;
          this.put(null, { ...found, granted, remembered: remember, cause });
          this.waitsFor(found.approval.call, false);
        }
        this.view.questions = this.view.questions.filter(open => open.approval !== event.data.approval);
        break;
      }
      case 'network.changed': {
        const { host, allowed, turn } = event.data;
        const hosts = new Map(this.view.hosts);
        if (allowed) {
          hosts.set(host, turn ?? '');
        } else {
          hosts.delete(host);
        }
        this.view.hosts = hosts;
        if (this.runningTurn() === null || !allowed) {
          this.put(this.runningTurn(), { kind: 'network', key, host, allowed }); // else the answer above says it
        }
        break;
      }
      case 'rule.changed': {
        const last = this.lastItem();
        const said = last?.kind === 'approval' && last.remembered && last.approval.allows?.includes(event.data.pattern);
        if (!said) {
          this.put(this.runningTurn(), { kind: 'rule', key, rule: event.data });
        }
        break;
      }
      case 'network.refused': {
        const last = this.lastItem();
        if (last?.kind === 'refused' && last.host === event.data.host) {
          this.put(null, { ...last, times: last.times + 1 });
        } else {
          this.put(this.runningTurn(), { kind: 'refused', key, ...event.data, times: 1 });
        }
        break;
      }
      case 'usage.recorded': {
        const { turn: id, usage } = event.data;
        this.view.usage = addUsage(this.view.usage, usage);
        const turn = this.turn(id);
        if (turn) {
          turn.usage = addUsage(turn.usage, usage);
        }
        break;
      }
      case 'budget.raised':
        this.view.raised += 1;
        this.put(this.runningTurn(), { kind: 'budget', key, ...event.data });
        break;
      case 'turn.resumed': {
        const turn = this.turn(event.data.turn);
        if (turn) {
          turn.partial = null;
        }
        this.put(event.data.turn, { kind: 'resumed', key });
        break;
      }
      case 'history.compacted':
        this.put(event.data.turn, { kind: 'compacted', key, compacted: event.data });
        break;
      case 'turn.finished':
        this.finishTurn(event.data, event.at);
        break;
      case 'session.failed':
        this.view.failure = event.data;
        this.put(null, { kind: 'failure', key, ...event.data });
        break;
      case 'session.ready':
        this.view.failure = null;
        break;
      case 'session.updated':
        if (this.view.session) {
          this.view.session = { ...this.view.session, ...event.data };
        }
        break;
      case 'session.created':
      case 'session.ended':
      case 'sandbox.slept':
      case 'sandbox.woke':
        break;
      case 'preview.ready':
        this.pass(({ problem }) => problem.kind === 'server');
        break;
      case 'turn.briefed':
        break;
    }
  }

  snapshot(snapshot: Snapshot): void {
    this.view.session = snapshot.session;
    this.view.preview = snapshot.preview;
    this.view.progress = snapshot.progress;
    this.view.caughtUp = true;
    this.entries.forEach((entry, at) => {
      if (entry.kind === 'turn' && entry.partial && entry.turn !== snapshot.response?.turn) {
        this.writableTurn(at).partial = null;
      }
    });
    if (snapshot.response) {
      const turn = this.turn(snapshot.response.turn);
      if (turn) {
        turn.partial = snapshot.response;
      }
    }
    for (const [call, output] of Object.entries(snapshot.outputs)) {
      const found = this.item(call);
      if (found?.kind === 'tool' && found.state === 'running') {
        this.put(null, { ...found, output: output.slice(-OUTPUT_KEPT) });
      }
    }
  }

  live(message: LiveMessage): void {
    switch (message.type) {
      case 'reasoning.delta': {
        const partial = this.partial(message.data.turn, message.data.response);
        if (partial) {
          partial.reasoning += message.data.text;
        }
        break;
      }
      case 'text.delta': {
        const partial = this.partial(message.data.turn, message.data.response);
        if (partial) {
          partial.text += message.data.text;
        }
        break;
      }
      case 'tool.delta': {
        const { turn, response, index, call, tool, arguments: piece } = message.data;
        const partial = this.partial(turn, response);
        if (partial) {
          const calls = partial.tool_calls;
          const at = calls.findIndex(known => known.index === index);
          const before = calls[at];
          if (before) {
            calls[at] = { ...before, tool: tool || before.tool, arguments: before.arguments + piece };
          } else {
            calls.push({ index, call, tool, arguments: piece });
          }
        }
        break;
      }
      case 'tool.output': {
        const found = this.item(message.data.call);
        if (found?.kind === 'tool' && found.state === 'running') {
          this.put(null, { ...found, output: (found.output + message.data.text).slice(-OUTPUT_KEPT) });
        }
        break;
      }
      case 'progress':
        this.view.progress = [
          ...this.view.progress.filter(known => known.what !== message.data.what),
          ...(message.data.fraction !== null && message.data.fraction >= 1 ? [] : [message.data])
        ];
        break;
      case 'preview':
        this.view.preview = message.data;
        break;
    }
  }

  private startTurn(turn: string, model: string, at: string): DraftTurn {
    const known = this.turn(turn);
    if (known) {
      return known;
    }
    const started: DraftTurn = {
      kind: 'turn',
      key: turn,
      turn,
      model,
      mode: 'build',
      request: '',
      requestSeq: 0,
      dropped: null,
      builds: null,
      startedAt: at,
      finishedAt: null,
      reason: null,
      message: '',
      hint: '',
      error: '',
      recorded: model.startsWith('demo:'),
      items: [],
      usage: NO_USAGE,
      checkpoint: null,
      partial: null
    };
    this.index().turns.set(turn, this.push(started));
    return started;
  }

  private response(data: EventData['response.completed']): void {
    const turn = this.turn(data.turn);
    if (!turn) {
      return;
    }
    turn.partial = null;
    turn.model = data.model;
    turn.recorded ||= data.recorded;
    if (data.reasoning) {
      this.put(data.turn, {
        kind: 'reasoning',
        key: reasoningKey(data.response),
        text: data.reasoning,
        ms: data.reasoning_ms ?? 0
      });
    }
    if (data.text.trim() !== '') {
      this.put(data.turn, { kind: 'text', key: data.response, text: data.text, recorded: data.recorded });
    }
    for (const call of data.tool_calls) {
      this.put(data.turn, { ...newTool(call.call, call.tool), arguments: readArguments(call.arguments) ?? {} });
    }
  }

  private finishTurn(data: EventData['turn.finished'], at: string): void {
    const turn = this.turn(data.turn);
    if (!turn) {
      return;
    }
    turn.finishedAt = at;
    turn.reason = data.reason;
    turn.message = data.message;
    turn.hint = data.hint;
    turn.error = data.error ?? '';
    turn.partial = null;
    turn.items.forEach((item, index) => {
      if (item.kind === 'tool' && (item.state === 'queued' || item.state === 'running')) {
        turn.items[index] = { ...item, state: 'interrupted' };
      }
    });
    this.view.progress = [];
    this.view.questions = [];
    if ([...this.view.hosts.values()].includes(data.turn)) {
      this.view.hosts = new Map([...this.view.hosts].filter(([, until]) => until !== data.turn));
    }
  }

  /** The same error where it was told before in this turn, or since the last one. */
  private sameProblem(problem: EventData['preview.error']): ProblemItem | undefined {
    const items = this.entries[this.entries.length - 1]?.items ?? [];
    for (let at = items.length - 1; at >= Math.max(0, items.length - LOOKED_AT); at--) {
      const item = items[at];
      if (item?.kind === 'problem' && item.problem.kind === problem.kind && item.problem.message === problem.message) {
        return item;
      }
    }
    return undefined;
  }

  /** What made these errors is no more, as far as is known: whatever comes again is told again. */
  private pass(which: (item: ProblemItem) => boolean): void {
    if (this.view.problems.length === 0) {
      return;
    }
    const stay: string[] = [];
    for (const key of this.view.problems) {
      const item = this.item(key);
      if (item?.kind === 'problem' && which(item)) {
        this.put(null, { ...item, passed: true });
      } else {
        stay.push(key);
      }
    }
    this.view.problems = stay;
  }

  private waitsFor(call: string | null | undefined, waits: boolean): void {
    const found = call ? this.item(call) : undefined;
    if (found?.kind === 'tool') {
      this.put(null, { ...found, waits });
    }
  }

  private partial(turnId: string, response: string): PartialResponse | null {
    const turn = this.turn(turnId);
    if (!turn || turn.reason !== null) {
      return null;
    }
    const held = turn.partial;
    if (held && held.response === response && this.fresh.has(held)) {
      return held;
    }
    const partial: PartialResponse =
      held && held.response === response
        ? { ...held, tool_calls: [...held.tool_calls] }
        : { turn: turnId, response, reasoning: '', text: '', tool_calls: [] };
    this.fresh.add(partial);
    turn.partial = partial;
    return partial;
  }

  /** The turn that has not finished, if any. */
  private runningTurn(): string | null {
    const last = this.entries[this.entries.length - 1];
    return last?.kind === 'turn' && last.reason === null ? last.turn : null;
  }

  private lastTurn(): string {
    return [...this.entries].reverse().find(entry => entry.kind === 'turn')?.turn ?? '';
  }

  private lastItem(): Item | undefined {
    const last = this.entries[this.entries.length - 1];
    return last?.items[last.items.length - 1];
  }

  /** Replace the item of that key, or add it to the turn, or to what happens between turns. */
  private put(turn: string | null, item: Item): void {
    const { items, turns } = this.index();
    const place = items.get(item.key);
    if (place) {
      this.writableEntry(place.entry).items[place.item] = item;
      return;
    }
    let at = turn === null ? -1 : (turns.get(turn) ?? -1);
    if (at < 0) {
      const last = this.entries.length - 1;
      const entry = this.entries[last];
      at = entry?.kind === 'aside' ? last : this.push({ kind: 'aside', key: `a${this.view.seq}`, items: [] });
    }
    const entry = this.writableEntry(at);
    entry.items.push(item);
    items.set(item.key, { entry: at, item: entry.items.length - 1 });
  }

  /** What the turns that build plans have done of them. What a dropped turn ticked off is open again. */
  private tick(): void {
    const turns = this.entries.filter(entry => entry.kind === 'turn');
    const ticks = turns
      .filter(turn => turn.dropped === null)
      .flatMap(turn => turn.items)
      .flatMap(item => (item.kind === 'tool' && item.tool === TICK_PLAN && item.state === 'done' ? [item.result?.detail] : []));
    for (const { builds, turn: id } of turns) {
      const turn = builds && this.turn(id);
      if (turn) {
        const done = ticks.flatMap(detail => (detail?.['plan'] === builds.plan ? (detail['done'] as number[]) : []));
        turn.builds = { ...builds, done: [...new Set(done)] };
      }
    }
  }

  private plans(): PlanItem[] {
    return this.entries.flatMap(entry => entry.items.filter(item => item.kind === 'plan'));
  }

  private item(key: string): Item | undefined {
    const place = this.index().items.get(key);
    return place && this.entries[place.entry]?.items[place.item];
  }

  private turn(turn: string): DraftTurn | null {
    const at = this.index().turns.get(turn);
    return at === undefined ? null : this.writableTurn(at);
  }

  private writableTurn(at: number): DraftTurn {
    return this.writableEntry(at) as DraftTurn;
  }

  private writableEntry(at: number): DraftTurn | DraftAside {
    const entry = this.entries[at];
    if (!entry) {
      throw new RangeError(`No entry ${at}`);
    }
    if (this.fresh.has(entry)) {
      return entry as DraftTurn | DraftAside;
    }
    this.copyEntries();
    const copy = { ...entry, items: [...entry.items] };
    this.fresh.add(copy);
    this.entries[at] = copy;
    return copy;
  }

  private push(entry: DraftTurn | DraftAside): number {
    this.copyEntries();
    this.fresh.add(entry);
    this.entries.push(entry);
    return this.entries.length - 1;
  }

  private copyEntries(): void {
    if (!this.fresh.has(this.entries)) {
      this.entries = [...this.entries];
      this.fresh.add(this.entries);
    }
  }

  private index(): Places {
    if (this.places) {
      return this.places;
    }
    const places = placesIn.get(this.entries) ?? placesOf(this.entries);
    placesIn.delete(this.entries); // they are this batch's to change
    this.places = places;
    return places;
  }
}

function placesOf(entries: readonly Entry[]): Places {
  const places: Places = { items: new Map(), turns: new Map() };
  entries.forEach((entry, at) => {
    if (entry.kind === 'turn') {
      places.turns.set(entry.turn, at);
    }
    entry.items.forEach((item, index) => places.items.set(item.key, { entry: at, item: index }));
  });
  return places;
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

/** Lines added and removed by the calls' file changes. */
export function linesChanged(item: ToolItem): { added: number; removed: number } {
  if (item.files.length > 0) {
    return item.files.reduce(
      (sum, file) => ({ added: sum.added + file.added, removed: sum.removed + file.removed }),
      { added: 0, removed: 0 }
    );
  }
  const { added, removed } = item.result?.detail ?? {};
  if (typeof added === 'number' || typeof removed === 'number') {
    return { added: Number(added ?? 0), removed: Number(removed ?? 0) };
  }
  const content = item.arguments['content'];
  return { added: typeof content === 'string' ? countLines(content) : 0, removed: 0 };
}
