"""What the API takes and gives. src/lib/api.ts has the same types: change both together."""

from pydantic import BaseModel, Field


class NewBook(BaseModel):
    title: str = Field(min_length=1, max_length=200)
    author: str = Field(min_length=1, max_length=200)
    pages: int = Field(ge=1, le=20_000)


class Book(NewBook):
    id: int
    read: bool


class BookChange(BaseModel):
    read: bool


class Summary(BaseModel):
    books: int
    read: int
    pages: int
    pages_read: int


class Health(BaseModel):
    started: float
