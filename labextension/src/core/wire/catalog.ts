import * as React from 'react';
import { known, type Translation } from '../controls/translation';
import type { Tool } from './api.generated';
import type { Api, Demo, ModelChoice, SandboxChoice, TemplateChoice } from './transport';

export interface Catalog {
  models: readonly ModelChoice[];
  demos: readonly Demo[];
  templates: readonly TemplateChoice[];
  sandboxes: readonly SandboxChoice[];
  tools: readonly Tool[];
  loading: boolean;
  refresh: () => void;
}

/** Models, demos, templates and tools; what cannot be had is left out, the list of sessions shows the server's error. */
export function useCatalog(api: Api, trans: Translation): Catalog {
  const [models, setModels] = React.useState<readonly ModelChoice[] | null>(null);
  const [demos, setDemos] = React.useState<readonly Demo[]>([]);
  const [templates, setTemplates] = React.useState<readonly TemplateChoice[]>([]);
  const [sandboxes, setSandboxes] = React.useState<readonly SandboxChoice[]>([]);
  const [tools, setTools] = React.useState<readonly Tool[]>([]);
  const [again, setAgain] = React.useState(0);
  const refresh = React.useCallback(() => setAgain(count => count + 1), []);
  React.useEffect(() => {
    let wanted = true;
    const keep =
      <T>(set: (value: T) => void) =>
      (value: T): void => {
        if (wanted) {
          set(value);
        }
      };
    api.models().then(keep(setModels), () => keep(setModels)([]));
    api.demos().then(keep(setDemos), () => undefined);
    api.templates().then(keep(setTemplates), () => undefined);
    api.sandboxes().then(keep(setSandboxes), () => undefined);
    api.tools().then(keep(setTools), () => undefined);
    return () => {
      wanted = false;
    };
  }, [api, again]);
  return {
    models: models ?? [],
    demos: React.useMemo(() => demos.map(demo => ({ ...demo, title: known(demo.title, trans) })), [demos, trans]),
    templates: React.useMemo(() => templates.map(one => inWords(one, trans)), [templates, trans]),
    sandboxes,
    tools,
    loading: models === null,
    refresh
  };
}

/** A template as it is read. */
function inWords(template: TemplateChoice, trans: Translation): TemplateChoice {
  const { title, summary, prompts } = template;
  return {
    ...template,
    title: known(title, trans),
    summary: known(summary, trans),
    prompts: prompts.map(prompt => known(prompt, trans))
  };
}
