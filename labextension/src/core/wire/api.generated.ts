/** Written by scripts/wire_types.py from jupyter_appbuilder/server/openapi.yaml: change that, and run it again. */

import type { AcceptedFinding, KeptPicture, Mode, PagePicture, PointedData, PreviewStatus, Progress, PublishingStatus, RuleAction, RuleSource, SessionState, Shelf, TurnReason, UsageData, VersionStatus } from './events.generated';

/** What a page says that was pointed at. Other keys are passed over. */
export interface Claim {
  /** The element's name: `button`. */
  tag: string;
  /** What it shows; 200 characters count. */
  text?: string;
  /** The app's page: `/about`. */
  path?: string;
  /** CSS */
  selector?: string;
  /** Where it is written, then what it is a part of, from the inside out. Eight count. */
  positions?: readonly {
    name?: string;
    file: string;
    line: number;
    column: number;
  }[];
  props?: Readonly<Record<string, string>>;
  /** Of a region: left, top, width, height in pixels of the page. */
  box?: readonly number[];
  /** Texts in a region. */
  within?: readonly string[];
  /** Width and height of the window that the page is seen in, and how far it is scrolled: to the right, down. */
  view?: readonly number[];
  /** The page prefers dark colours. */
  dark?: boolean;
  /** What `takePointedPicture` called its picture, when it is sent along. */
  picture?: string;
}

export interface PointedPicture {
  /** The name to send it by. */
  picture: string;
  /** A PNG, in Base64. */
  data: string;
  /** px */
  width: number;
  /** px */
  height: number;
}

export interface Pointed {
  pointed: PointedData;
  /** Its text is written at that place just so, and can be changed there. */
  literal: boolean;
}

export type StyleProperty = 'size' | 'weight' | 'color' | 'padding' | 'margin' | 'gap';

export interface StyleStep {
  name: string;
  /** What it comes to in the page. */
  css: Readonly<Record<string, string>>;
  /** A colour to show for it. */
  swatch?: string;
}

export interface StyleChoice {
  property: StyleProperty;
  /** What is written: the name of a step, or another value; empty for nothing. */
  now: string;
  steps: readonly StyleStep[];
  /** Why it cannot be changed here; empty where it can. */
  why: string;
}

export interface Styles {
  /** Why none can be changed here; empty where one can. */
  why: string;
  choices: readonly StyleChoice[];
  /** The element or part that is changed, with its place. */
  name?: string;
  file?: string;
  /** From 1. */
  line?: number;
}

export interface ErrorBody {
  /** What happened, for people. */
  message: string;
  /** A stable code. */
  reason: string;
  /** The next step; may be empty. */
  hint: string;
  /** The part of the request that is wrong. */
  field?: string;
}

export interface Summary {
  id: string;
  /** The folder's name. */
  name: string;
  title: string;
  state: SessionState;
  template: string;
  /** `provider:name` */
  model: string;
  /** The model is the recorded demo. */
  recorded: boolean;
  sandbox: string;
  /** The session's folder below the Jupyter root; null when it lies elsewhere. */
  path: string | null;
  /** The app's folder below the Jupyter root. */
  app_path: string | null;
  /** The notebook below the Jupyter root. */
  notebook: string | null;
  created_at: string;
  updated_at: string;
  last_seq: number;
  /** The running or the last turn. */
  turn: {
    turn: string;
    mode: Mode;
    /** Null while it runs. */
    reason: TurnReason | null;
    message: string;
    hint: string;
    started_at: string;
  } | null;
  usage: UsageData;
  /** The session this one was forked from; it may have been deleted since. */
  forked: {
    /** Its id. */
    source: string;
    /** Its folder's name. */
    name: string;
  } | null;
  pinned: boolean;
  shelf: Shelf;
  tags: Tags;
  /** The last version. */
  checkpoint: string | null;
  /** The last picture that was taken of the app's page. */
  picture: KeptPicture | null;
  /** What readers get of it, by target. */
  published: readonly PublishedAs[];
  /** This server holds the session or can take it. */
  owned: boolean;
  /** How the app is on this server; stopped where it has no sandbox. It starts when its preview is looked at. */
  app: 'stopped' | 'starting' | 'ready' | 'failed' | 'asleep';
  /** What keeps the session from being used, until it is over (a full disk, a folder that was moved away). */
  trouble: {
    message: string;
    hint: string;
  } | null;
  /** Bytes that its folder takes on the disk, as they were found last; null until that. */
  size: number | null;
}

