/** What of an app is published: which version readers get, who came, what was published before; back, and down. */

import * as React from 'react';
import { Ago } from '../controls/Ago';
import { Disclosure } from '../controls/Disclosure';
import { Failure } from '../controls/Failure';
import { dateOf } from '../controls/format';
import { Icon } from '../controls/Icon';
import { spoken } from '../controls/language';
import { useTranslation } from '../controls/surroundings';
import type { PublicationAct } from '../panel';
import type { Publication, PublishedRelease } from '../wire/api.generated';
import type { Requests, Visits } from '../wire/transport';
import { RequestFailed } from '../wire/wire';
import { PublishedAddress } from './Address';
import { Confirm } from './Confirm';
import { ReadersPart, type ReadersAsks } from './ReadersPart';
import { earlier, kindTitle, liveRelease } from './wording';

/** What can be asked of a publication. */
export type PublicationAsks = Required<Pick<Requests, 'rollBack' | 'unpublish' | 'visits' | 'takeRelease'>> &
  ReadersAsks;

/** What waits for the person's word. */
type Asked = { act: 'unpublish' } | { act: 'rollback'; number: number };

/** Columns of the chart of visits. */
const DAYS = 30;
/** So many releases are drawn at first. */
const DRAWN = 5;

export function PublicationCard({
  publication,
  title,
  keeps,
  chosen,
  asks,
  changed,
  wanted,
  disabled,
  onDone
}: {
  publication: Publication;
  /** The target's. */
  title: string;
  /** What readers get is kept here. */
  keeps: boolean;
  /** The target lets in those whom the person names. */
  chosen: boolean;
  asks: PublicationAsks;
  /** The draft is another by now. */
  changed: boolean;
  /** Something that was asked for elsewhere, and is to be confirmed here; each time a new object. */
  wanted: PublicationAct | null;
  disabled: boolean;
  /** Something changed: all is to be read again. */
  onDone: () => void;
}): React.ReactElement {
  const trans = useTranslation();
  const { target, url, releases, live } = publication;
  const id = React.useId();
  const heading = React.useRef<HTMLHeadingElement>(null);
  const [asked, setAsked] = React.useState<Asked | null>(null);
  const [acting, setActing] = React.useState(false);
  const [failure, setFailure] = React.useState<RequestFailed | null>(null);
  const [drawn, setDrawn] = React.useState(DRAWN);
  const [open, setOpen] = React.useState(false);
  const latest = React.useRef(publication);
  latest.current = publication;
  React.useEffect(() => {
    if (wanted?.target === target) {
      const [before] = earlier(latest.current);
      setOpen(known => known || wanted.act !== 'unpublish');
      setAsked(
        wanted.act === 'unpublish'
          ? { act: 'unpublish' }
          : wanted.act === 'rollback' && before
            ? { act: 'rollback', number: before.number }
            : null
      );
      heading.current?.scrollIntoView?.({ block: 'nearest' });
    }
  }, [wanted, target]);
  const now = liveRelease(publication);
  const act = (work: Promise<void>): void => {
    setActing(true);
    setFailure(null);
    work
      .then(
        () => setAsked(null),
        (error: unknown) => setFailure(RequestFailed.from(error))
      )
      .finally(() => {
        setActing(false);
        heading.current?.focus();
        onDone();
      });
  };
  const back = asked?.act === 'rollback' ? releases.find(({ number }) => number === asked.number) : undefined;
  return (
    <section className="jp-AppBuilder-publication" aria-labelledby={id}>
      <h3 id={id} ref={heading} tabIndex={-1}>
        <Icon name="globe" />
        <span>{title}</span>
        {now && <span className="jp-AppBuilder-tag">{trans.__('release %1', now.number)}</span>}
      </h3>
      {now ? (
        <>
          <PublishedAddress url={url} />
          <div className="jp-AppBuilder-meta">
            <span>
              {trans.__('Published')} <Ago at={now.at} />
            </span>
            {now.data_as_of && <DataAsOf at={now.data_as_of} />}
          </div>
          {now.note && <p className="jp-AppBuilder-hint">{now.note}</p>}
          {changed && (
            <p className="jp-AppBuilder-hint">
              <Icon name="pencil" />{' '}
              {trans.__('The draft has changed since. Readers see this release until you publish again.')}
            </p>
          )}
        </>
      ) : (
        <p className="jp-AppBuilder-hint">{trans.__('It was taken down: the address leads nowhere now.')}</p>
      )}
      {now && chosen && <ReadersPart target={target} asks={asks} disabled={disabled || acting} />}
      {failure && <Failure error={failure} />}
      {back && (
        <Confirm
          question={trans.__('Roll back to release %1?', back.number)}
          detail={
            keeps
              ? trans.__('Readers get release %1 again at once. Your draft stays as it is.', back.number)
              : trans.__(
                  'Release %1 is handed over once more, and readers get it when it is in place. Your draft stays as it is.',
                  back.number
                )
          }
          yes={trans.__('Roll back')}
          disabled={acting || disabled}
          onYes={() => act(asks.rollBack(target, back.number))}
          onNo={() => setAsked(null)}
        />
      )}
      {asked?.act === 'unpublish' && (
        <Confirm
          question={trans.__('Take the app down?')}
          detail={trans.__('Nobody can open it any more at its address. The app itself, and your draft, stay.')}
          yes={trans.__('Unpublish')}
          disabled={acting || disabled}
          onYes={() => act(asks.unpublish(target))}
          onNo={() => setAsked(null)}
        />
      )}
      <Disclosure body={`${id}-more`} open={open} onToggle={setOpen} className="jp-AppBuilder-button jp-mod-quiet">
        {keeps ? trans.__('Visits and releases') : trans.__('Releases')}
      </Disclosure>
      {open && (
        <div id={`${id}-more`} className="jp-AppBuilder-publicationMore">
          {keeps && <VisitsChart asks={asks} target={target} />}
          <h4>{trans.__('Releases')}</h4>
          <ol className="jp-AppBuilder-releases" reversed>
            {releases.slice(0, drawn).map(release => (
              <ReleaseRow
                key={release.number}
                release={release}
                live={release.number === live}
                disabled={disabled || acting}
                onBack={() => setAsked({ act: 'rollback', number: release.number })}
                onDownload={() =>
                  void asks
                    .takeRelease(target, release.number)
                    .catch((error: unknown) => setFailure(RequestFailed.from(error)))
                }
              />
            ))}
          </ol>
          {releases.length > drawn && (
            <button type="button" className="jp-AppBuilder-link" onClick={() => setDrawn(known => known + 10 * DRAWN)}>
              {trans.__('Show older releases (%1)', releases.length - drawn)}
            </button>
          )}
          {now && (
            <div className="jp-AppBuilder-actions">
              <button
                type="button"
                className="jp-AppBuilder-button"
                disabled={disabled || acting}
                onClick={() => setAsked({ act: 'unpublish' })}
              >
                <Icon name="trash" />
                {trans.__('Unpublish…')}
              </button>
            </div>
          )}
        </div>
      )}
    </section>
  );
}

