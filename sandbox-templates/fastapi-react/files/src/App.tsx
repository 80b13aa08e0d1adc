import { BookOpen, Trash2 } from "lucide-react";

import { BookForm } from "@/components/book-form";
import { ThemeToggle } from "@/components/theme-toggle";
import { Button } from "@/components/ui/button";
import { Checkbox } from "@/components/ui/checkbox";
import type { Book } from "@/lib/api";
import { useBooks } from "@/lib/use-books";

export default function App() {
  const { books, summary, error, add, setRead, remove, reload } = useBooks();
  return (
    <div className="relative min-h-dvh overflow-hidden">
      <div
        aria-hidden
        className="pointer-events-none absolute inset-0 bg-[radial-gradient(60rem_36rem_at_75%_-8rem,color-mix(in_oklab,var(--primary)_18%,transparent),transparent)]"
      />
      <header className="relative mx-auto flex w-full max-w-3xl items-center justify-between px-6 py-5">
        <span className="rounded-full border bg-card/70 px-3 py-1 text-sm text-muted-foreground">
          Python API and React
        </span>
        <ThemeToggle />
      </header>
      <main className="relative mx-auto flex w-full max-w-3xl flex-col gap-8 px-6 pb-16">
        <div className="flex flex-col gap-3">
          <h1 className="text-4xl font-semibold tracking-tight text-balance sm:text-5xl">
            Describe your app. <span className="text-primary">It will appear here.</span>
          </h1>
          <p className="max-w-xl text-lg text-pretty text-muted-foreground">
            Until then, here is a reading list. The page is React; the books are kept and counted by Python.
          </p>
        </div>
        {error && (
          <div
            role="alert"
            className="flex items-center justify-between gap-4 rounded-xl border border-destructive/40 p-4"
          >
            <p className="text-sm">{error}</p>
            <Button variant="outline" size="sm" onClick={() => void reload()}>
              Try again
            </Button>
          </div>
        )}
        {!books && !error && (
          <p role="status" className="animate-pulse text-sm text-muted-foreground">
            Waiting for the API …
          </p>
        )}
        {summary && (
          <dl className="grid grid-cols-2 gap-4 sm:grid-cols-4">
            <Figure label="Books" value={summary.books} />
            <Figure label="Read" value={summary.read} />
            <Figure label="Pages" value={summary.pages} />
            <Figure label="Pages read" value={summary.pages_read} />
          </dl>
        )}
        <section aria-labelledby="list" className="flex flex-col gap-5 rounded-xl border bg-card p-5 shadow-xs">
          <h2 id="list" className="font-medium">
            Reading list
          </h2>
          <BookForm onAdd={add} />
          {books?.length === 0 && (
            <p className="flex items-center gap-2 text-sm text-muted-foreground">
              <BookOpen aria-hidden className="size-4" />
              Nothing to read yet. Add the first book above.
            </p>
          )}
          <ul className="divide-y">
            {books?.map((book) => (
              <BookRow key={book.id} book={book} onRead={setRead} onRemove={remove} />
            ))}
          </ul>
        </section>
      </main>
    </div>
  );
}

function Figure({ label, value }: { label: string; value: number }) {
  return (
    <div className="rounded-xl border bg-card/70 p-4">
      <dt className="text-sm text-muted-foreground">{label}</dt>
      <dd className="text-2xl font-semibold tabular-nums">{value.toLocaleString()}</dd>
    </div>
  );
}

interface BookRowProps {
  book: Book;
  onRead: (id: number, read: boolean) => void;
  onRemove: (id: number) => void;
}

function BookRow({ book, onRead, onRemove }: BookRowProps) {
  const id = `book-${book.id}`;
  return (
    <li className="flex items-center gap-3 py-3">
      <Checkbox id={id} checked={book.read} onCheckedChange={(checked) => onRead(book.id, checked === true)} />
      <label htmlFor={id} className={`min-w-0 flex-1 ${book.read ? "text-muted-foreground line-through" : ""}`}>
        <span className="block truncate font-medium">{book.title}</span>
        <span className="block truncate text-sm text-muted-foreground">
          {book.author}, {book.pages} pages
        </span>
      </label>
      <Button variant="ghost" size="icon" aria-label={`Delete ${book.title}`} onClick={() => onRemove(book.id)}>
        <Trash2 aria-hidden />
      </Button>
    </li>
  );
}
