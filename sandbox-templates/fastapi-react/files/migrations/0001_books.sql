CREATE TABLE books (
  id INTEGER PRIMARY KEY,
  title TEXT NOT NULL,
  author TEXT NOT NULL,
  pages INTEGER NOT NULL CHECK (pages > 0),
  read INTEGER NOT NULL DEFAULT 0 CHECK (read IN (0, 1))
) STRICT;

INSERT INTO books (title, author, pages, read) VALUES
  ('The Left Hand of Darkness', 'Ursula K. Le Guin', 304, 1),
  ('Invisible Cities', 'Italo Calvino', 165, 0),
  ('The Dispossessed', 'Ursula K. Le Guin', 387, 0);
