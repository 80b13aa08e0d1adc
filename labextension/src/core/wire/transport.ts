/** One interface, two homes: the panel brings a WebSocket and REST, the widget a comm. */

import type {
  AllowedHost,
  AppAsTemplate,
  AppFunction,
  ApprovalRule,
  BudgetSettings,
  Claim,
  Connection as Checked,
  DatabaseAnswer,
  DatabaseRows,
  DatabaseSchema,
  DatabaseValue,
  Dataset,
  Demo,
  FunctionCalled,
  Health,
  Layout,
  Look,
  ModelInfo,
  Pointed,
  Styles,
  Provider,
  PublishingOverview,
  Readers,
  Refreshing,
  RefreshRun,
  SandboxProvider as SandboxChoice,
  Secrets,
  SessionUsage,
  Setting,
  Summary,
  TakenUpload,
  Template,
  Tool,
  Upload,
  UsageReport
} from './api.generated';
import type { ShownPage } from '../preview/shownPages';
import type { Attach } from '../session/attachments';
import type { ChipPicture } from '../session/pointed';
import type { Mode } from './events';
import type { ModelReport } from '../pages/modelReport';
import type { BudgetChanges, Unit } from '../view/usage';
import type { WireMessage } from './wire';

export type { AllowedHost, AppAsTemplate, ApprovalRule, Demo, SandboxChoice, Setting };

type Provenance = 'picture' | 'origin' | 'source' | 'default';

export type TemplateChoice = Omit<Template, Provenance> & Partial<Pick<Template, Provenance>>;

export type ModelChoice = Pick<ModelInfo, 'id' | 'title' | 'provider' | 'recorded'> &
  Partial<Pick<ModelInfo, 'images'>>;

export type ProviderChoice = Omit<Provider, 'has_key' | 'key_variable' | 'stored' | 'problem'> &
  Partial<Pick<Provider, 'stored' | 'problem'>>;

/** Whether a provider can be used as it is set up. */
export type ConnectionCheck = Omit<Checked, 'provider'>;

/** Where new apps go. */
export type Place = Health['apps'];

export type Connection =
  | { state: 'connecting' }
  | { state: 'open' }
  /** Broken; `retryAt` (Unix time in ms) is when the next attempt starts. */
  | { state: 'waiting'; retryAt: number }
  /** Given up: the session is gone or the request was refused. */
  | { state: 'closed'; message: string; hint: string };

export interface TransportListener {
  message(message: WireMessage): void;
  connection(connection: Connection): void;
  /** The last sequence number seen, asked for at every (re)connection. */
  lastSeq(): number;
}

export type PreviewAction = 'start' | 'restart' | 'stop';

/** What a session sends. */
export interface Channel {
  /** Watch the session until the returned function is called. */
  watch(listener: TransportListener): () => void;
  /** Do not wait for the back-off: connect now. */
  reconnect(): void;
}