/** When the data of an app was handed over. */
export function DataAsOf({ at }: { at: string }): React.ReactElement {
  const trans = useTranslation();
  return <span title={new Date(at).toLocaleString(spoken())}>{trans.__('data as of %1', dateOf(at))}</span>;
}

function ReleaseRow({
  release,
  live,
  disabled,
  onBack,
  onDownload
}: {
  release: PublishedRelease;
  live: boolean;
  disabled: boolean;
  onBack: () => void;
  onDownload: () => void;
}): React.ReactElement {
  const trans = useTranslation();
  const { number, at, checkpoint, kept, file, accepted } = release;
  return (
    <li value={number}>
      <div className="jp-AppBuilder-releaseRow">
        <strong>{trans.__('Release %1', number)}</strong>
        <span className="jp-AppBuilder-meta">
          {live && <span className="jp-AppBuilder-tag">{trans.__('readers get this')}</span>}
          <Ago at={at} />
          <code>{checkpoint.slice(0, 7)}</code>
        </span>
        <span className="jp-AppBuilder-releaseActs">
          {file && (
            <button
              type="button"
              className="jp-AppBuilder-link"
              aria-label={trans.__('Download release %1', number)}
              onClick={onDownload}
            >
              {trans.__('Download')}
            </button>
          )}
          {!live && kept && (
            <button
              type="button"
              className="jp-AppBuilder-link"
              aria-label={trans.__('Roll back to release %1', number)}
              disabled={disabled}
              onClick={onBack}
            >
              {trans.__('Roll back')}
            </button>
          )}
        </span>
      </div>
      {accepted.length > 0 && (
        <ul className="jp-AppBuilder-accepted">
          {accepted.slice(0, 20).map((one, at) => (
            <li key={at} className="jp-AppBuilder-hint">
              {trans.__('%1: %2 Published all the same: “%3”', kindTitle(one.kind, trans), one.message, one.reason)}
            </li>
          ))}
        </ul>
      )}
    </li>
  );
}

