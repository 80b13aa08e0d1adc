// What components import of Next.js, where there is no server and no other page: links and pictures are elements, a
// router goes nowhere, fonts are those of the page.
const { createElement, lazy, Suspense } = require('react');

const nothing = () => {};
const address = (to) => (typeof to === 'string' ? to : to?.pathname ?? '');

function Element({ href, src, fill, priority, loader, quality, placeholder, blurDataURL, unoptimized, prefetch, replace, scroll, ...rest }) {
  if (href !== undefined) return createElement('a', { ...rest, href: address(href), onClick: (event) => (event.preventDefault(), rest.onClick?.(event)) });
  const style = fill ? { position: 'absolute', inset: 0, width: '100%', height: '100%', ...rest.style } : rest.style;
  return src === undefined ? null : createElement('img', { ...rest, style, src: src.src ?? src });
}

function dynamic(load, { loading } = {}) {
  const Part = lazy(async () => {
    const found = await (typeof load === 'function' ? load() : load);
    return { default: found.default ?? found };
  });
  return (props) => createElement(Suspense, { fallback: loading ? createElement(loading) : null }, createElement(Part, props));
}

/** As a component it is a link or a picture, called with a module to load it is next/dynamic. */
function shown(given, more) {
  return typeof given === 'function' || given instanceof Promise ? dynamic(given, more) : Element(given);
}

const router = { push: nothing, replace: nothing, refresh: nothing, back: nothing, forward: nothing, prefetch: nothing };
const known = {
  __esModule: true,
  default: shown,
  useRouter: () => router,
  usePathname: () => '/',
  useSearchParams: () => new URLSearchParams(),
  useParams: () => ({}),
  useLinkStatus: () => ({ pending: false }),
  useSelectedLayoutSegment: () => null,
  useSelectedLayoutSegments: () => [],
  redirect: nothing,
  notFound: nothing,
};
const font = () => ({ className: '', variable: '', style: {} });

module.exports = new Proxy(known, { get: (given, name) => (name in given || typeof name !== 'string' ? given[name] : font) });
