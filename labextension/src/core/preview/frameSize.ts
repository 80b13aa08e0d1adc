/** The size of the page in the preview, and how it is shown in the room there is. All in CSS pixels. */

import { PHONE, TABLET } from './shownPages';

export type Device = 'desktop' | 'tablet' | 'phone' | 'custom';

export interface FrameSize {
  device: Device;
  /** Null: all the room there is. */
  width: number | null;
  height: number | null;
}

export const FULL: FrameSize = { device: 'desktop', width: null, height: null };

/** Sizes of widespread devices, upright. */
export const DEVICES: Readonly<Record<Exclude<Device, 'custom'>, FrameSize>> = {
  desktop: FULL,
  tablet: { device: 'tablet', ...TABLET },
  phone: { device: 'phone', ...PHONE }
};

export const NARROWEST = 200;
export const WIDEST = 4000;

/** A width or height that a page can have; null for what is no number of that kind. */
export function side(pixels: number): number | null {
  return Number.isFinite(pixels) && pixels >= NARROWEST && pixels <= WIDEST ? Math.round(pixels) : null;
}

/** The nearest that a page can have. */
export function nearestSide(pixels: number): number {
  return Math.round(Math.min(WIDEST, Math.max(NARROWEST, pixels)));
}

/** The same device, turned. What has no height of its own gets that of the room. */
export function turned({ device, width, height }: FrameSize, room: { height: number }): FrameSize {
  return { device, width: height ?? nearestSide(room.height), height: width };
}

export interface Fit {
  /** Of the page; null: all the room. */
  width: number | null;
  height: number | null;
  /** How large it is drawn, at most 1. */
  scale: number;
}

/**
 * How a size is shown: a page that is wider than the room is drawn smaller, one that is higher ends where the room does,
 * as it would scroll there. A room of no size is not known yet.
 */
export function fit({ width, height }: FrameSize, room: { width: number; height: number }): Fit {
  if (width === null) {
    return { width: null, height: null, scale: 1 };
  }
  const scale = room.width > 0 && room.width < width ? room.width / width : 1;
  const most = room.height > 0 ? room.height / scale : null;
  return { width, height: height !== null && most !== null ? Math.min(height, most) : (height ?? most), scale };
}
