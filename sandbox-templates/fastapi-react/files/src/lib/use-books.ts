import { useCallback, useEffect, useState } from "react";

import { api, type Book, type NewBook, type Summary } from "@/lib/api";

interface Books {
  /** Null until the API has answered. */
  books: Book[] | null;
  summary: Summary | null;
  error: string | null;
  add: (book: NewBook) => Promise<boolean>;
  setRead: (id: number, read: boolean) => Promise<boolean>;
  remove: (id: number) => Promise<boolean>;
  reload: () => Promise<boolean>;
}

export function useBooks(): Books {
  const [books, setBooks] = useState<Book[] | null>(null);
  const [summary, setSummary] = useState<Summary | null>(null);
  const [error, setError] = useState<string | null>(null);

  /** Does something, then shows how things stand in the API. Whether it succeeded. */
  const act = useCallback(async (action?: () => Promise<unknown>) => {
    try {
      await action?.();
      const [nextBooks, nextSummary] = await Promise.all([api.books(), api.summary()]);
      setBooks(nextBooks);
      setSummary(nextSummary);
      setError(null);
      return true;
    } catch (caught) {
      setError(caught instanceof Error ? caught.message : String(caught));
      return false;
    }
  }, []);

  useEffect(() => void act(), [act]);

  return {
    books,
    summary,
    error,
    add: (book) => act(() => api.addBook(book)),
    setRead: (id, read) => act(() => api.setRead(id, read)),
    remove: (id) => act(() => api.deleteBook(id)),
    reload: () => act(),
  };
}
