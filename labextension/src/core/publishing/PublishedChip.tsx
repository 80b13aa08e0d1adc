/** In an app's header: the way to publish it; that it is published, or on its way; and what is done with that. */

import * as React from 'react';
import { Ago } from '../controls/Ago';
import { Icon, Spinner } from '../controls/Icon';
import { MenuButton, type MenuEntry } from '../controls/Menu';
import { dateOf, relativeTime } from '../controls/format';
import { useHost, useTranslation } from '../controls/surroundings';
import type { Translation } from '../controls/translation';
import { isBusy, type SessionView } from '../view/view';
import type { PublishedAs } from '../wire/api.generated';
import { copyText } from './Address';
import { webAddress } from './wording';

export function PublishedChip({
  view,
  attempt
}: {
  view: SessionView;
  attempt: (request: Promise<unknown>) => void;
}): React.ReactElement | null {
  const trans = useTranslation();
  const { pages, publication, base = window.location.href } = useHost();
  const { session, publishing } = view;
  const open = pages?.publish?.run;
  if (open && (publishing?.state === 'running' || publishing?.state === 'waiting')) {
    const waits = publishing.state === 'waiting';
    return (
      <button type="button" className={`jp-AppBuilder-chip${waits ? ' jp-mod-waiting' : ''}`} onClick={open}>
        {waits ? <Icon name="question" /> : <Spinner />}
        {waits ? trans.__('Publishing waits for you') : trans.__('Publishing…')}
      </button>
    );
  }
  const published = session?.published ?? [];
  const [first] = published;
  if (!first) {
    // Once there is something to show to others.
    return open && view.checkpoints.length > 1 && !isBusy(view) ? (
      <button
        type="button"
        className="jp-AppBuilder-chip"
        title={trans.__('Give others an address at which they open this app')}
        onClick={open}
      >
        <Icon name="upload" />
        {trans.__('Publish')}
      </button>
    ) : null;
  }
  const entries = published.flatMap((one): MenuEntry[] => {
    const named = (label: string): string => (published.length > 1 ? `${label} (${one.target})` : label);
    const { target } = one;
    return [
      ...publishedLinks([one], base, trans, attempt).map(entry => ({ ...entry, label: named(entry.label) })),
      ...(publication
        ? [
            ...(one.number > 1
              ? [
                  {
                    label: named(trans.__('Roll back…')),
                    icon: 'undo' as const,
                    run: () => publication({ target, act: 'rollback' })
                  }
                ]
              : []),
            {
              label: named(trans.__('Visits and releases')),
              icon: 'list' as const,
              run: () => publication({ target, act: 'show' })
            },
            {
              label: named(trans.__('Unpublish…')),
              icon: 'trash' as const,
              danger: true,
              run: () => publication({ target, act: 'unpublish' })
            }
          ]
        : [])
    ];
  });
  if (open) {
    const after = entries.findIndex(entry => entry.icon !== 'external' && entry.icon !== 'copy');
    entries.splice(after < 0 ? entries.length : after, 0, {
      label: trans.__('Publish again…'),
      icon: 'upload',
      run: open
    });
  }
  return (
    <MenuButton
      label={trans.__('Published: release %1', first.number)}
      title={publishedTitle(first, trans)}
      text={trans.__('published')}
      icon="globe"
      entries={entries}
    />
  );
}

/** "Published: release 3, two days ago, data as of 1 March 2026". */
export function publishedTitle({ number, at, data_as_of: data, ...one }: PublishedAs, trans: Translation): string {
  const ago = relativeTime(at, Date.now());
  if (data && one.refresh_failed) {
    return trans.__(
      'Published: release %1, data as of %2; the last refresh failed: %3',
      number,
      dateOf(data),
      one.refresh_failed
    );
  }
  return data
    ? trans.__('Published: release %1, %2, data as of %3', number, ago, dateOf(data))
    : trans.__('Published: release %1, %2', number, ago);
}

/** On the card of an app, and in lists. */
export function PublishedTag({ published }: { published: readonly PublishedAs[] }): React.ReactElement | null {
  const trans = useTranslation();
  const [first] = published;
  return first ? (
    <span
      className={`jp-AppBuilder-tag jp-mod-published${first.refresh_failed ? ' jp-mod-late' : ''}`}
      title={publishedTitle(first, trans)}
    >
      <Icon name={first.refresh_failed ? 'alert' : 'globe'} />
      {first.refresh_failed ? trans.__('published, refresh failed') : trans.__('published')}
    </span>
  ) : null;
}

/** On the card of an app: which release readers get, since when, and from when its data are. */
export function PublishedSince({ published }: { published: readonly PublishedAs[] }): React.ReactElement | null {
  const trans = useTranslation();
  const [first] = published;
  return first ? (
    <div className="jp-AppBuilder-meta">
      <span>
        {trans.__('release %1', first.number)} <Ago at={first.at} />
      </span>
      {first.data_as_of && <span>{trans.__('data as of %1', dateOf(first.data_as_of))}</span>}
    </div>
  ) : null;
}

/** The ways to what readers open, for a menu. */
export function publishedLinks(
  published: readonly PublishedAs[],
  base: string,
  trans: Translation,
  attempt: (request: Promise<unknown>) => void
): MenuEntry[] {
  return published.flatMap((one): MenuEntry[] => {
    const address = webAddress(one.url, base);
    const named = (label: string): string => (published.length > 1 ? `${label} (${one.target})` : label);
    return one.url && address
      ? [
          {
            label: named(trans.__('Open the published app')),
            icon: 'external',
            run: () => void window.open(address, '_blank', 'noopener,noreferrer')
          },
          { label: named(trans.__('Copy the link')), icon: 'copy', run: () => attempt(copyText(address)) }
        ]
      : [];
  });
}