/** What one session can be asked. Promises reject with `RequestFailed`. */
export interface Requests {
  /** `attachments`: files that were sent before, as the server calls them. */
  send(
    text: string,
    model?: string,
    mode?: Mode,
    attachments?: readonly string[],
    pointed?: readonly Claim[],
    after?: string
  ): Promise<void>;
  /** Where something that was pointed at in the app's page is written. */
  point?(pointed: Claim): Promise<Pointed>;
  /** How it looks, as a page that is loaded afresh shows it; to send it along by its name. */
  picturePointed?(pointed: Claim): Promise<ChipPicture>;
  /** Have it show another text: an edit by the person. */
  changeText?(pointed: Claim, text: string): Promise<void>;
  /** Its simple styles, and what can be chosen for each. */
  styles?(pointed: Claim): Promise<Styles>;
  /** Give it other ones, a step's name by property: an edit by the person. */
  changeStyle?(pointed: Claim, style: Readonly<Record<string, string>>): Promise<void>;
  /** Have a plan built, as it was written or as `text` has it now. */
  accept(plan: string, text?: string): Promise<void>;
  stop(): Promise<void>;
  /** Drop what the last request changed, and make it again. */
  retry(): Promise<void>;
  /** Go on from where the last request was cut short. */
  goOn(): Promise<void>;
  /** A new session that begins where this one was; absent where no other can be opened. */
  fork?(at: ForkPoint, text?: string): Promise<Summary>;
  /** Go back to a version; `data` false: to its files alone, and what the app wrote stays. */
  restore(checkpoint: string, data?: boolean): Promise<void>;
  /** Call a version something; "" takes its name away. */
  nameVersion(checkpoint: string, name: string): Promise<void>;
  /** A unified diff of what the checkpoint changed. */
  diff(checkpoint: string): Promise<string>;
  /** The same between any two; absent where there is no page of versions. */
  compare?(from: string, to: string): Promise<string>;
  /** Look at the app as it is now, which must be this version: what came of it is in the log. Absent where there is no
   *  page of versions. */
  takePicture?(checkpoint: string): Promise<void>;
  /** Run a version beside the app, to be looked at: the channel tells how it goes. Absent where it cannot be shown. */
  showVersion?(checkpoint: string): Promise<void>;
  /** End that, if it is this version that is shown. */
  hideVersion?(checkpoint: string): Promise<void>;
  /** Try what the app can do: all of it, or some by name. What came of it is in the log. */
  tryScenarios(names?: readonly string[]): Promise<void>;
  /** Try one before the person's eyes, in their open preview; absent where no preview can be asked. */
  watchScenario?(name: string): Promise<void>;
  /** Answer a `look` message, as an open preview: JSON of an object. */
  answerLook?(number: number, viewer: string, answer: string): Promise<void>;
  removeScenario(name: string): Promise<void>;
  /** An address to show a picture by, which a tool took of the app. */
  picture(sha256: string): Promise<string>;
  preview(action: PreviewAction): Promise<void>;
  /** Answer a question of the agent's. */
  answer(approval: string, granted: boolean, remember: boolean): Promise<void>;
  /** The hosts that the app's code may reach. */
  hosts(): Promise<AllowedHost[]>;
  allowHost(host: string): Promise<void>;
  /** What the session used, and its budgets. */
  usage(): Promise<SessionUsage>;
  /** Let the session use this much from now on. */
  raiseBudget(amounts: Partial<Record<Unit, number>>): Promise<SessionUsage>;
  revokeHost(host: string): Promise<void>;
  /** The tables of the app's database, null where it has none; absent, as the four below, where it cannot be asked. */
  database?(): Promise<DatabaseSchema | null>;
  databaseRows?(request: RowsRequest): Promise<DatabaseRows>;
  /** Saves all rows of a table, those that have a text, as a CSV file on the person's machine. */
  downloadRows?(request: Omit<RowsRequest, 'page' | 'size'>, signal: AbortSignal): Promise<void>;
  /** Add, change or remove one row. */
  changeRow?(change: RowChange): Promise<void>;
  /** What a query that only reads finds. */
  queryDatabase?(sql: string): Promise<DatabaseAnswer>;
  /** The data that was handed to the app, without its rows; absent, as the five below, where no file can be sent. */
  datasets?(): Promise<Dataset[]>;
  /** Begin to send a file of data. */
  beginUpload?(file: string, size: number): Promise<Upload>;
  /** Send the part that begins at `offset`: parts come one after the other. */
  sendPart?(upload: string, offset: number, part: Blob, signal: AbortSignal): Promise<void>;
  /** How far it is. */
  upload?(upload: string): Promise<Upload>;
  /** Hand it over to the app, once it is sent whole; what is refused can be taken again under another name. */
  takeUpload?(upload: string, wanted: WantedUpload, signal: AbortSignal): Promise<TakenUpload>;
  /** Give it up. */
  dropUpload?(upload: string): Promise<void>;
  /** Copy a file that came with a message (by its SHA-256) into the app; absent where no file can be sent. */
  putAttachment?(sha256: string, path: string): Promise<void>;
  /** What was asked and done, as an HTML file that runs and fetches nothing. */
  transcript(): Promise<string>;
  /** A picture of the app for a message, still or moving; absent where none can be taken. */
  show?(format: ShownAs, signal: AbortSignal): Promise<Blob>;
  /** A picture of what is in view of a page of the app; absent where none can be taken. */
  screenshot?(page: ShownPage): Promise<Blob>;
  /** The paths of the app's files; absent where they cannot be asked for. */
  files?(): Promise<readonly string[]>;
  /** The functions on the app's server, null where it has none; absent, as the four below, where it cannot be asked. */
  functions?(): Promise<AppFunction[] | null>;
  /** Call one as the page would. What it answers, an error as well, is no failure. */
  callFunction?(request: FunctionRequest): Promise<FunctionCalled>;
  /** The app's layout, null where it has none. */
  layout?(): Promise<Layout | null>;
  /** Change it by a JSON Patch; what does not fit the app is refused. */
  changeLayout?(patch: readonly object[]): Promise<void>;
  /** The app's secrets, by name. */
  secrets?(): Promise<Secrets>;
  setSecret?(name: string, value: string): Promise<Secrets>;
  removeSecret?(name: string): Promise<void>;
  /** Where the app can be published, and where it is; absent, as the seven below, where that cannot be asked. */
  publishing?(): Promise<PublishingOverview>;
  /** Publish a version: how it goes comes over the channel. */
  publish?(order: PublishOrder): Promise<void>;
  /** Go on with what the gate found, for these reasons, by finding. */
  answerGate?(accepted: Readonly<Record<string, string>>): Promise<void>;
  cancelPublishing?(): Promise<void>;
  unpublish?(target: string): Promise<void>;
  /** Have readers get an earlier release again. */
  rollBack?(target: string, number: number): Promise<void>;
  /** How often the app was opened, by day. */
  visits?(target: string): Promise<Visits>;
  /** Who may open what is published there. */
  readers?(target: string): Promise<Readers>;
  /** Change that, at once; as it came to be. */
  setReaders?(target: string, readers: Readers): Promise<Readers>;
  /** The links by which other people look at the session; absent, as the two below, where there can be none. */
  looks?(): Promise<Looks>;
  addLook?(order: LookOrder): Promise<Look>;
  /** Take one back, by its id. */
  removeLook?(look: string): Promise<void>;
  /** Saves the archive of a release on the person's machine. */
  takeRelease?(target: string, number: number): Promise<void>;
  /** When readers' data are refreshed; absent, as the seven below, where that cannot be asked. */
  refreshing?(): Promise<Refreshing>;
  /** When a schedule that is being written would come. */
  scheduleTimes?(cron: string, zone: string): Promise<ScheduleTimes>;
  setSchedule?(wanted: WantedSchedule): Promise<Refreshing>;
  pauseSchedule?(paused: boolean): Promise<Refreshing>;
  removeSchedule?(): Promise<void>;
  /** Refresh now; it goes on by itself. */
  startRefresh?(): Promise<RefreshRun>;
  stopRefresh?(): Promise<void>;
  /** One run, with what its cells printed. */
  refreshRun?(number: number): Promise<RefreshRun>;
}

