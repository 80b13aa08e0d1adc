import * as React from 'react';
import { checklist } from '../view/checklist';
import type { PlanItem, Turn } from '../view/view';
import { Disclosure } from '../controls/Disclosure';
import { Icon, Spinner } from '../controls/Icon';
import { ByWhom, useName } from './ByWhom';
import { Card } from './Card';
import { Markdown } from './Markdown';
import { useTranslation } from '../controls/surroundings';
import type { TurnActions } from './actions';
import { spoken } from '../controls/language';

/** A plan: the person reads it, edits it, has it built, or asks for another. */
export function PlanCard({ item, actions }: { item: PlanItem; actions: TurnActions }): React.ReactElement {
  const trans = useTranslation();
  const [text, setText] = React.useState(item.text);
  const [editing, setEditing] = React.useState(false);
  const [sent, setSent] = React.useState(false);
  const title = React.useId();
  const area = React.useRef<HTMLTextAreaElement>(null);
  const edit = React.useRef<HTMLButtonElement>(null);
  const wasEditing = React.useRef(false);
  const edited = text.trim() !== item.text;

  React.useEffect(() => {
    if (editing) {
      area.current?.focus();
    } else if (wasEditing.current) {
      edit.current?.focus();
    }
    wasEditing.current = editing;
  }, [editing]);

  if (item.accepted || item.replaced) {
    return <ClosedPlan item={item} />;
  }
  const build = (): void => {
    setSent(true);
    const request = actions.transport.accept(item.plan, edited ? text : undefined);
    request.catch(() => setSent(false));
    actions.attempt(request);
  };
  return (
    <section className="jp-AppBuilder-plan" aria-labelledby={title}>
      <header className="jp-AppBuilder-planHead">
        <Icon name="plan" />
        <h3 id={title}>{trans.__('Plan')}</h3>
        {edited && <span className="jp-AppBuilder-tag">{trans.__('edited')}</span>}
        <span className="jp-AppBuilder-planState">{trans.__('Nothing is changed yet')}</span>
      </header>
      {editing ? (
        <textarea
          ref={area}
          className="jp-AppBuilder-planText"
          aria-label={trans.__('The plan, in Markdown')}
          rows={Math.min(24, Math.max(8, text.split('\n').length + 2))}
          value={text}
          onChange={event => setText(event.target.value)}
          onKeyDown={event => {
            if (event.key === 'Escape') {
              event.stopPropagation();
              setEditing(false);
            }
          }}
        />
      ) : (
        <div className="jp-AppBuilder-planBody">
          <Markdown text={text} />
        </div>
      )}
      {actions.owned ? (
        <div className="jp-AppBuilder-noticeActions">
          <button
            type="button"
            className="jp-AppBuilder-button jp-mod-primary"
            disabled={actions.busy || sent || text.trim() === ''}
            title={edited ? trans.__('Build it as you edited it') : undefined}
            onClick={build}
          >
            <Icon name="play" />
            {trans.__('Build this plan')}
          </button>
          {editing ? (
            <button type="button" className="jp-AppBuilder-button" onClick={() => setEditing(false)}>
              <Icon name="eye" />
              {trans.__('Show it')}
            </button>
          ) : (
            <button
              type="button"
              ref={edit}
              className="jp-AppBuilder-button"
              disabled={sent}
              onClick={() => setEditing(true)}
            >
              <Icon name="pencil" />
              {trans.__('Edit')}
            </button>
          )}
          {edited && (
            <button type="button" className="jp-AppBuilder-button jp-mod-quiet" onClick={() => setText(item.text)}>
              <Icon name="undo" />
              {trans.__('Discard edits')}
            </button>
          )}
          {!edited && !editing && (
            <button
              type="button"
              className="jp-AppBuilder-button"
              disabled={actions.busy || sent}
              title={trans.__('Say what should be different; you get another plan')}
              onClick={actions.askForPlan}
            >
              {trans.__('Change it…')}
            </button>
          )}
        </div>
      ) : (
        <p className="jp-AppBuilder-hint">{trans.__('Accept it where the session is open.')}</p>
      )}
    </section>
  );
}