export type Tags = readonly string[];

export interface UsageTotals {
  input_tokens: number;
  output_tokens: number;
  /** Those of the input that came from the provider's cache. */
  cached_tokens: number;
  /** US dollars; null where a price is not known. */
  cost: number | null;
  /** The same of the requests whose price is known. */
  dollars: number;
  requests: number;
  /** Requests whose price is not known. */
  unpriced: number;
  /** Requests whose tokens the provider did not say. */
  estimated: number;
}

export interface ModelUsage {
  model: string;
  usage: UsageTotals;
  /** Its price is known, so budgets in dollars hold for it. */
  priced: boolean;
}

export interface Budget {
  scope: 'turn' | 'session' | 'day' | 'month';
  unit: 'dollars' | 'tokens';
  limit: number;
  used: number;
  /** Who set it: the administrator, the person, the person for this session, or the JupyterHub's service. */
  source: 'configuration' | 'person' | 'session' | 'hub';
  /** 80 % are used. */
  near: boolean;
  over: boolean;
}

export interface BudgetAmounts {
  /** US dollars. */
  dollars?: number | null;
  tokens?: number | null;
}

export interface BudgetLimits {
  /** US dollars; null for none. */
  dollars: number | null;
  tokens: number | null;
}

export interface BudgetTable {
  turn: BudgetLimits;
  session: BudgetLimits;
  day: BudgetLimits;
}

export interface BudgetSettings {
  own: BudgetTable;
  configured: BudgetTable;
  /** Where the person's day begins; empty where they did not say. */
  timezone: string;
  configured_timezone: string;
}

export interface UsageReport {
  /** Where days begin, for people. */
  timezone: string;
  today: UsageTotals;
  /** Days on which something was used, the oldest first. */
  days: readonly {
    day: string;
    usage: UsageTotals;
  }[];
  total: UsageTotals;
  models: readonly ModelUsage[];
  /** Those that cost most. */
  sessions: readonly {
    session: string;
    /** Null when it was deleted. */
    title: string | null;
    usage: UsageTotals;
  }[];
  /** Those of the day. */
  budgets: readonly Budget[];
  settings: BudgetSettings;
}

export interface SessionUsage {
  session: string;
  title: string;
  usage: UsageTotals;
  /** The last first. */
  turns: readonly {
    turn: string;
    /** What was asked, the beginning of it. */
    request: string;
    usage: UsageTotals;
    steps: readonly {
      /** Null for what was no step: an answer thrown away, a summary of the history. */
      response: string | null;
      at: string;
      model: string;
      /** The tools it called. */
      tools: readonly string[];
      usage: UsageData;
    }[];
  }[];
  models: readonly ModelUsage[];
  /** The model of the next turn. */
  model: {
    model: string;
    priced: boolean;
  };
  /** A budget ended the last turn. */
  held: boolean;
  budgets: readonly Budget[];
}

export interface ModelRequest {
  session: string;
  title: string | null;
  at: string;
  turn: string;
  response: string | null;
  model: string;
  input_tokens: number;
  output_tokens: number;
  cached_tokens: number;
  cost: number | null;
  estimated: boolean;
}

export interface FileInfo {
  path: string;
  /** Bytes. */
  size: number;
  modified: string;
  binary: boolean;
}

export interface FileChange {
  path: string;
  change: 'created' | 'modified' | 'deleted' | 'unchanged';
  /** Lines. */
  added: number;
  /** Lines. */
  removed: number;
}

export interface Dataset {
  name: string;
  columns: readonly DatasetColumn[];
  rows: number;
  /** Bytes of the Parquet file. */
  size: number;
  /** SHA-256 of the file. */
  hash: string;
  as_of: string;
  /** No value of it is told to an agent. */
  private: boolean;
  /** Whether every version of the rows is kept, or the newest alone. */
  keep: 'latest' | 'all';
}

