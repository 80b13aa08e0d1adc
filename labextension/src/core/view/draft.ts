/** The view while a batch of messages is taken in: copied where it is written to, at most once a batch. */

import { DEMO, type EventData, type Person } from '../wire/events';
import type { PartialResponse } from '../wire/wire';
import {
  TICK_PLAN,
  type Aside,
  type Entry,
  type Item,
  type PagePicture,
  type PlanItem,
  type ProblemItem,
  type SessionView,
  type Turn
} from './items';
import { NO_USAGE } from './usage';

/** So many items back the same error is looked for. */
const LOOKED_AT = 200;

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
export class Draft {
  readonly view: Writable<SessionView>;
  entries: Entry[];
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

  /** Somebody who takes part; null where the server does not know people apart. */
  person(person: Person | undefined): Person | null {
    if (person && this.view.people.get(person.id) !== person.name) {
      this.view.people = new Map(this.view.people).set(person.id, person.name);
    }
    return person ?? null;
  }

  /** The pictures of versions, to be added to. */
  pictures(): Map<string, readonly PagePicture[]> {
    if (!this.fresh.has(this.view.pictures)) {
      this.view.pictures = new Map(this.view.pictures);
      this.fresh.add(this.view.pictures);
    }
    return this.view.pictures as Map<string, readonly PagePicture[]>;
  }

  startTurn(turn: string, model: string, at: string): DraftTurn {
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
      pointed: [],
      requestSeq: 0,
      byWhom: null,
      files: [],
      dropped: null,
      builds: null,
      startedAt: at,
      finishedAt: null,
      reason: null,
      message: '',
      hint: '',
      error: '',
      recorded: model === DEMO,
      suggestions: [],
      items: [],
      usage: NO_USAGE,
      checkpoint: null,
      partial: null
    };
    this.index().turns.set(turn, this.push(started));
    return started;
  }

  /** The same error where it was told before in this turn, or since the last one. */
  sameProblem(problem: EventData['preview.error']): ProblemItem | undefined {
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
  pass(which: (item: ProblemItem) => boolean): void {
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

  waitsFor(call: string | null | undefined, waits: boolean): void {
    const found = call ? this.item(call) : undefined;
    if (found?.kind === 'tool') {
      this.put(null, { ...found, waits });
    }
  }

  partial(turnId: string, response: string): PartialResponse | null {
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
        ? { ...held }
        : { turn: turnId, response, reasoning: '', text: '', tool_calls: [] };
    this.fresh.add(partial);
    turn.partial = partial;
    return partial;
  }

  /** The turn that has not finished, if any. */
  runningTurn(): string | null {
    const last = this.entries[this.entries.length - 1];
    return last?.kind === 'turn' && last.reason === null ? last.turn : null;
  }

  lastTurn(): string {
    return [...this.entries].reverse().find(entry => entry.kind === 'turn')?.turn ?? '';
  }

  lastItem(): Item | undefined {
    const last = this.entries[this.entries.length - 1];
    return last?.items[last.items.length - 1];
  }

  /** Replace the item of that key, or add it to the turn, or to what happens between turns. */
  put(turn: string | null, item: Item): void {
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
  tick(): void {
    const turns = this.entries.filter(entry => entry.kind === 'turn');
    const ticks = turns
      .filter(turn => turn.dropped === null)
      .flatMap(turn => turn.items)
      .flatMap(item =>
        item.kind === 'tool' && item.tool === TICK_PLAN && item.state === 'done' ? [item.result?.detail] : []
      );
    for (const { builds, turn: id } of turns) {
      const turn = builds && this.turn(id);
      if (turn) {
        const done = ticks.flatMap(detail => (detail?.['plan'] === builds.plan ? (detail['done'] as number[]) : []));
        turn.builds = { ...builds, done: [...new Set(done)] };
      }
    }
  }

  plans(): PlanItem[] {
    return this.entries.flatMap(entry => entry.items.filter(item => item.kind === 'plan'));
  }

  item(key: string): Item | undefined {
    const place = this.index().items.get(key);
    return place && this.entries[place.entry]?.items[place.item];
  }

  turn(turn: string): DraftTurn | null {
    const at = this.index().turns.get(turn);
    return at === undefined ? null : this.writableTurn(at);
  }

  writableTurn(at: number): DraftTurn {
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
