import { clsx, type ClassValue } from "clsx";
import { twMerge } from "tailwind-merge";

/** Joins class names; of Tailwind classes that contradict each other the last one wins. */
export function cn(...names: ClassValue[]): string {
  return twMerge(clsx(names));
}

/** The address of an API route or a file in public/, for fetch(): the app may be served below a path. */
export function url(path: string): string {
  return `${process.env.NEXT_PUBLIC_BASE_PATH ?? ""}${path}`;
}
