/** What the page in the preview's frame says to the panel. It is generated code and may say anything: nothing of it acts. */

import type { Claim } from '../wire/api.generated';
import { LEVELS, MOST_RECORDS, type ConsoleLine, type PageCall, type PageRecord } from '../preview/records';
import { MOST_ROUTES, type Route } from '../preview/routes';

export interface Finding {
  kind?: string;
  message: string;
  stack?: string;
  source?: string;
}

/** Findings with one more; one that is told again, with its place in the app's own files, takes its own place. */
export function withFinding(known: readonly Finding[], finding: Finding): readonly Finding[] {
  const again = known.some(one => one.message === finding.message);
  return again ? known.map(one => (one.message === finding.message ? finding : one)) : [...known.slice(0, 19), finding];
}

/** Something that the sandbox keeps the page from doing, and that the person may want done. */
export type PageRequest = { kind: 'save'; name: string; content: Blob } | { kind: 'open'; url: string };

export type PageMessage =
  | { type: 'ready' | 'cleared' }
  | { type: 'finding'; finding: Finding }
  | { type: 'request'; request: PageRequest }
  | { type: 'navigated'; path: string }
  /** The person points at something, while the panel lets them. The server reads the claim, and believes none of it. */
  | { type: 'pointed'; claim: Claim }
  | { type: 'pointing' }
  /**
   * How many elements wear what is tried on: all that are written at the same place; 0 where it is not there.
   * `flows`: what is in it lies in rows or columns.
   */
  | { type: 'styled'; alike: number; flows: boolean }
  | { type: 'routes'; routes: readonly Route[] }
  /** What the page wrote into its console, and asked of servers; `missed`: so many were too many to be told. */
  | { type: 'records'; records: readonly PageRecord[]; missed: number }
  /** An answer to what a page that is looked at was asked, as JSON; number 0: it can be asked. */
  | { type: 'looked'; number: number; answer: string };

const LONGEST_CLAIM = 12_000; // characters, as JSON
const LONGEST_ANSWER = 120_000; // characters
export const LARGEST_FILE = 200 * 1024 * 1024; // bytes
const SCHEMES = ['http:', 'https:', 'mailto:', 'tel:'];
const MOST_MESSAGES = 40; // in MESSAGES_MS; a page says some ten when it loads
const MESSAGES_MS = 2000;

/** A message as it should be, or null. */
export function readMessage(data: unknown): PageMessage | null {
  if (!isRecord(data) || data['source'] !== 'jupyter-appbuilder') {
    return null;
  }
  switch (data['type']) {
    case 'ready':
    case 'cleared':
      return { type: data['type'] };
    case 'finding': {
      const finding = isRecord(data['finding']) ? data['finding'] : {};
      const message = text(finding['message'], 4000);
      return message === ''
        ? null
        : {
            type: 'finding',
            finding: {
              kind: text(finding['kind'], 20),
              message,
              stack: text(finding['stack'], 4000),
              source: text(finding['source'], 400)
            }
          };
    }
    case 'save': {
      const content = data['content'];
      return content instanceof Blob && content.size <= LARGEST_FILE
        ? { type: 'request', request: { kind: 'save', name: fileName(text(data['name'], 1000)), content } }
        : null;
    }
    case 'open': {
      const url = address(text(data['url'], 8000));
      return url === null ? null : { type: 'request', request: { kind: 'open', url } };
    }
    case 'pointed': {
      const claim = data['claim'];
      return isRecord(claim) && typeof claim['tag'] === 'string' && isShort(claim)
        ? { type: 'pointed', claim: without(claim, 'picture') as unknown as Claim } // that is the server's to name
        : null;
    }
    case 'pointing':
      return { type: 'pointing' };
    case 'styled':
      return { type: 'styled', alike: Math.min(count(data['alike']), 9999), flows: data['flows'] === true };
    case 'looked': {
      const { number, answer } = data;
      return typeof number === 'number' && typeof answer === 'string' && answer.length <= LONGEST_ANSWER
        ? { type: 'looked', number, answer }
        : null;
    }
    case 'navigated':
      return { type: 'navigated', path: text(data['path'], 2000) || '/' };
    case 'routes':
      return { type: 'routes', routes: list(data['routes'], MOST_ROUTES).flatMap(readRoute) };
    case 'records':
      return {
        type: 'records',
        records: list(data['records'], MOST_RECORDS).flatMap(readRecord),
        missed: count(data['missed'])
      };
    default:
      return null;
  }
}

