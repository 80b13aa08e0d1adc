import * as React from 'react';
import type { TemplateChoice } from '../wire/transport';
import { Icon } from '../controls/Icon';
import { useTranslation } from '../controls/surroundings';

/** What an app can start from, as cards. */
export function TemplatePicker({
  id,
  templates,
  chosen,
  onChoose,
  onGallery
}: {
  id: string;
  templates: readonly TemplateChoice[];
  chosen: string;
  onChoose: (name: string) => void;
  /** Show them with pictures, and add others. */
  onGallery?: (() => void) | undefined;
}): React.ReactElement {
  const trans = useTranslation();
  const group = React.useId();
  return (
    <fieldset className="jp-AppBuilder-templates" id={id}>
      <legend>{trans.__('Start from')}</legend>
      <div className="jp-AppBuilder-templateGrid">
        {templates.map(choice => (
          <label key={choice.name} className="jp-AppBuilder-template">
            <input
              type="radio"
              className="jp-AppBuilder-hidden"
              name={group}
              value={choice.name}
              checked={choice.name === chosen}
              aria-label={choice.title}
              aria-describedby={`${group}-${choice.name}`}
              onChange={() => onChoose(choice.name)}
            />
            <span className="jp-AppBuilder-templateTitle">
              <TemplateIcon template={choice} />
              {choice.title}
              <Icon name="check" className="jp-AppBuilder-templateCheck" />
            </span>
            <span className="jp-AppBuilder-templateSummary" id={`${group}-${choice.name}`} title={choice.summary}>
              {choice.summary}
            </span>
          </label>
        ))}
      </div>
      {onGallery && (
        <button type="button" className="jp-AppBuilder-link jp-AppBuilder-toGallery" onClick={onGallery}>
          {trans.__('With pictures, and others to add')}
        </button>
      )}
    </fieldset>
  );
}

/** A template's own picture. As an image it can neither run a script nor reach the page's styles. */
export function TemplateIcon({ template }: { template: TemplateChoice }): React.ReactElement {
  return template.icon ? (
    <img
      className="jp-AppBuilder-templateIcon"
      src={`data:image/svg+xml;utf8,${encodeURIComponent(template.icon)}`}
      alt=""
      width="18"
      height="18"
    />
  ) : (
    <Icon name="box" />
  );
}
