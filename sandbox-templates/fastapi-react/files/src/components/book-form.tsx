import { useState, type FormEvent } from "react";
import { Plus } from "lucide-react";

import { Button } from "@/components/ui/button";
import { Input } from "@/components/ui/input";
import { Label } from "@/components/ui/label";
import type { NewBook } from "@/lib/api";

export function BookForm({ onAdd }: { onAdd: (book: NewBook) => Promise<boolean> }) {
  const [title, setTitle] = useState("");
  const [author, setAuthor] = useState("");
  const [pages, setPages] = useState("");
  const [busy, setBusy] = useState(false);

  async function submit(event: FormEvent) {
    event.preventDefault();
    setBusy(true);
    if (await onAdd({ title: title.trim(), author: author.trim(), pages: Number(pages) })) {
      setTitle("");
      setAuthor("");
      setPages("");
    }
    setBusy(false);
  }

  return (
    <form onSubmit={submit} className="grid gap-3 sm:grid-cols-[2fr_2fr_1fr_auto] sm:items-end">
      <div className="grid gap-1.5">
        <Label htmlFor="title">Title</Label>
        <Input id="title" required maxLength={200} value={title} onChange={(event) => setTitle(event.target.value)} />
      </div>
      <div className="grid gap-1.5">
        <Label htmlFor="author">Author</Label>
        <Input
          id="author"
          required
          maxLength={200}
          value={author}
          onChange={(event) => setAuthor(event.target.value)}
        />
      </div>
      <div className="grid gap-1.5">
        <Label htmlFor="pages">Pages</Label>
        <Input
          id="pages"
          type="number"
          required
          min={1}
          max={20000}
          value={pages}
          onChange={(event) => setPages(event.target.value)}
        />
      </div>
      <Button type="submit" disabled={busy}>
        <Plus aria-hidden />
        Add
      </Button>
    </form>
  );
}
