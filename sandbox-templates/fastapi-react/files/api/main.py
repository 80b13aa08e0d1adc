"""The API. Everything below /api answers here; the page calls it through src/lib/api.ts."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, HTTPException, status

from . import database, store
from .database import Database
from .models import Book, BookChange, Health, NewBook, Summary

STARTED = time.time()


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    database.prepare()
    yield


app = FastAPI(title="Reading list", lifespan=lifespan)


@app.get("/api/health")
def health() -> Health:
    return Health(started=STARTED)


@app.get("/api/books")
def books(db: Database) -> list[Book]:
    return store.books(db)


@app.post("/api/books", status_code=status.HTTP_201_CREATED)
def add_book(book: NewBook, db: Database) -> Book:
    return store.add(db, book)


@app.patch("/api/books/{book_id}")
def change_book(book_id: int, change: BookChange, db: Database) -> Book:
    changed = store.change(db, book_id, change)
    if changed is None:
        raise HTTPException(status.HTTP_404_NOT_FOUND, "There is no such book any more.")
    return changed


@app.delete("/api/books/{book_id}", status_code=status.HTTP_204_NO_CONTENT)
def delete_book(book_id: int, db: Database) -> None:
    store.delete(db, book_id)


@app.get("/api/summary")
def summary(db: Database) -> Summary:
    everything = store.books(db)
    read = [book for book in everything if book.read]
    return Summary(
        books=len(everything),
        read=len(read),
        pages=sum(book.pages for book in everything),
        pages_read=sum(book.pages for book in read),
    )