/** Tells whether one more message is to be listened to: a page that talks without end is not. */
export function messageLimit(now: () => number = Date.now): () => boolean {
  let since = now();
  let count = 0;
  return () => {
    if (now() - since > MESSAGES_MS) {
      since = now();
      count = 0;
    }
    count += 1;
    return count <= MOST_MESSAGES;
  };
}

/** A name without folders or control characters; never one that a system hides or runs by its place. */
function fileName(given: string): string {
  const last = given.split(/[/\\]/).pop() ?? '';
  const plain = last.replace(/[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2066-\u2069:*?"<>|]/g, '');
  return plain.replace(/^\.+/, '').trim().slice(0, 120) || 'download';
}

function address(given: string): string | null {
  try {
    const url = new URL(given);
    return SCHEMES.includes(url.protocol) && url.username === '' && url.password === '' ? url.href : null;
  } catch {
    return null;
  }
}

/** It is JSON, and not too much of it: no more of it is read than may be. */
function isShort(value: object): boolean {
  return left(value, LONGEST_CLAIM, 0) >= 0;
}

/** How many of `most` characters a value leaves, about; negative for too many, and for what is no JSON. */
function left(value: unknown, most: number, depth: number): number {
  if (typeof value === 'string') {
    return most - value.length - 3;
  }
  if (value === null || typeof value === 'number' || typeof value === 'boolean' || value === undefined) {
    return most - 6;
  }
  if (depth > 8 || !(Array.isArray(value) || isPlain(value))) {
    return -1;
  }
  let rest = most - 2;
  for (const key in value) {
    rest = left((value as Record<string, unknown>)[key], rest - key.length - 3, depth + 1);
    if (rest < 0) {
      break;
    }
  }
  return rest;
}

function isPlain(value: unknown): boolean {
  return isRecord(value) && Object.getPrototypeOf(value) === Object.prototype;
}

function readRoute(given: unknown): Route[] {
  const { path, title } = isRecord(given) ? given : {};
  return typeof path === 'string' && path.startsWith('/')
    ? [{ path: path.slice(0, 2000), title: text(title, 100) }]
    : [];
}

function readRecord(given: unknown): PageRecord[] {
  if (!isRecord(given)) {
    return [];
  }
  const at = count(given['at']);
  if (given['what'] === 'call') {
    const call: PageCall = {
      what: 'call',
      at,
      method: text(given['method'], 20),
      url: text(given['url'], 2000),
      status: count(given['status']),
      how: text(given['how'], 200),
      ms: count(given['ms'])
    };
    return [call];
  }
  const level = LEVELS.find(one => one === given['level']);
  const line: ConsoleLine = {
    what: 'line',
    at,
    level: level ?? 'log',
    text: text(given['text'], 4000),
    source: text(given['source'], 400)
  };
  return given['what'] === 'line' ? [line] : [];
}

/** A whole number from 0; 0 for anything else. */
function count(given: unknown): number {
  return typeof given === 'number' && Number.isFinite(given) && given > 0 ? Math.round(given) : 0;
}

function list(given: unknown, most: number): unknown[] {
  return Array.isArray(given) ? given.slice(0, most) : [];
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function text(value: unknown, limit: number): string {
  return typeof value === 'string' ? value.slice(0, limit) : '';
}

function without(record: Record<string, unknown>, name: string): Record<string, unknown> {
  return Object.fromEntries(Object.entries(record).filter(([each]) => each !== name));
}