/** A schedule in cron's five fields, with the times that come next. */
export interface ScheduleTimes {
  cron: string;
  zone: string;
  next: readonly string[];
}

/** `notebook`: as the file browser names it, "" for the one of before; `promise`: as `2d`, "" for none; `memory`: MB. */
export interface WantedSchedule {
  cron: string;
  zone: string;
  notebook: string;
  target: string;
  promise: string;
  minutes: number;
  memory: number;
}

/** What is to be published where. `settings`: of the target; a secret that is left out is the one that is kept. */
export interface PublishOrder {
  target: string;
  name: string;
  checkpoint: string;
  settings: Readonly<Record<string, string>>;
}

/** A link that is wanted. `copies`: who looks may make an app of their own of it. */
export interface LookOrder {
  readers: Look['readers'];
  users: readonly string[];
  groups: readonly string[];
  days: number;
  copies: boolean;
  /** They may open the app, as a copy of its newest version with its data. */
  app: boolean;
}

export interface Looks {
  looks: readonly Look[];
  /** People can be named: the server is a JupyterHub's. */
  hub: boolean;
  /** Why nobody could follow a link; "" where they can. */
  unavailable: string;
}

/** The days on which an app was opened, the oldest first. */
export interface Visits {
  days: readonly { day: string; visits: number }[];
}

/** A still picture, or one that moves: it shows the app's scenarios. */
export type ShownAs = 'png' | 'webp' | 'gif';

/** `name` is what follows `api/`; `body` is sent as JSON. */
export interface FunctionRequest {
  name: string;
  method: string;
  query: string;
  body?: unknown;
}

