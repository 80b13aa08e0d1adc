"""Where books are kept: a SQLite database in data/, which is not part of the app's versions."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .models import Book, BookChange, NewBook

DATABASE = Path(__file__).parent.parent / "data" / "app.db"

TABLE = """
CREATE TABLE IF NOT EXISTS books (
    id INTEGER PRIMARY KEY,
    title TEXT NOT NULL,
    author TEXT NOT NULL,
    pages INTEGER NOT NULL,
    read INTEGER NOT NULL DEFAULT 0
)
"""

FIRST = [
    ("The Left Hand of Darkness", "Ursula K. Le Guin", 304, 1),
    ("Invisible Cities", "Italo Calvino", 165, 0),
    ("The Dispossessed", "Ursula K. Le Guin", 387, 0),
]


@contextmanager
def _connection() -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(DATABASE)
    connection.row_factory = sqlite3.Row
    try:
        with connection:
            yield connection
    finally:
        connection.close()


def prepare() -> None:
    DATABASE.parent.mkdir(exist_ok=True)
    fresh = not DATABASE.exists()
    with _connection() as connection:
        connection.execute(TABLE)
        if fresh:
            connection.executemany("INSERT INTO books (title, author, pages, read) VALUES (?, ?, ?, ?)", FIRST)


def books() -> list[Book]:
    with _connection() as connection:
        return [Book(**row) for row in connection.execute("SELECT * FROM books ORDER BY read, id DESC")]


def add(book: NewBook) -> Book:
    with _connection() as connection:
        values = (book.title.strip(), book.author.strip(), book.pages)
        row = connection.execute("INSERT INTO books (title, author, pages) VALUES (?, ?, ?) RETURNING *", values)
        return Book(**row.fetchone())


def change(book_id: int, change: BookChange) -> Book | None:
    with _connection() as connection:
        row = connection.execute(
            "UPDATE books SET read = ? WHERE id = ? RETURNING *", (change.read, book_id)
        ).fetchone()
        return Book(**row) if row else None


def delete(book_id: int) -> None:
    with _connection() as connection:
        connection.execute("DELETE FROM books WHERE id = ?", (book_id,))
