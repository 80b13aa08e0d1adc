import { describe, expect, it } from 'vitest';
import { DEVICES, fit, FULL, nearestSide, side, turned } from './frameSize';
import { Looks, PLAIN } from './looks';
import { matchingRoutes, MOST_ROUTES, routesOfLayout, withRoutes } from './routes';

describe('the size of the page', () => {
  const room = { width: 600, height: 500 };

  it('is all the room, or that of a device, drawn smaller where it does not fit', () => {
    expect(fit(FULL, room)).toEqual({ width: null, height: null, scale: 1 });
    expect(fit(DEVICES.phone, room)).toEqual({ width: 390, height: 500, scale: 1 });
    const tablet = fit(DEVICES.tablet, room);
    expect(tablet.scale).toBeCloseTo(600 / 820);
    expect((tablet.height ?? 0) * tablet.scale).toBeCloseTo(500);
    expect(fit({ device: 'custom', width: 400, height: 300 }, room)).toEqual({ width: 400, height: 300, scale: 1 });
  });

  it('is drawn as it is while the room is not known', () => {
    expect(fit(DEVICES.phone, { width: 0, height: 0 })).toEqual({ width: 390, height: 844, scale: 1 });
    expect(fit({ device: 'custom', width: 390, height: null }, { width: 0, height: 0 }).height).toBeNull();
  });

  it('is turned, and back', () => {
    const across = turned(DEVICES.phone, room);
    expect(across).toEqual({ device: 'phone', width: 844, height: 390 });
    expect(turned(across, room)).toEqual(DEVICES.phone);
    expect(turned({ device: 'custom', width: 700, height: null }, room)).toEqual({
      device: 'custom',
      width: 500,
      height: 700
    });
  });

  it('takes numbers that a page can have', () => {
    expect([side(390.4), side(12), side(NaN), side(1e9)]).toEqual([390, null, null, null]);
    expect([nearestSide(12), nearestSide(1e9)]).toEqual([200, 4000]);
  });
});

describe('the pages of an app', () => {
  it('are told once, with what a link says', () => {
    const known = withRoutes([{ path: '/', title: '' }], [{ path: '/about', title: '' }]);
    expect(withRoutes(known, [{ path: '/about', title: 'About us' }])).toEqual([
      { path: '/', title: '' },
      { path: '/about', title: 'About us' }
    ]);
    expect(withRoutes(known, [{ path: '/', title: '' }])).toBe(known);
    const many = Array.from({ length: 500 }, (_, n) => ({ path: `/${n}`, title: '' }));
    expect(withRoutes(known, many)).toHaveLength(MOST_ROUTES);
  });

  it('are found by what is typed', () => {
    const routes = [
      { path: '/tasks', title: 'All tasks' },
      { path: '/about', title: '' }
    ];
    expect(matchingRoutes(routes, null).map(route => route.path)).toEqual(['/about', '/tasks']);
    expect(matchingRoutes(routes, 'ALL').map(route => route.path)).toEqual(['/tasks']);
  });

  it('are read from a layout, whatever it holds', () => {
    const pages = [{ path: '/', title: 'Home' }, { path: '/task/:id' }, { path: 7 }, null, 'x', { path: '/team' }];
    expect(routesOfLayout({ pages })).toEqual([
      { path: '/', title: 'Home' },
      { path: '/team', title: '' }
    ]);
    expect(routesOfLayout({ pages: 'none' })).toEqual([]);
  });
});

describe('how an app is looked at', () => {
  const PHONE = { size: DEVICES.phone, dark: true, drawer: { tab: 'requests', open: true, height: 300 } } as const;
  const KEY = 'jupyter-appbuilder:looks:/user/ada/';

  it('is kept by app and by server, of so many as were looked at last', () => {
    const looks = new Looks('/user/ada/');
    expect(looks.get('a')).toEqual(PLAIN);
    looks.set('a', PHONE);
    expect(new Looks('/user/ada/').get('a')).toEqual(PHONE);
    expect(new Looks('/user/bob/').get('a')).toEqual(PLAIN);
    expect(looks.get('b')).toEqual(PLAIN);
    for (let number = 0; number < 150; number += 1) {
      looks.set(`s${number}`, PHONE);
    }
    expect(looks.get('a')).toEqual(PLAIN);
    expect(JSON.parse(window.localStorage.getItem(KEY) ?? '')).toHaveLength(100);
    const none = new Looks();
    none.set('a', PHONE);
    expect(none.get('a')).toEqual(PLAIN);
  });

  it('is taken as far as it makes sense', () => {
    for (const wrong of ['{', '7', 'null', '[1, ["a"], null]', '[["a", {"size": 1, "dark": "yes", "drawer": []}]]']) {
      window.localStorage.setItem(KEY, wrong);
      expect(new Looks('/user/ada/').get('a')).toEqual(PLAIN);
    }
    const size = { device: 'custom', width: 1e9, height: 'x' };
    window.localStorage.setItem(KEY, JSON.stringify([['a', { size, dark: true, drawer: { height: -1 } }]]));
    expect(new Looks('/user/ada/').get('a')).toEqual({ ...PLAIN, dark: true });
  });
});