export interface Upload {
  upload: string;
  file: string;
  /** A name for the dataset, made of the file's. */
  name: string;
  /** Bytes. */
  size: number;
  /** Bytes of a part at most. */
  part: number;
  /** Bytes. */
  received: number;
  /** While it is handed over: how many rows are read. */
  rows: number;
  /** And how many are in the app's table. */
  placed: number;
}

export interface TakenUpload {
  dataset: Dataset;
  /** Its file in the app; empty for a table of its database. */
  path: string;
  /** What is different in the columns. */
  changes: readonly string[];
  /** What people should know. */
  notes: readonly string[];
}

export interface AppFunction {
  /** What it answers at, below `api/`. */
  name: string;
  path: string;
  /** Those it answers; none: all. */
  methods: readonly string[];
  /** Why it cannot be compiled, or empty. */
  failure: string;
  /** Its last lines, the oldest first. */
  said: readonly FunctionLine[];
}

export interface FunctionLine {
  level: string;
  text: string;
  /** Milliseconds since 1970. */
  at: number | null;
}

export interface FunctionCalled {
  status: number;
  ms: number;
  /** As it was answered, shortened. */
  body: string;
  kind: string;
  error: string;
  stack: string;
  source: string;
  logs: readonly FunctionLine[];
  /** Rows by table: inserted, updated, deleted. */
  changes: readonly (Readonly<Record<string, unknown>>)[];
  /** Secrets that it asked for and that are not set. */
  missing: readonly string[];
}

export interface Layout {
  /** What `ui.json` holds; empty where it cannot be read. */
  layout: Readonly<Record<string, unknown>>;
  problems: readonly LayoutProblem[];
  parts: readonly LayoutPart[];
  /** The app's functions by name. */
  functions: readonly string[];
}

export interface LayoutProblem {
  /** A JSON pointer into the layout; empty: all of it. */
  at: string;
  message: string;
}

export interface LayoutPart {
  name: string;
  /** A component of the app; else one of the template's shell. */
  own: boolean;
  /** Whether its source tells what it takes. */
  known: boolean;
  props: readonly {
    name: string;
    needed: boolean;
  }[];
}

export interface Secrets {
  /** Whether the app has functions to give them to. */
  takes: boolean;
  /** Where a value that is set now is kept, for people. */
  where: string;
  /** Why it cannot be kept, or empty. */
  problem: string;
  secrets: readonly Secret[];
}

export interface Secret {
  name: string;
  set: boolean;
  /** When it was set, in ISO 8601. */
  at: string | null;
  where: string | null;
  /** Files of the app that read it. */
  used_by: readonly string[];
  /** What the agent said that it is for, or empty. */
  why: string;
}

export interface DatabaseSchema {
  /** The first migration makes it. */
  exists: boolean;
  /** Of its file. */
  bytes: number;
  tables: readonly DatabaseTable[];
  views: readonly {
    name: string;
    columns: readonly DatabaseColumn[];
    sql: string;
  }[];
  triggers: readonly {
    name: string;
    table: string;
    sql: string;
  }[];
  /** Those that were applied. */
  migrations: readonly string[];
  /** Those that were not. */
  pending: readonly string[];
}

export interface DatabaseTable {
  name: string;
  columns: readonly DatabaseColumn[];
  /** Counted to 1,000,000: 1,000,001 where there are more. Null where they are not counted. */
  rows: number | null;
  indexes: readonly {
    name: string;
    unique: boolean;
    columns: readonly string[];
  }[];
  foreign_keys: readonly {
    table: string;
    columns: readonly string[];
    /** Empty: the primary key. */
    to: readonly string[];
    on_delete: string;
  }[];
  virtual: boolean;
  sql: string;
}

export interface DatabaseColumn {
  name: string;
  /** As it was declared; empty for none. */
  type: string;
  nullable: boolean;
  /** An expression of SQL. */
  default: string | null;
  primary_key: boolean;
  generated: boolean;
}

/**
 * A value of SQLite. An integer that a number does not hold is {int}, a real that JSON lacks {real}, bytes are
 * {blob} (base64, the first 4,000) with their number, a text that was shortened is its beginning {text} with its
 * length.
 */
export type DatabaseValue = unknown;

export interface DatabaseAnswer {
  columns: readonly DatabaseColumn[];
  rows: readonly (readonly DatabaseValue[])[];
  /** There are rows that were left out. */
  more: boolean;
}

