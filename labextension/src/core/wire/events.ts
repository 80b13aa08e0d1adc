/**
 * The event log's vocabulary as the browser reads it; `jupyter_appbuilder/events.py` is where it is defined.
 *
 * An event of a type that is not listed here is kept out of the view and otherwise ignored, so that a newer server
 * can talk to an older panel.
 */

export type By = 'agent' | 'person' | 'notebook' | 'loop' | 'command';

/** Why no person answered a question. */
export type ApprovalCause = 'stopped' | 'interrupted' | 'unattended';

export type TurnReason = 'done' | 'stopped' | 'limit' | 'budget' | 'failed';

/** What a turn is for. */
export type Mode = 'build' | 'plan' | 'ask';

export type SessionState = 'creating' | 'ready' | 'busy' | 'waiting' | 'asleep' | 'failed' | 'ended';

export interface Usage {
  input_tokens: number;
  output_tokens: number;
  cached_tokens: number;
  /** US dollars; null where the price is not known. */
  cost: number | null;
  /** The provider did not say: counted from the text. */
  estimated?: boolean;
}

export interface ToolCallData {
  call: string;
  id: string;
  tool: string;
  /** JSON text as the model wrote it, possibly invalid. */
  arguments: string;
}

export interface EventData {
  'session.created': {
    name: string;
    title: string;
    path: string;
    template: string;
    template_tree: string;
    model: string;
    sandbox: string;
  };
  'session.ready': Record<string, never>;
  'session.updated': { title?: string; model?: string };
  'session.failed': { message: string; hint: string };
  'session.ended': Record<string, never>;
  'session.restored': { checkpoint: string; tree: string; previous: string; patch?: string };
  'session.forked': { source: string; name: string; message?: number };
  'sandbox.slept': Record<string, never>;
  'sandbox.woke': Record<string, never>;
  'turn.started': { turn: string; model: string; mode?: Mode; continues?: string };
  'turn.resumed': { turn: string };
  'turn.briefed': { turn: string; project: string; rules: string };
  /** What the model reads in place of all events up to `upto`. */
  'history.compacted': {
    turn: string;
    upto: number;
    summary: string;
    written_by: 'model' | 'log';
    tokens_before: number;
    tokens_after: number;
  };
  'turn.dropped': { turn: string; checkpoint: string };
  /** `error`: the code of what made it fail, such as "unauthorized". */
  'turn.finished': { turn: string; reason: TurnReason; message: string; hint: string; error?: string };
  'message.user': { turn: string; text: string };
  /** `source` is the call or the response whose text it is. */
  'plan.written': { plan: string; turn: string; text: string; source: string };
  /** `turn` builds it; its request holds the plan, as edited. */
  'plan.accepted': { plan: string; turn: string; edited: boolean; by: By };
  'response.completed': {
    turn: string;
    response: string;
    model: string;
    recorded: boolean;
    text: string;
    tool_calls: ToolCallData[];
    /** `unread_call`: it holds a call as text, which was not run. `stopped`: it broke off, and the text is what came. */
    finish_reason: string;
    usage: Usage;
    /** What the model thought, as far as its provider tells; never part of the text. */
    reasoning?: string;
    reasoning_ms?: number;
  };
  'tool.started': {
    turn: string | null;
    call: string;
    tool: string;
    arguments: Record<string, unknown>;
    by: By;
  };
  'tool.finished': {
    turn: string | null;
    call: string;
    tool: string;
    ok: boolean;
    summary: string;
    text: string;
    detail: Record<string, unknown>;
    duration_ms: number;
    patch?: string;
  };
  'file.changed': {
    path: string;
    change: 'created' | 'modified' | 'deleted';
    by: By;
    added: number;
    removed: number;
    call?: string;
    patch?: string;
  };
  'checkpoint.created': {
    /** For people: what of the app's own data is not kept with it, and why. */
    note?: string;
    checkpoint: string;
    tree: string;
    parent: string | null;
    turn: string | null;
    title: string;
    files: number;
    added: number;
    removed: number;
  };
  'preview.ready': { duration_ms: number };
  'preview.error': {
    kind: 'server' | 'build' | 'page' | 'network';
    message: string;
    stack?: string;
    source?: string;
  };
  'approval.requested': {
    approval: string;
    turn: string | null;
    call: string;
    question: string;
    /** What it is about: "network" … */
    kind?: string;
    /** Of that kind, e.g. "api.example.org:443". */
    subject?: string;
    /** Why, in the words of whoever asks. */
    reason?: string;
    /** Whether the answer can hold for this app, not only this once. */
    remember?: boolean;
    /** The approval rule that made it ask; `what` is the part of the call that it fits. */
    rule?: { pattern: string; source: RuleSource; what: string };
    /** The patterns that would be allowed for this app. */
    allows?: readonly string[];
  };
  'approval.given': { approval: string; granted: boolean; remember?: boolean; cause?: ApprovalCause };
  'network.changed': { host: string; allowed: boolean; by: By; turn?: string };
  'network.refused': { host: string; reason: string };
  'rule.changed': { tool: string; pattern: string; action: RuleAction; holds: boolean; by: By };
  'usage.recorded': { turn: string; model: string; usage: Usage; response?: string };
  'budget.raised': { dollars?: number; tokens?: number };
}

export type RuleAction = 'allow' | 'ask' | 'deny';

/** Who wrote an approval rule: the administrator, the person (for all apps, or for one), nobody: it is built in. */
export type RuleSource = 'configuration' | 'person' | 'app' | 'default';

export type EventType = keyof EventData;

/** One stored event: a union over the types above, told apart by `type`. */
export type AppEvent = {
  [T in EventType]: { seq: number; at: string; type: T; v: number; data: EventData[T] };
}[EventType];

export interface LiveData {
  'reasoning.delta': { turn: string; response: string; text: string };
  'text.delta': { turn: string; response: string; text: string };
  'tool.delta': { turn: string; response: string; index: number; call: string; tool: string; arguments: string };
  'tool.output': { call: string; stream: 'stdout' | 'stderr'; text: string };
  progress: { what: string; message: string; fraction: number | null };
  preview: PreviewStatus;
}

export interface PreviewStatus {
  state: 'stopped' | 'starting' | 'ready' | 'failed' | 'asleep';
  /** A capability: it opens the preview to whoever knows it. Never store it. */
  url: string | null;
  message: string;
  fraction: number | null;
  log?: string;
  /** It failed since no sandbox can be made: nothing in the app is wrong. */
  cause?: 'sandbox';
}