/** A plan that was accepted, or that a later one stands for: folded. */
function ClosedPlan({ item }: { item: PlanItem }): React.ReactElement {
  const trans = useTranslation();
  const { accepted } = item;
  const name = useName(accepted?.byWhom ?? null);
  const when = accepted ? new Date(accepted.at) : null;
  const label = accepted
    ? accepted.edited
      ? trans.__('Plan accepted, with edits')
      : trans.__('Plan accepted')
    : trans.__('Earlier plan');
  return (
    <Card
      icon={accepted ? 'check' : 'plan'}
      title={label}
      aside={
        accepted &&
        when && (
          <span className="jp-AppBuilder-note" title={when.toLocaleString(spoken())}>
            {accepted.by === 'notebook'
              ? trans.__('in a notebook')
              : name === ''
                ? trans.__('by you')
                : trans.__('by %1', name)}
            , {when.toLocaleTimeString(spoken(), { hour: '2-digit', minute: '2-digit' })}
          </span>
        )
      }
      label={trans.__('%1: show it', label)}
      body={() => (
        <div className="jp-AppBuilder-planBody">
          <Markdown text={item.text} />
        </div>
      )}
    />
  );
}

/** A plan on its way, as far as it has come. */
export function ArrivingPlan({ text }: { text: string }): React.ReactElement {
  const trans = useTranslation();
  return (
    <section className="jp-AppBuilder-plan jp-mod-arriving" aria-label={trans.__('Plan')}>
      <header className="jp-AppBuilder-planHead">
        <Icon name="plan" />
        <h3>{trans.__('Writing a plan')}</h3>
        <Spinner />
      </header>
      {text !== '' && (
        <div className="jp-AppBuilder-planBody">
          <Markdown text={text} />
        </div>
      )}
    </section>
  );
}

/** The request of a turn that builds a plan: its first line, and the plan as it was accepted, with what is done of it. */
export const PlanRequest = React.memo(function PlanRequest({
  request,
  byWhom,
  builds,
  running
}: PlanRequestProps): React.ReactElement {
  const trans = useTranslation();
  // Open while it is built, until the person decides otherwise.
  const [chosen, setChosen] = React.useState<boolean | null>(null);
  const end = request.indexOf('\n');
  const plan = checklist(end < 0 ? '' : request.slice(end).trim(), builds.done);
  const open = chosen ?? (running && plan.items > 0);
  const body = React.useId();
  return (
    <div className="jp-AppBuilder-request jp-mod-plan">
      <ByWhom person={byWhom} />
      {end < 0 ? request : request.slice(0, end)}
      {plan.text !== '' && (
        <>
          <Disclosure className="jp-AppBuilder-button jp-mod-quiet" body={body} open={open} onToggle={setChosen}>
            {builds.edited ? trans.__('The plan, as edited') : trans.__('The plan')}
            {plan.items > 0 && (running || builds.done.length > 0) && (
              <span>· {trans.__('%1 of %2 done', builds.done.length, plan.items)}</span>
            )}
          </Disclosure>
          {open && (
            <div className="jp-AppBuilder-planBody" id={body}>
              <Markdown text={plan.text} />
            </div>
          )}
        </>
      )}
    </div>
  );
});

interface PlanRequestProps {
  request: string;
  /** Who had it built, where the server knows people apart. */
  byWhom: Turn['byWhom'];
  builds: NonNullable<Turn['builds']>;
  running: boolean;
}

/** Items of the plan that the agent ticked off. */
export function Ticked({ items }: { items: readonly string[] }): React.ReactElement {
  const trans = useTranslation();
  return (
    <div className="jp-AppBuilder-ticked" role="group" aria-label={trans.__('Ticked off')}>
      <Markdown text={items.map(item => `- [x] ${item}`).join('\n')} />
    </div>
  );
}