export interface DatabaseRows {
  columns: readonly DatabaseColumn[];
  rows: readonly (readonly DatabaseValue[])[];
  /** Each row's number, by which it is changed; empty where rows have none, as a view's. */
  keys: readonly DatabaseValue[];
  /** Rows of this page were left out: they are too large. */
  more: boolean;
  /** Of the rows that fit; counted to 1,000,000. */
  total: number;
  page: number;
  size: number;
}

export interface DatasetColumn {
  name: string;
  type: 'boolean' | 'integer' | 'bigint' | 'number' | 'decimal' | 'text' | 'date' | 'timestamp' | 'timestamp_tz' | 'time' | 'duration' | 'bytes' | 'category' | 'list' | 'struct' | 'unknown';
  nullable: boolean;
  /** What the type holds beyond its name: precision and scale, zone, the type of values. */
  detail: string;
  /** All values of a category with few. */
  values: readonly string[];
}

export interface Checkpoint {
  /** git commit hash */
  id: string;
  /** git tree hash */
  tree: string;
  parent: string | null;
  title: string;
  /** What the person called it; empty for none. */
  name: string;
  at: string;
  files: number;
  added: number;
  removed: number;
  /** How the app looked; none where it was never looked at. */
  pictures: readonly PagePicture[];
}

export interface ToolResult {
  /** The call's id in the log. */
  call: string;
  ok: boolean;
  /** One line. */
  summary: string;
  /** The full result. */
  text: string;
  /** By tool: path, diff, exit_code … */
  detail: Readonly<Record<string, unknown>>;
}

export interface Notebook {
  cells: readonly {
    /** The same for the same cell while the notebook grows. */
    id: string;
    cell_type: 'code' | 'markdown';
    source: readonly string[];
    metadata: Readonly<Record<string, unknown>>;
  }[];
  metadata: {
    appbuilder: {
      version: string;
      session: string;
      name: string;
      template: string;
      /** The hash that the last cell verifies. */
      tree: string;
      last_seq: number;
      /**
       * Every cell of the session, in order: its id, a space, and bytes-CRC32 of its type, a line break and its source
       * in UTF-8.
       */
      cells: readonly string[];
    };
  };
  nbformat: 4;
  nbformat_minor: 5;
}

/** What is in a notebook that an app can be made of. */
export interface FoundNotebook {
  name: string;
  /** Its first heading, or its name. */
  title: string;
  /** For people: `12 cells, 3 charts`. */
  summary: string;
  /** Data files that can be handed over. */
  files: readonly {
    /** The variable that holds its rows, else the file's name in the cell. */
    name: string;
    dataset: string;
    /** In bytes. */
    size: number;
  }[];
  /** Those that its charts and tables use. Which of them are frames only the kernel knows. */
  variables: readonly string[];
  /** What the file alone does not bring, and why. */
  missing: readonly string[];
  notes: readonly string[];
  /** What to ask, where a person says nothing else. */
  prompt: string;
}

/** How a notebook's kernel hands over its frames. */
export interface ExpectedFrames {
  frames: string;
  /** Python. */
  expression: string;
}

/** A host that the app's code may reach. */
export interface AllowedHost {
  /** `host:port`; `*.` at the front stands for all below it. */
  host: string;
  /** The same for people: without HTTPS's port. */
  name: string;
  /**
   * Who allowed it: this session, the server's configuration, the JupyterHub's administrator; only the session's
   * can be taken back.
   */
  source: 'session' | 'configuration' | 'hub';
  /** It holds until this turn ends. */
  turn: string | null;
}

/** A sandbox there is, and what it uses. */
export interface RunningSandbox {
  /** The session's id; empty for one that stands ready for a new app. */
  session: string;
  /** The app's name; empty likewise. */
  name: string;
  template: string;
  provider: string;
  /** What keeps it apart; empty where that cannot be told. */
  isolation: string;
  /** Of its dev server; `waiting` for one that stands ready. */
  state: 'starting' | 'ready' | 'failed' | 'asleep' | 'stopped' | 'waiting';
  /** Bytes, all its processes; null where it did not tell. */
  memory: number | null;
  processes: number | null;
  /** Seconds used by the processes it has now. */
  cpu: number | null;
  /** Seconds since it was made. */
  age: number;
  /** The process it belongs to. */
  pid: number;
}

