/**
 * The event log's vocabulary as the browser reads it (events.generated.ts).
 *
 * An event of a type that is not listed there is kept out of the view and otherwise ignored, so that a newer server
 * can talk to an older panel.
 */

import type { EventData } from './events.generated';

export { DEMO } from './events.generated';
export type * from './events.generated';
export type { UsageData as Usage } from './events.generated';

export type EventType = keyof EventData;

/** A stored event of these types. */
export type EventOf<T extends EventType> = {
  [K in T]: { seq: number; at: string; type: K; v: number; data: EventData[K] };
}[T];

/** One stored event: a union over the types, told apart by `type`. */
export type AppEvent = EventOf<EventType>;
