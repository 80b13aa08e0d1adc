/** The pages of an app, as far as they are known: those that were shown, and those that links and its layout lead to. */

export interface Route {
  /** As the app names it, with a slash before it. */
  path: string;
  /** What a link to it says; may be empty. */
  title: string;
}

export const MOST_ROUTES = 100;

/** Routes with more; what a link says is the title of what had none. */
export function withRoutes(known: readonly Route[], found: readonly Route[]): readonly Route[] {
  const all = new Map(known.map(route => [route.path, route]));
  let changed = false;
  for (const route of found) {
    const before = all.get(route.path);
    if (before ? before.title === '' && route.title !== '' : all.size < MOST_ROUTES) {
      all.set(route.path, route);
      changed = true;
    }
  }
  return changed ? [...all.values()] : known;
}

/** Those that hold what is typed, by path; all of them while nothing is. */
export function matchingRoutes(routes: readonly Route[], typed: string | null): Route[] {
  const words = (typed ?? '').trim().toLowerCase();
  return routes
    .filter(({ path, title }) => `${path} ${title}`.toLowerCase().includes(words))
    .sort((one, other) => (one.path < other.path ? -1 : 1));
}

/** The pages that a layout (`ui.json`) names. Those with a part that stands for something (`/tasks/:id`) lead nowhere. */
export function routesOfLayout(layout: Readonly<Record<string, unknown>>): Route[] {
  const pages = layout['pages'];
  return Array.isArray(pages)
    ? pages.flatMap((page: unknown) => {
        const { path, title } = (page ?? {}) as { path?: unknown; title?: unknown };
        return typeof path === 'string' && path.startsWith('/') && !/[:*[]/.test(path)
          ? [{ path, title: typeof title === 'string' ? title.slice(0, 100) : '' }]
          : [];
      })
    : [];
}
