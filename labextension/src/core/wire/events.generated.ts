/** Written by scripts/wire_types.py from jupyter_appbuilder/events.py: change that, and run it again. */

/** The model whose answers come from recordings, as sessions and turns name it. */
export const DEMO = 'demo:recorded';

/**
 * Who did it: the model; the person in the panel or the editor; a notebook cell; our own agent loop; a process
 * in the sandbox.
 */
export type By = 'agent' | 'person' | 'notebook' | 'loop' | 'command';

export type TurnReason = 'done' | 'stopped' | 'limit' | 'budget' | 'failed';

/** What a turn is for: changing the app; reading it and writing a plan; answering about it. */
export type Mode = 'build' | 'plan' | 'ask';

export type SessionState = 'creating' | 'ready' | 'busy' | 'waiting' | 'asleep' | 'failed' | 'ended';

/** Why no person answered: the turn was stopped, the server ended, or nobody was there to ask. */
export type ApprovalCause = 'stopped' | 'interrupted' | 'unattended';

export type RuleAction = 'allow' | 'ask' | 'deny';

/**
 * Who wrote an approval rule: the administrator, the person (for all apps, or for one), or nobody: it is built
 * in.
 */
export type RuleSource = 'configuration' | 'person' | 'app' | 'default';

/** Who it was of several people: as the server knows them (Jupyter's identity provider), never as a page says. */
export interface Person {
  /** what they log in as */
  id: string;
  /** as they are shown to others */
  name: string;
}

export interface SessionCreated {
  /** the folder's name, unique below <root>/appbuilder */
  name: string;
  title: string;
  /** the Jupyter root it was made in, absolute */
  root: string;
  /** the session's folder, relative to the root, with forward slashes */
  path: string;
  template: string;
  /** git tree hash of the template's files */
  template_tree: string;
  /** "provider:name" */
  model: string;
  /** provider name */
  sandbox: string;
  /** what its database is: "postgresql"; absent for SQLite, and for none */
  database?: string;
}

/** The workspace stands and holds the template's files. */
export type SessionReady = Record<string, never>;

/** Where the list has an app: among the others, put away, or to be deleted. */
export type Shelf = 'apps' | 'archive' | 'trash';

export interface SessionUpdated {
  title?: string;
  model?: string;
  pinned?: boolean;
  shelf?: Shelf;
  tags?: readonly string[];
}

export interface SessionFailed {
  message: string;
  hint: string;
}

export type SessionEnded = Record<string, never>;

/** All before this event was taken over from another session, with its numbers. */
export interface SessionForked {
  /** that session's id */
  source: string;
  /** its folder's name, for people */
  name: string;
  /** number of the message there that this session begins in place of */
  message?: number;
}

export type SandboxSlept = Record<string, never>;

export type SandboxWoke = Record<string, never>;

export interface TurnStarted {
  /** "t1", "t2" … */
  turn: string;
  model: string;
  /** "build" where it is not said */
  mode?: Mode;
  /** the turn it goes on from, that had come to no end */
  continues?: string;
}

export interface KeptPicture {
  /** of its bytes; `log.pictures` may have it no longer */
  sha256: string;
  /** px */
  width: number;
  height: number;
  /** what is to be seen, in words */
  alt: string;
  media_type: string;
}

/** A file that the person handed in with a message, kept beside the log (`log.blobs`). */
export interface Attachment {
  /** of its bytes */
  sha256: string;
  /** of the file alone, without a folder */
  name: string;
  media_type: string;
  /** bytes */
  size: number;
  /** what it says, as far as a model is told, with what was left out */
  text?: string;
  /** it, or a smaller copy, as people and models are shown it; kept as the file is */
  picture?: KeptPicture;
}

/**
 * Something of the app's page that the person pointed at, as far as the app's files bear it out. What the page
 * said of it is material, no instruction.
 */