/** `replace`: also rows that were changed in the app. Without `private` it stays what it was. */
export interface WantedUpload {
  name: string;
  private?: boolean;
  replace?: boolean;
}

/** One row of a table. `was`: what the person saw in it; a row that has other values by now stays as it is. */
export interface RowChange {
  table: string;
  change: 'insert' | 'update' | 'delete';
  key?: DatabaseValue;
  values?: Record<string, DatabaseValue>;
  was?: Record<string, DatabaseValue>;
}

/** Rows of one table: those that hold `filter` somewhere, in the order of a column. */
export interface RowsRequest {
  table: string;
  /** From 0. */
  page: number;
  size: number;
  filter: string;
  sort: string;
  descending: boolean;
}

/** Everything one session's view needs. */
export type Transport = Channel & Requests;

/** Before the turn of a message (its number in the log), or at a checkpoint. */
export type ForkPoint = { message: number } | { checkpoint: string };

/** What is to be set; what is absent stays. `path` names a model's file, for the provider `gguf`. */
export interface ProviderSettings {
  base_url?: string;
  api_key?: string;
  path?: string;
}

/** What is to be another; what is absent stays. */
export type SessionChange = Partial<Pick<Summary, 'title' | 'model' | 'pinned' | 'shelf' | 'tags'>>;

export interface NewSession {
  prompt: string;
  title?: string;
  template?: string;
  model?: string;
  sandbox?: string;
  mode?: Mode;
  attachments?: readonly string[];
}

/** What the panel asks of the server beyond one session. */
export interface Api {
  sessions(search?: string): Promise<Summary[]>;
  create(session: NewSession): Promise<Summary>;
  /** All apps, also those that were put away or wait to be deleted. */
  apps(): Promise<Summary[]>;
  update(id: string, change: SessionChange): Promise<Summary>;
  remove(id: string, files: boolean): Promise<void>;
  models(): Promise<ModelChoice[]>;
  /** Ask a model for some short answers: from seconds to minutes. */
  testModel(model: string, signal: AbortSignal): Promise<ModelReport>;
  templates(): Promise<TemplateChoice[]>;
  /** An address to show a template's picture by. */
  templatePicture(name: string): Promise<string>;
  /** Offer the template of a folder or git repository from now on. */
  addTemplate(source: string, signal: AbortSignal): Promise<TemplateChoice>;
  /** Offer one that was added no more. */
  removeTemplate(name: string): Promise<void>;
  /** What a template of this session's app would have of it. */
  templateOf(session: string): Promise<AppAsTemplate>;
  saveTemplate(session: string, title: string, summary: string): Promise<TemplateChoice>;
  /** What is set here, and by whom. */
  settings(): Promise<Setting[]>;
  sandboxes(): Promise<SandboxChoice[]>;
  /** Where new apps go. */
  place(): Promise<Place>;
  demos(): Promise<Demo[]>;
  /** The tools of the agent, and how their calls are shown. */
  tools(): Promise<Tool[]>;
  providers(): Promise<ProviderChoice[]>;
  configure(provider: string, settings: ProviderSettings): Promise<void>;
  /** Forget the key and the address that were typed here. */
  forget(provider: string): Promise<void>;
  /** Ask the provider for a short answer; `model` is a name, by default the usual one. */
  testProvider(provider: string, model: string, signal: AbortSignal): Promise<ConnectionCheck>;
  /** Saves the app as a ZIP file on the person's machine. */
  download(id: string, name: string): Promise<void>;
  /** The approval rules that hold in a session, or in every one. */
  rules(session: string | null): Promise<ApprovalRule[]>;
  /** Make a rule for a session, or for all of the person's. */
  setRule(rule: Pick<ApprovalRule, 'tool' | 'pattern' | 'action'>, session: string | null): Promise<void>;
  removeRule(id: string, session: string | null): Promise<void>;
  /** What all sessions used in so many days. */
  usage(days: number): Promise<UsageReport>;
  setBudgets(changes: BudgetChanges): Promise<BudgetSettings>;
  /** Saves every request of so many days as a file on the person's machine. */
  downloadUsage(days: number, format: 'csv' | 'json'): Promise<void>;
  /** Send a file that goes with a request that is being written. */
  attach: Attach;
  transport(id: string): Transport;
}
