/** The Python API, typed. api/models.py has the same types: change both together. */

export interface NewBook {
  title: string;
  author: string;
  pages: number;
}

export interface Book extends NewBook {
  id: number;
  read: boolean;
}

export interface Summary {
  books: number;
  read: number;
  pages: number;
  pages_read: number;
}

export class ApiError extends Error {}

/** Calls `path` below the API. Throws an ApiError whose message can be shown to people. */
async function call<T>(path: string, method = "GET", body?: unknown): Promise<T> {
  let response: Response;
  try {
    response = await fetch(`${import.meta.env.BASE_URL}api/${path}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { "Content-Type": "application/json" } }),
    });
  } catch {
    throw new ApiError("The API cannot be reached.");
  }
  if (response.status === 204) return undefined as T;
  const text = await response.text();
  if (!response.ok) throw new ApiError(reason(text) ?? `The API answered with an error (${response.status}).`);
  return JSON.parse(text) as T;
}

/** FastAPI's `detail`: a sentence, or a list of what is wrong with which field. */
function reason(text: string): string | null {
  try {
    const { detail } = JSON.parse(text) as { detail?: string | { msg: string; loc: (string | number)[] }[] };
    if (typeof detail === "string") return detail;
    return detail?.map(({ loc, msg }) => `${loc.at(-1)}: ${msg}`).join(". ") ?? null;
  } catch {
    return null;
  }
}

export const api = {
  books: () => call<Book[]>("books"),
  summary: () => call<Summary>("summary"),
  addBook: (book: NewBook) => call<Book>("books", "POST", book),
  setRead: (id: number, read: boolean) => call<Book>(`books/${id}`, "PATCH", { read }),
  deleteBook: (id: number) => call<void>(`books/${id}`, "DELETE"),
};