/** Where apps can run. */
export interface SandboxProvider {
  name: string;
  /** New sessions run there. */
  default: boolean;
  available: boolean;
  /** What isolates sandboxes there; null where none can be made. */
  isolation: {
    kind: string;
    detail: string;
    /** To be shown all the time while it is not empty. */
    warning: string;
  } | null;
  /** Why it is not available; empty when it is. */
  message: string;
  /** What to do about that. */
  hint: string;
}

export interface Template {
  name: string;
  title: string;
  summary: string;
  /** SVG text; empty if it has none. */
  icon: string;
  /** Requests that an app of it can begin with, for people to choose from. */
  prompts: readonly string[];
  /** `GET templates/{template}/picture` has one. */
  picture: boolean;
  /** Who put it there: App Builder, the configuration, a folder of Jupyter's data, the person. */
  origin: 'default' | 'administrator' | 'folder' | 'person';
  /** Of one that the person added: an address, a folder, or the app's title. */
  source: string;
  /** The one of new sessions. */
  default: boolean;
}

export interface Setting {
  page: 'models' | 'rules' | 'network' | 'usage' | 'sandbox' | 'templates';
  name: string;
  /** Of `approval_rules` how many there are. */
  value: unknown;
  /** Who set it: nobody, the server's configuration, the JupyterHub's administrator for everybody, the person. */
  origin: 'default' | 'administrator' | 'hub' | 'person';
  /** How an administrator sets it: `c.AppBuilder.model`; of what a JupyterHub rules, the name of its rule. */
  trait: string;
}

export interface AppAsTemplate {
  files: number;
  bytes: number;
  left_out: readonly {
    what: 'data' | 'secrets' | 'attachments' | 'links';
    /** The first of them. */
    names: readonly string[];
    count: number;
  }[];
}

export interface ModelInfo {
  /** `provider:name`; ends with the colon when the provider lists no models. */
  id: string;
  title: string;
  provider: string;
  /** It can be used now. */
  configured: boolean;
  /** Its answers come from recordings (the demo). */
  recorded: boolean;
  /** It runs on the person's own machine. */
  local: boolean;
  /** What is missing, or what to know. */
  hint: string;
  /** It is known to take pictures. */
  images: boolean;
}

export interface ModelReport {
  /** `provider:name` */
  model: string;
  /** It can build apps. */
  usable: boolean;
  /** How it will be used, or why it cannot be, in a sentence for people. */
  verdict: string;
  /**
   * How it is made to call tools: by itself, or by JSON objects that are held to a schema, to JSON or to nothing.
   * Empty when that could not be tried.
   */
  calling: '' | 'native' | 'schema' | 'loose_schema' | 'object' | 'text';
  /** What it is given at a time */
  profile: string;
  /** Tokens; null when it is not told. */
  context_window: number | null;
  first_token_seconds: number | null;
  tokens_per_second: number | null;
  /** By this test, input and output. */
  tokens_used: number;
  checks: readonly {
    name: string;
    title: string;
    outcome: 'yes' | 'no' | 'unknown';
    detail: string;
    /** What can be done where it is not so. */
    hint: string;
  }[];
}

export interface Provider {
  name: string;
  title: string;
  /** Without user, password and query; empty when there is none. */
  base_url: string;
  has_key: boolean;
  /** Where the key comes from. */
  key_source: 'panel' | 'configuration' | 'environment' | '';
  /** The environment variable that may hold the key. */
  key_variable: string;
  /** Where to get a key. */
  keys_url: string;
  local: boolean;
  /** Not OpenAI-compatible; needs the extra `models`. */
  native: boolean;
  configured: boolean;
  /** Something of it was entered in the panel, and can be forgotten. */
  stored: boolean;
  /** Why it could not be used when it was last asked, though it is set up; null when it could. */
  problem: {
    message: string;
    hint: string;
  } | null;
}

export interface Connection {
  provider: string;
  /** It can be used. */
  ok: boolean;
  /** What was found, or why it cannot be used. */
  message: string;
  hint: string;
  /** The model that was asked for an answer, `provider:name`; empty for none. */
  model: string;
}

