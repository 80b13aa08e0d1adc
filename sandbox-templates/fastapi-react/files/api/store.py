"""Reading and changing the books in the database."""

import sqlite3

from .models import Book, BookChange, NewBook


def books(db: sqlite3.Connection) -> list[Book]:
    return [Book(**row) for row in db.execute("SELECT * FROM books ORDER BY read, id DESC")]


def add(db: sqlite3.Connection, book: NewBook) -> Book:
    values = (book.title.strip(), book.author.strip(), book.pages)
    row = db.execute("INSERT INTO books (title, author, pages) VALUES (?, ?, ?) RETURNING *", values)
    return Book(**row.fetchone())


def change(db: sqlite3.Connection, book_id: int, change: BookChange) -> Book | None:
    row = db.execute("UPDATE books SET read = ? WHERE id = ? RETURNING *", (change.read, book_id)).fetchone()
    return Book(**row) if row else None


def delete(db: sqlite3.Connection, book_id: int) -> None:
    db.execute("DELETE FROM books WHERE id = ?", (book_id,))