/** One column a day, as high as many came. */
function VisitsChart({ asks, target }: { asks: PublicationAsks; target: string }): React.ReactElement {
  const trans = useTranslation();
  const [told, setTold] = React.useState<Visits | RequestFailed | null>(null);
  React.useEffect(() => {
    let wanted = true;
    asks.visits(target).then(
      found => wanted && setTold(found),
      (error: unknown) => wanted && setTold(RequestFailed.from(error))
    );
    return () => {
      wanted = false;
    };
  }, [asks, target]);
  if (told === null) {
    return <p className="jp-AppBuilder-note">{trans.__('Loading…')}</p>;
  }
  if (told instanceof RequestFailed) {
    return <Failure error={told} />;
  }
  const days = lastDays(told, DAYS, new Date().toISOString().slice(0, 10));
  const all = days.reduce((sum, { visits }) => sum + visits, 0);
  if (all === 0) {
    return <p className="jp-AppBuilder-note">{trans.__('Nobody has opened it in the last %1 days.', DAYS)}</p>;
  }
  const highest = Math.max(...days.map(({ visits }) => visits));
  const text = (one: { day: string; visits: number }): string =>
    `${date(one.day)}: ${trans._n('%1 visit', '%1 visits', one.visits, one.visits)}`;
  return (
    <figure className="jp-AppBuilder-chart">
      <div
        role="img"
        aria-label={days
          .filter(({ visits }) => visits > 0)
          .map(text)
          .join('; ')}
      >
        {days.map(one => (
          <span key={one.day} title={text(one)}>
            <span style={{ blockSize: `${(one.visits / highest) * 100}%` }} />
          </span>
        ))}
      </div>
      <figcaption>
        <span>{date(days[0]?.day ?? '')}</span>
        <span>{trans._n('%1 visit', '%1 visits', all, all)}</span>
        <span>{trans.__('today')}</span>
      </figcaption>
    </figure>
  );
}

/** Each of the last days, those too on which nobody came. */
export function lastDays({ days }: Visits, count: number, today: string): { day: string; visits: number }[] {
  const known = new Map(days.map(({ day, visits }) => [day, visits]));
  const newest = days.reduce((last, { day }) => (day > last ? day : last), today);
  const end = Date.parse(`${newest}T00:00:00Z`);
  return Array.from({ length: count }, (_, at) => {
    const day = new Date(end - (count - 1 - at) * 86_400_000).toISOString().slice(0, 10);
    return { day, visits: known.get(day) ?? 0 };
  });
}

function date(day: string): string {
  const at = new Date(`${day}T00:00:00Z`);
  return Number.isNaN(at.getTime())
    ? day
    : at.toLocaleDateString(spoken(), { day: 'numeric', month: 'short', timeZone: 'UTC' });
}