export interface Demo {
  name: string;
  title: string;
  prompt: string;
  /** The demo it follows on; null for one that starts a session. */
  after: string | null;
}

export interface Tool {
  name: string;
  effect: 'read' | 'write' | 'command';
  /** What a call does while it runs; null where the tool does not say. */
  doing: string | null;
  /** What a call did. */
  did: string | null;
  /** One of the panel's icons. */
  icon: string;
  /** The arguments that say what a call works on. */
  subject: readonly string[];
  /** The argument that names the file a call shows or writes. */
  opens: string | null;
  /** It asks the person itself. */
  asks: boolean;
  /** A call that failed did nothing at all. */
  atomic: boolean;
  /** A call that failed has found what it looked for. */
  finds: boolean;
}

export interface Health {
  status: 'ok' | 'degraded';
  version: string;
  /** Where new apps go. */
  apps: {
    /** The folder on the server's machine; null where there is none. */
    folder: string | null;
    /** The same for the file browser; null when it does not show it. */
    path: string | null;
    /** Why no app can be made there. */
    problem: {
      message: string;
      hint: string;
    } | null;
  };
  checks: readonly {
    name: string;
    ok: boolean;
    detail: string;
    /** What to install or change. */
    hint: string;
  }[];
}

/** Sent once after catching up; replaces what the client held of everything that is not stored. */
export interface SnapshotMessage {
  kind: 'snapshot';
  n: number;
  session: Summary;
  /** The response being streamed. */
  response: PartialResponse | null;
  /** The output of running tools so far, by call. */
  outputs: Readonly<Record<string, string>>;
  preview: PreviewStatus;
  /** The earlier version that is shown, if one is. */
  version: VersionStatus | null;
  /** What is on its way to its readers, or was last. */
  publishing: PublishingStatus | null;
  progress: readonly Progress[];
}

/** A model response on its way: what has arrived of it so far. */
export interface PartialResponse {
  turn: string;
  response: string;
  /** What the model thought so far. */
  reasoning: string;
  text: string;
  tool_calls: readonly PartialCall[];
}

/** A tool call of a response on its way. */
export interface PartialCall {
  index: number;
  call: string;
  tool: string;
  /** JSON so far, perhaps not yet whole. */
  arguments: string;
}

/** Values of the target's settings by name. A secret that is left out is the one that is kept. */
export type PublishingSettings = Readonly<Record<string, string>>;

/** Reasons by the ids of findings. */
export type AcceptedReasons = Readonly<Record<string, string>>;

export interface PublishingOverview {
  targets: readonly PublishingTarget[];
  /** A name for a publication of the app. */
  name: string;
  /** The version that is published unless told. */
  checkpoint: string | null;
  /** Checkpoints whose checks passed, the newest first. */
  checked: readonly string[];
  publications: readonly Publication[];
  /** What is on its way, or was last. */
  running: PublishingStatus | null;
}

export interface PublishingTarget {
  name: string;
  title: string;
  /** Of apps that it takes. */
  kinds: readonly ('static' | 'server')[];
  /** What readers get is kept here and can be rolled back and taken down. */
  keeps: boolean;
  /** The git history goes along, too. */
  history: boolean;
  /** Why it cannot be used for this app, with what to do; empty if it can. */
  unavailable: string;
  settings: readonly PublishingSetting[];
  /** Of what is published there, where that is known: with `{name}` in it. */
  url: string;
}

export interface PublishingSetting {
  name: string;
  title: string;
  help: string;
  secret: boolean;
  required: boolean;
  choices: readonly string[];
  default: string;
  /** A secret is kept. */
  stored: boolean;
  /** What was given last; never a secret. */
  value: string;
}

/** Who may open a published app besides its owner. */
export interface Readers {
  /** Only the owner; the users and groups below; whoever has an account on the Hub. */
  readers: 'me' | 'people' | 'everybody';
  users?: readonly string[];
  groups?: readonly string[];
}

/** A link by which other people look at a session. */
export interface Look {
  id: string;
  /** Below this server's base URL where it begins with no slash and no scheme. */
  url: string;
  readers: 'people' | 'everybody';
  users: readonly string[];
  groups: readonly string[];
  /** They may make an app of their own of it. */
  copies: boolean;
  /** They may open the app, as a copy of its newest version with its data. */
  app: boolean;
  created_at: string;
  until: string;
}

