/** What a session's view consists of. */

import type {
  ApprovalCause,
  By,
  EventData,
  LiveData,
  Mode,
  Person,
  PointedData,
  PreviewStatus,
  TurnReason,
  Usage,
  PublishingStatus,
  VersionStatus
} from '../wire/events';
import type { Attachment } from '../wire/events.generated';
import type { PartialResponse, Summary } from '../wire/wire';
import { NOBODY, type Participants } from './people';
import { NO_USAGE } from './usage';

/** The tool that ticks items of a plan off. */
export const TICK_PLAN = 'tick_plan';
export const TRY_SCENARIOS = 'try_scenarios';

/** How much of a running command's output is kept for showing (characters, from the end). */
export const OUTPUT_KEPT = 60_000;

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
  /** The files that came with it. */
  files: readonly Attachment[];
  /** At what the person pointed with it. */
  pointed: readonly PointedData[];
  /** Who said it, where the server knows people apart. */
  byWhom: Person | null;
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

/** What people are to know of a version that no turn made. */
export interface NoteItem {
  kind: 'note';
  key: string;
  text: string;
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
  /** Who answered, where the server knows people apart. */
  byWhom: Person | null;
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

/** Readers got another version of the app, or none any more. */
export interface PublicationItem {
  kind: 'publication';
  key: string;
  what: 'published' | 'back' | 'unpublished';
  name: string;
  /** Of the release; 0 where there is none any more. */
  number: number;
  url: string;
  /** So many things that the gate found were let through. */
  accepted: number;
}

/** A notebook was run again for the data that readers have. */
export interface RefreshItem {
  kind: 'refresh';
  key: string;
  refreshed: EventData['data.refreshed'];
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
  accepted: { at: string; edited: boolean; by: By; byWhom: Person | null } | null;
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
  | NoteItem
  | ProblemItem
  | ApprovalItem
  | RefusedItem
  | NetworkItem
  | RuleItem
  | PublicationItem
  | RefreshItem
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
  /** At what the person pointed with it. */
  pointed: readonly PointedData[];
  /** The request's number in the log; 0 until it is known. */
  requestSeq: number;
  /** Who asked, where the server knows people apart. */
  byWhom: Person | null;
  /** The files that came with it. */
  files: readonly Attachment[];
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
  /** What its last answer suggests to ask for next. */
  suggestions: readonly string[];
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

export type PagePicture = EventData['preview.pictured']['pictures'][number];

export interface Checkpoint {
  checkpoint: string;
  /** Of its files: versions with the same look the same. */
  tree: string;
  parent: string | null;
  turn: string | null;
  title: string;
  files: number;
  added: number;
  removed: number;
  at: string;
  note?: string;
  /** What the person calls it. */
  name?: string;
  /** It has a copy of what the app wrote. */
  data?: boolean;
}

/** Which version of an app, as people call it. */
export interface ShownVersion {
  checkpoint: string;
  /** Counted from 1. */
  number: number;
  title: string;
}

export interface SessionView {
  /** The last sequence number held. */
  seq: number;
  /** True once the first snapshot has come: everything stored is here. */
  caughtUp: boolean;
  session: Summary | null;
  entries: readonly Entry[];
  checkpoints: readonly Checkpoint[];
  /** Of the files as they are now, as far as the log tells; "" where it does not. */
  tree: string;
  /** How the app looked, by the tree of its files; of each width the last. */
  pictures: ReadonlyMap<string, readonly PagePicture[]>;
  usage: Usage;
  preview: PreviewStatus | null;
  /** The earlier version that is shown, or was last. */
  version: VersionStatus | null;
  /** What is on its way to its readers, or was last. */
  publishing: PublishingStatus | null;
  /** What came of refreshing readers' data the last time. */
  refreshed: RefreshItem | null;
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
  /** What the app can do, as it was tried last, by name. */
  scenarios: ReadonlyMap<string, Scenario>;
  /** What those who take part are called, by what they log in as. */
  people: Participants;
}

/** How a scenario was tried last (`eyes.scenarios.Outcome`). */
export interface Scenario {
  name: string;
  title: string;
  ok: boolean;
  /** Its steps changed since, or it never was. */
  untried?: true;
  /** It was tried before the app's files changed last. */
  before?: true;
  /** Why it failed, and at which step, from 1. */
  message?: string;
  step?: number;
}

export const EMPTY_VIEW: SessionView = {
  seq: 0,
  caughtUp: false,
  session: null,
  entries: [],
  checkpoints: [],
  tree: '',
  pictures: new Map(),
  usage: NO_USAGE,
  preview: null,
  version: null,
  publishing: null,
  refreshed: null,
  progress: [],
  failure: null,
  hosts: new Map(),
  raised: 0,
  questions: [],
  problems: [],
  scenarios: new Map(),
  people: NOBODY
};

/** The items as they are once nothing runs any more. */
export function interrupted(items: readonly Item[]): Item[] {
  return items.map(item =>
    item.kind === 'tool' && (item.state === 'queued' || item.state === 'running')
      ? { ...item, state: 'interrupted' }
      : item
  );
}