export interface PointedData {
  /** of the element, "button" */
  tag: string;
  /** what it shows, in one line, shortened */
  text: string;
  /** the app's page, "/about" */
  path: string;
  /** CSS, in that page */
  selector?: string;
  /** the component or element that is written at the place */
  name?: string;
  /** of the app */
  file?: string;
  /** from 1, as it was then */
  line?: number;
  column?: number;
  /** the place was found by what the element shows, not told by the page */
  by_text?: boolean;
  /** the lines there, numbered */
  excerpt?: string;
  /** places that it is written at, too: "src/components/ui/button.tsx:40:5" */
  also?: readonly string[];
  props?: Readonly<Record<string, string>>;
  /** of a region: left, top, width, height in pixels of the page */
  box?: readonly number[];
  /** texts in a region */
  within?: readonly string[];
  /** how it looked, kept as files of messages are */
  picture?: KeptPicture;
}

export interface MessageUser {
  turn: string;
  text: string;
  attachments?: readonly Attachment[];
  pointed?: readonly PointedData[];
  /** absent where the server does not know people apart, and in older logs */
  by_whom?: Person;
}

export interface ToolCallData {
  /** ours, unique in the session: "<response>.<index>" */
  call: string;
  /** the provider's own id, echoed back to it */
  id: string;
  tool: string;
  /** raw JSON text as the model wrote it, possibly invalid */
  arguments: string;
}

export interface UsageData {
  input_tokens: number;
  output_tokens: number;
  cached_tokens: number;
  /** US dollars; None where the price is not known */
  cost: number | null;
  /** the provider did not say: counted from the text, four characters a token */
  estimated?: boolean;
}

/** What a provider put beside a response's text and calls: signatures, reasoning, whatever else it adds. Opaque. */
export interface AddedData {
  /** the endpoint and model that answered: all of this, and its ids, go back to no other */
  by: string;
  /** fields of the message */
  message: Readonly<Record<string, unknown>>;
  /** fields of each of its calls, in their order; empty where none has any */
  calls: readonly Readonly<Record<string, unknown>>[];
}

/** One whole model response, stored before any of its tools runs. */
export interface ResponseCompleted {
  turn: string;
  /** "r1", "r2" … */
  response: string;
  model: string;
  /** True when the answer comes from a shipped recording (the demo model) */
  recorded: boolean;
  text: string;
  tool_calls: readonly ToolCallData[];
  /**
   * stop, tool_calls, length, content_filter; "unread_call": it holds a call as text that was not run; "stopped":
   * it broke off, and holds the words that came
   */
  finish_reason: string;
  usage: UsageData;
  /** the last event that the model was shown */
  read?: number;
  /** what it thought, as far as the provider tells: for people, never content */
  reasoning?: string;
  /** how long it thought */
  reasoning_ms?: number;
  /** what to ask for next: three at most, a short line each, no part of the text */
  suggestions?: readonly string[];
}

export interface ToolStarted {
  /** None for a call made outside a turn */
  turn: string | null;
  call: string;
  tool: string;
  arguments: Readonly<Record<string, unknown>>;
  by: By;
}

export interface ToolFinished {
  turn: string | null;
  call: string;
  tool: string;
  ok: boolean;
  /** one line for the feed */
  summary: string;
  /** the full result; what the model gets is a bounded view of it */
  text: string;
  /**
   * JSON, by tool: path, added, removed, diff, exit_code, errors … For any tool, `diagnostics`: new problems in
   * the code, which the end of `text` tells, too: {problems: [{path, line, column, code, message}], more, gone,
   * remaining, length}, with the length of what was added to the text in characters; and `page_news`, what the
   * page reported meanwhile, told there as well: {findings: [a preview.error's data], more, length}.
   */
  detail: Readonly<Record<string, unknown>>;
  duration_ms: number;
  /** `git diff --binary` of all a command changed on disk */
  patch?: string;
  pictures?: readonly KeptPicture[];
}

export interface FileChanged {
  path: string;
  change: 'created' | 'modified' | 'deleted';
  by: By;
  /** lines */
  added: number;
  removed: number;
  /** the tool call that did it, if one did */
  call?: string;
  /** for changes no tool call explains (by == "person"): `git diff --binary` */
  patch?: string;
  /** git tree hash of all the log accounts for, with the events stored beside this one */
  tree?: string;
}

/** See `databases.contents.TableContent`. */
export interface TableHash {
  table: string;
  rows: number;
  hash: string;
  by?: readonly string[];
  varies?: boolean;
  unwatched?: boolean;
}

/** What an app's database holds, in hashes. */
export interface DatabaseHash {
  schema: string;
  /** migrations */
  applied: readonly string[];
  tables: readonly TableHash[];
}

