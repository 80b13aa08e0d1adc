// The page that all of an app's addresses share.
const escaped = (text) => String(text).replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);

/** `head`: what comes before the page's own script, e.g. an import map. */
export function page({ layout, scripts, styles, head = '' }) {
  const title = escaped(layout?.title ?? 'App');
  const description = escaped(layout?.description ?? '');
  return `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <meta name="color-scheme" content="light dark" />
    <meta name="description" content="${description}" />
    <meta property="og:type" content="website" />
    <meta property="og:title" content="${title}" />
    <meta property="og:description" content="${description}" />
    <link rel="icon" href="data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Crect width='16' height='16' rx='4' fill='%234f46e5'/%3E%3C/svg%3E" />
    <title>${title}</title>
${styles.map(({ name, href }) => `    <link rel="stylesheet" data-app-style="${name}" href="${href}" />`).join('\n')}
${head}
${scripts.map((src) => `    <script type="module" src="${src}"></script>`).join('\n')}
  </head>
  <body>
    <div id="root"></div>
  </body>
</html>
`;
}
