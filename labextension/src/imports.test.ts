/// <reference types="vite/client" />
import { expect, it } from 'vitest';

const SOURCES = import.meta.glob<string>(['./**/*.{ts,tsx}', '!./**/*.test.{ts,tsx}'], {
  query: '?raw',
  import: 'default',
  eager: true
});

/** What a module imports of ours, types too. */
function imported(module: string): string[] {
  const found = SOURCES[module]?.matchAll(/from '(\.[^']+)'/g) ?? [];
  return Array.from(found, ([, path]) => {
    const bare = new URL(path ?? '', `file:///${module}`).pathname.replace('/', './');
    return [`${bare}.ts`, `${bare}.tsx`].find(name => name in SOURCES) ?? bare;
  });
}

it('has no modules that import each other in a circle', () => {
  const done = new Set<string>();
  const circles: string[] = [];
  const visit = (module: string, above: string[]): void => {
    if (above.includes(module)) {
      circles.push([...above.slice(above.indexOf(module)), module].join(' -> '));
    } else if (!done.has(module)) {
      imported(module).forEach(next => visit(next, [...above, module]));
      done.add(module);
    }
  };
  Object.keys(SOURCES).forEach(module => visit(module, []));
  expect(circles).toEqual([]);
  expect(imported('./core/pages/Panel.tsx')).toContain('./core/pages/pages.ts');
});