export interface CheckpointCreated {
  /** git commit hash */
  checkpoint: string;
  /** git tree hash */
  tree: string;
  parent: string | null;
  turn: string | null;
  title: string;
  files: number;
  added: number;
  removed: number;
  /** for people: what of the app's own data is not kept with it, and why */
  note?: string;
  /** whether it has a copy of what the app wrote */
  data?: boolean;
  database?: DatabaseHash;
  /** what its database held follows, as `database.recorded` */
  database_later?: boolean;
}

/** What an app's database held in a version that was made before: worked out beside everything else. */
export interface DatabaseRecorded {
  checkpoint: string;
  database: DatabaseHash;
}

/** The person gave a version a name, or took it away. */
export interface VersionNamed {
  checkpoint: string;
  /** "" where it has none any more */
  name: string;
}

export interface SessionRestored {
  /** the checkpoint gone back to */
  checkpoint: string;
  tree: string;
  /** the checkpoint that held the state before, so that a restore can be undone */
  previous: string;
  patch?: string;
  /** False where what the app wrote stayed */
  data?: boolean;
}

export interface PreviewReady {
  duration_ms: number;
}

/** How the app's page looked in a window of one width, from its top down. */
export interface PagePicture {
  /** of the window, CSS px: one of `eyes.base.PICTURED` */
  width: number;
  picture: KeptPicture;
  /** of what is in view at first, small */
  thumbnail: KeptPicture;
}

/** How the app looked, with the files of one tree: any version with that tree looked so. */
export interface PreviewPictured {
  /** git tree hash */
  tree: string;
  pictures: readonly PagePicture[];
}

export interface PreviewError {
  kind: 'server' | 'build' | 'page' | 'network';
  message: string;
  stack?: string;
  /** file:line:column where known */
  source?: string;
}

/** The approval rule that made a call ask. */
export interface AskingRule {
  pattern: string;
  source: RuleSource;
  /** the part of the call that it fits; empty where that is the whole, or cannot be put in words */
  what: string;
}

export interface ApprovalRequested {
  /** unique in the session */
  approval: string;
  /** None for a call made outside a turn */
  turn: string | null;
  /** the tool call that asks */
  call: string;
  /** one sentence, for people */
  question: string;
  /** what it is about, for programs: "network" … */
  kind?: string;
  /** of that kind, e.g. "api.example.org:443" */
  subject?: string;
  /** why, in the words of whoever asks */
  reason?: string;
  /** whether the answer can hold for this app, not only this once */
  remember?: boolean;
  rule?: AskingRule;
  /** the patterns that would be allowed for this app */
  allows?: readonly string[];
}

export interface ApprovalGiven {
  approval: string;
  granted: boolean;
  remember?: boolean;
  cause?: ApprovalCause;
  /** as of a message */
  by_whom?: Person;
}

/** Which hosts the app's code may reach at run time. */
export interface NetworkChanged {
  /** "api.example.org:443", "*.example.org:443" */
  host: string;
  allowed: boolean;
  by: By;
  /** it holds until this turn ends */
  turn?: string;
}

/** Code in the sandbox asked for a host that is not on the list. */
export interface NetworkRefused {
  /** "api.example.org:443" */
  host: string;
  /** for people */
  reason: string;
}

/** What the person allows the agent, has it ask for or denies it, in this app. */
export interface RuleChanged {
  tool: string;
  pattern: string;
  action: RuleAction;
  /** False: taken back */
  holds: boolean;
  by: By;
}

/** Something that the gate found, and that the person publishes anyway. */
export interface AcceptedFinding {
  id: string;
  /** "secret", "personal_data", "check" … (publishing.base.GateKind, or "check") */
  kind: string;
  message: string;
  /** the person's */
  reason: string;
}

/** Readers get this version from now on. */
export interface AppPublished {
  /** "here", "folder" … */
  target: string;
  /** of the publication */
  name: string;
  /** of the release, from 1 */
  number: number;
  checkpoint: string;
  /** "" where the target has none */
  url: string;
  /** for people: what is left to be done there */
  note: string;
  /** the oldest time at which data in it was handed over */
  data_as_of: string | null;
  accepted: readonly AcceptedFinding[];
}

/** Readers get nothing there any more. */
export interface AppUnpublished {
  target: string;
  name: string;
}