export interface AppCopy {
  title: string;
  /** Whose app it is, as the Hub says. */
  by: string;
  files: number;
  bytes: number;
  /** What it has not, as the sender says. */
  left_out: readonly {
    what: string;
    names: readonly string[];
    count: number;
  }[];
}

/** An app at one target. */
export interface Publication {
  target: string;
  name: string;
  /** Below this server's base URL where it has no scheme. */
  url: string;
  /** The release that readers get. */
  live: number | null;
  /** The newest first. */
  releases: readonly PublishedRelease[];
}

export interface PublishedRelease {
  number: number;
  /** git commit hash */
  checkpoint: string;
  at: string;
  data_as_of: string | null;
  note: string;
  accepted: readonly AcceptedFinding[];
  /** It can be rolled back to. */
  kept: boolean;
  /** There is an archive to take away. */
  file: boolean;
}

/** What readers get of an app at one target. */
export interface PublishedAs {
  target: string;
  name: string;
  number: number;
  /** Below this server's base URL where it has no scheme. */
  url: string;
  at: string;
  /** git commit hash */
  checkpoint: string;
  /** The oldest time at which data in it was handed over. */
  data_as_of: string | null;
  /** why its data were not refreshed the last time; empty if they were */
  refresh_failed: string;
}

export interface Refreshing {
  schedule: RefreshSchedule | null;
  /** why none can be set, where there is none */
  unavailable: string;
  /** of what readers have */
  data_as_of: string | null;
  /** that is older than promised */
  late: boolean;
  running: boolean;
  runs: readonly RefreshRun[];
}

export interface RefreshSchedule {
  cron: string;
  zone: string;
  /** its path on the server */
  notebook: string;
  target: string;
  paused: boolean;
  /** seconds */
  promise: number | null;
  minutes: number;
  /** MB */
  memory: number;
  /** that the notebook handed over last */
  datasets: readonly string[];
  /** its coming times */
  next: readonly string[];
}

export interface RefreshRun {
  number: number;
  by: 'schedule' | 'person';
  state: 'running' | 'done' | 'failed' | 'stopped' | 'interrupted';
  began: string;
  ended: string | null;
  /** why it failed */
  message: string;
  hint: string;
  /** the same, for programs: cell_failed, columns_changed … */
  reason: string;
  /** rows by dataset */
  datasets: Readonly<Record<string, number>>;
  notes: readonly string[];
  /** that readers got of it */
  release: number | null;
  /** Of one that was asked for by its number. */
  cells?: readonly {
    /** of all of the notebook's */
    number: number;
    ok: boolean;
    seconds: number;
    /** the rest of it asks the agent */
    left_out: boolean;
    output: string;
  }[];
  /** of publishing; of one that was asked for by its number */
  log?: string;
}

/** The summary changed. */
export interface SessionMessage {
  kind: 'session';
  session: Summary;
}

export interface ApprovalRule {
  /** of tool, pattern and action */
  id: string;
  source: RuleSource;
  /** a tool's name, or a pattern of names */
  tool: string;
  /** of a command, or of what another tool works on */
  pattern: string;
  action: RuleAction;
  /** for people: what is at stake */
  reason: string;
}

export interface NewApprovalRule {
  tool?: string;
  pattern: string;
  action: RuleAction;
}

export interface Plan {
  plan: string;
  /** the one that wrote it */
  turn: string;
  /** Markdown, as the agent wrote it */
  text: string;
  /** the turn that builds it; null as long as it is not accepted */
  built: string | null;
  /** before it was accepted */
  edited: boolean;
  /** numbers, from 1, of the `- [ ]` items of the accepted text that are done */
  done: readonly number[];
}

/** Files that come with the message, as `POST attachments` named them. */
export type HandedIn = readonly string[];

export interface UnsentAttachment {
  /** What a message names it by, for a day. */
  attachment: string;
  /** As it is shown; without a folder. */
  name: string;
  media_type: string;
  /** bytes */
  size: number;
  /** A model is told what it says. */
  text: boolean;
  /** It is shown to models that take pictures. */
  picture: boolean;
}
