import { act, cleanup, render, screen } from '@testing-library/react';
import * as React from 'react';
import { afterEach, expect, it, vi } from 'vitest';
import { Ago } from './Ago';

afterEach(() => {
  cleanup();
  vi.useRealTimers();
});

it('how long ago something was stays true while nothing else happens', () => {
  vi.useFakeTimers({ now: new Date('2026-01-01T12:00:00Z') });
  render(
    <>
      <Ago at="2026-01-01T11:59:58Z" />
      <Ago at="2026-01-01T11:50:00Z" />
    </>
  );
  expect(screen.getByText('now')).toBeTruthy();
  expect(screen.getByText('10 minutes ago')).toBeTruthy();
  act(() => void vi.advanceTimersByTime(5 * 60_000));
  expect(screen.getByText('5 minutes ago')).toBeTruthy();
  expect(screen.getByText('15 minutes ago')).toBeTruthy();
  cleanup();
  expect(vi.getTimerCount()).toBe(0);
});