/** Readers get an earlier release again. */
export interface PublicationRolledBack {
  target: string;
  name: string;
  number: number;
  checkpoint: string;
  url: string;
  data_as_of: string | null;
}

/** A notebook was run again for the app's data, by its schedule or because somebody asked. */
export interface DataRefreshed {
  /** from 1 */
  run: number;
  /** "schedule" or "person" */
  by: string;
  /** "done"; "failed" and "stopped": readers have what they had */
  state: string;
  /** why it failed, for people */
  message: string;
  hint: string;
  /** that the app has anew */
  datasets: readonly string[];
  target: string;
  /** that readers got of it */
  release: number | null;
  /** of what readers have now */
  data_as_of: string | null;
}

export interface UsageRecorded {
  turn: string;
  model: string;
  usage: UsageData;
  /** the step it was for; absent where the answer was thrown away, and for our own requests */
  response?: string;
}

/** The person lets this session use more. A part that is absent stays as it was. */
export interface BudgetRaised {
  /** US dollars */
  dollars?: number;
  tokens?: number;
}

/** What a turn in plan mode came to. Stored with its end. */
export interface PlanWritten {
  /** "p1", "p2" … */
  plan: string;
  turn: string;
  /** Markdown */
  text: string;
  /** the call or the response whose text it is */
  source: string;
}

/** The person wants it built. The turn's message holds the plan, as edited. */
export interface PlanAccepted {
  plan: string;
  /** the one that builds it */
  turn: string;
  edited: boolean;
  by: By;
  /** as of a message */
  by_whom?: Person;
}

/** The process that ran the turn died; another one took it up where the log ends. */
export interface TurnResumed {
  turn: string;
}

/** What the model is told of the app as a turn begins. Stored only where it differs from what it was told last. */
export interface TurnBriefed {
  turn: string;
  /** a map of the app: its files, what they export, its packages */
  project: string;
  /** what APPBUILDER.md in the app's folder says; empty where there is none */
  rules: string;
  /** what was reported since the agent worked last */
  found?: readonly PreviewError[];
}

/** From here on the model's view of the events up to `upto` is this summary, and what the person asked. */
export interface HistoryCompacted {
  turn: string;
  /** sequence number */
  upto: number;
  summary: string;
  /** log: the model could not; it was put together from the events */
  written_by: 'model' | 'log';
  /** of the model's view, as reported or estimated */
  tokens_before: number;
  tokens_after: number;
}

/**
 * The person had a turn asked again: its files are gone back on (`session.restored` follows where there were
 * any), and the model is not shown it any more. The turn that follows is the new try.
 */
export interface TurnDropped {
  turn: string;
  /** of the files before that turn */
  checkpoint: string;
}

export interface TurnFinished {
  turn: string;
  reason: TurnReason;
  /** for people; empty when all is well */
  message: string;
  /** the next step, if any */
  hint: string;
  /** of a failed one: the error's code, such as "unauthorized" */
  error?: string;
}

/** What the model thinks before it answers. */
export interface ReasoningDelta {
  turn: string;
  response: string;
  text: string;
}

export interface TextDelta {
  turn: string;
  response: string;
  text: string;
}

/** A piece of a tool call's JSON arguments. */
export interface ToolDelta {
  turn: string;
  response: string;
  index: number;
  call: string;
  tool: string;
  arguments: string;
}

export interface ToolOutput {
  call: string;
  stream: 'stdout' | 'stderr';
  text: string;
}

/** Long work outside a tool call. */
export interface Progress {
  /** "dependencies" … */
  what: string;
  message: string;
  fraction: number | null;
}

export interface PreviewStatus {
  state: 'stopped' | 'starting' | 'ready' | 'failed' | 'asleep';
  /** a capability: it opens the preview to whoever knows it, so it is never stored */
  url: string | null;
  message: string;
  fraction: number | null;
  /** the end of the dev server's output */
  log: string;
  /** it failed since no sandbox can be made: nothing in the app is wrong */
  cause?: 'sandbox';
}

/** An earlier version that runs beside the present one, to be looked at. */
export interface VersionStatus {
  checkpoint: string;
  state: 'stopped' | 'starting' | 'ready' | 'failed' | 'asleep';
  /** as that of `PreviewStatus` */
  url: string | null;
  message: string;
  fraction: number | null;
  log: string;
  /** whose data it has a copy of; "" for an app that keeps none */
  data: '' | 'version' | 'present';
  /** for people: what of the data it lacks, and why */
  note: string;
}

