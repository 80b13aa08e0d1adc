/** What a page wants and its sandbox keeps from it: offered outside the page, and done by the person's click there. */

import { bytes } from '../controls/format';
import { saveFile } from '../controls/saving';
import type { Translation } from '../controls/translation';
import type { PageRequest } from './pageMessages';

const MOST_REQUESTS = 5; // of a page's, that wait for the person

/** Requests with one more, unless it is there or too many wait. What a person is about to grant stays the first. */
export function withRequest(known: readonly PageRequest[], request: PageRequest): readonly PageRequest[] {
  return known.length < MOST_REQUESTS && !known.some(one => same(one, request)) ? [...known, request] : known;
}

/** Whether the person just did something in the page: a click or a key there counts out here for a while. */
export function justActed(): boolean {
  return navigator.userActivation?.isActive ?? true;
}

/** What is asked, in words. `base`: the preview's address; a page of the app is told by its path. */
export function wording(request: PageRequest, base: string, trans: Translation): string {
  if (request.kind === 'save') {
    return trans.__('The app wants to save %1 (%2).', request.name, bytes(request.content.size));
  }
  const place = placeOf(request.url, base);
  return place
    ? trans.__('The app wants to open its page %1 in a new tab', place)
    : trans.__('The app wants to open %1', request.url);
}

/** The name or the address, for a tooltip: where there is little room, the words are cut. */
export function subject(request: PageRequest, base: string): string {
  return request.kind === 'save' ? request.name : placeOf(request.url, base) || request.url;
}

function placeOf(url: string, base: string): string {
  return base !== '' && url.startsWith(base) ? `/${url.slice(base.length)}` : '';
}

/** Do what the page asked for, from the person's click. */
export function grant(request: PageRequest): void {
  if (request.kind === 'open') {
    window.open(request.url, '_blank', 'noopener,noreferrer');
    return;
  }
  // Without the page's type: what is saved is never shown by this origin.
  saveFile(new Blob([request.content], { type: 'application/octet-stream' }), request.name);
}

function same(one: PageRequest, other: PageRequest): boolean {
  return one.kind === 'open'
    ? other.kind === 'open' && one.url === other.url
    : other.kind === 'save' && one.name === other.name && one.content.size === other.content.size;
}