/** One part of publishing. */
export interface PublishingStep {
  step: 'build' | 'check' | 'scenarios' | 'gate' | 'hand_over';
  state: 'waiting' | 'running' | 'done' | 'failed' | 'skipped';
  /** for people: what it does, or came to */
  message: string;
}

/** What keeps a version from being published until the person says why it may be. */
export interface PublishingFinding {
  /** the same for the same thing in the next version */
  id: string;
  kind: string;
  severity: 'high' | 'medium' | 'low';
  message: string;
  path: string;
  line: number | null;
  /** "app", "bundle", "history", "data", "page" */
  where: string;
  excerpt: string;
  count: number | null;
  hint: string;
  /** the agent can be asked to */
  fixable: boolean;
  /** an administrator decided that no reason will do */
  hard: boolean;
  /** the person's reason */
  accepted: string | null;
}

/** A version on its way to its readers, or how that ended. */
export interface PublishingStatus {
  /** which try */
  publish: string;
  target: string;
  /** of the publication */
  name: string;
  checkpoint: string;
  /** of the release, once it has one */
  number: number | null;
  /** waiting: for answers to what was found */
  state: 'running' | 'waiting' | 'done' | 'failed' | 'stopped';
  steps: readonly PublishingStep[];
  findings: readonly PublishingFinding[];
  /** the end of what the build and the target said */
  log: string;
  /** for people: why it failed */
  message: string;
  hint: string;
  url: string;
  /** for people: what is left to be done at the target */
  note: string;
  /** there is an archive to take away */
  file: boolean;
}

/** What an open preview is to do, in a frame of its own, for whoever looks at the app. */
export interface LookRequest {
  /** of the answer that is waited for; 0 where none is */
  number: number;
  /** which of the open previews; "" for all of them */
  viewer: string;
  act: 'offer' | 'open' | 'rest' | 'describe' | 'look' | 'findings' | 'step' | 'end' | 'outcome';
  details: Readonly<Record<string, unknown>>;
}

/** The data of every stored event, by its type. */
export interface EventData {
  'session.created': SessionCreated;
  'session.ready': SessionReady;
  'session.updated': SessionUpdated;
  'session.failed': SessionFailed;
  'session.ended': SessionEnded;
  'session.restored': SessionRestored;
  'session.forked': SessionForked;
  'sandbox.slept': SandboxSlept;
  'sandbox.woke': SandboxWoke;
  'turn.started': TurnStarted;
  'turn.resumed': TurnResumed;
  'turn.briefed': TurnBriefed;
  'turn.dropped': TurnDropped;
  'turn.finished': TurnFinished;
  'message.user': MessageUser;
  'history.compacted': HistoryCompacted;
  'plan.written': PlanWritten;
  'plan.accepted': PlanAccepted;
  'response.completed': ResponseCompleted;
  'tool.started': ToolStarted;
  'tool.finished': ToolFinished;
  'file.changed': FileChanged;
  'checkpoint.created': CheckpointCreated;
  'database.recorded': DatabaseRecorded;
  'version.named': VersionNamed;
  'preview.ready': PreviewReady;
  'preview.error': PreviewError;
  'preview.pictured': PreviewPictured;
  'approval.requested': ApprovalRequested;
  'approval.given': ApprovalGiven;
  'network.changed': NetworkChanged;
  'network.refused': NetworkRefused;
  'rule.changed': RuleChanged;
  'app.published': AppPublished;
  'app.unpublished': AppUnpublished;
  'publication.rolled_back': PublicationRolledBack;
  'data.refreshed': DataRefreshed;
  'usage.recorded': UsageRecorded;
  'budget.raised': BudgetRaised;
}

/** The data of every live message, by its type. */
export interface LiveData {
  'reasoning.delta': ReasoningDelta;
  'text.delta': TextDelta;
  'tool.delta': ToolDelta;
  'tool.output': ToolOutput;
  'progress': Progress;
  'preview': PreviewStatus;
  'version': VersionStatus;
  'publishing': PublishingStatus;
  'look': LookRequest;
}
