"""People who sign up and log in: their names, passwords and sessions, in a database of their own, data/accounts.db.

In main.py, ``app.include_router(accounts.router)``; in each route that is for people with an account a parameter
``user: accounts.SignedIn`` (nobody: 401), and before a row is read, changed or deleted ``accounts.own(owner, user)``
(another's: 404). The page has src/components/sign-in.tsx and src/lib/account.ts.
"""

import hashlib
import hmac
import re
import secrets
import sqlite3
import threading
import time
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from pydantic import BaseModel, Field

DATABASE = Path(__file__).parent.parent / "data" / "accounts.db"
COOKIE = "session"
SESSION_SECONDS = 30 * 86400
FREE_GUESSES = 5  # of one person's password from one address; then it takes longer and longer
FIRST_WAIT, LONGEST_WAIT = 15, 900  # seconds
COST = {"n": 2**14, "r": 8, "p": 5}  # of one password: 16 MB, some 0.2 seconds
EMAIL = re.compile(r"[^\s@<>\"(),:;]+@[^\s@<>\"(),:;.]+(\.[^\s@<>\"(),:;.]+)+")
ALPHABETS = ("LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE")

TABLES = """
CREATE TABLE IF NOT EXISTS users (
    id INTEGER PRIMARY KEY AUTOINCREMENT, -- never given twice: what somebody left behind is nobody's
    name TEXT NOT NULL, key TEXT NOT NULL UNIQUE, salt BLOB NOT NULL, hash BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS sessions (token TEXT PRIMARY KEY, user INTEGER NOT NULL REFERENCES users (id), ends REAL);
"""


class User(BaseModel):
    id: int
    name: str


class Credentials(BaseModel):
    name: str = Field(max_length=254)
    password: str = Field(max_length=200)


class Session(BaseModel):
    user: User | None


@contextmanager
def _connection() -> Iterator[sqlite3.Connection]:
    DATABASE.parent.mkdir(exist_ok=True)
    connection = sqlite3.connect(DATABASE)
    try:
        connection.executescript(TABLES)
        with connection:
            yield connection
    finally:
        connection.close()


def from_elsewhere(request: Request) -> bool:
    """True for what another site's page sends; browsers say so."""
    if request.method in ("GET", "HEAD", "OPTIONS"):
        return False
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site:
        return site not in ("same-origin", "none")
    ours = (request.headers.get("host"), request.headers.get("x-forwarded-host"))
    return origin is not None and urlsplit(origin).netloc not in ours


def current(request: Request) -> User | None:
    """Who sent a request, or None."""
    token = request.cookies.get(COOKIE, "")
    if not token or from_elsewhere(request):
        return None
    with _connection() as connection:
        row = connection.execute(
            "SELECT id, name FROM users JOIN sessions ON user = id WHERE token = ? AND ends > ?",
            (_digest(token), time.time()),
        ).fetchone()
    return User(id=row[0], name=row[1]) if row else None


def signed_in(user: Annotated[User | None, Depends(current)]) -> User:
    if user is None:
        raise HTTPException(401, "Log in first.")
    return user


SignedIn = Annotated[User, Depends(signed_in)]
MaybeSignedIn = Annotated[User | None, Depends(current)]


def own(owner: int | None, user: User) -> None:
    """Answers 404, as if there were no such row, where it is not the user's. ``owner``: the id in it, or None."""
    if owner != user.id:
        raise HTTPException(404, "There is no such thing.")


router = APIRouter(prefix="/api/accounts")


@router.get("")
def session(user: MaybeSignedIn) -> Session:
    return Session(user=user)


@router.post("/sign-up")
def sign_up(given: Credentials, request: Request, response: Response) -> Session:
    _ours(request)
    key = _key(given.name)
    if not EMAIL.fullmatch(key):
        raise HTTPException(400, "This is no email address.")
    if len(given.password) < 8 or _plain(given.password) == key:
        raise HTTPException(400, "A password needs 8 characters at least, and is another than the address.")
    salt = secrets.token_bytes(16)
    hashed = _hashed(given.password, salt)
    try:
        with _connection() as connection:
            added = connection.execute(
                "INSERT INTO users (name, key, salt, hash) VALUES (?, ?, ?, ?)",
                (given.name.strip(), key, salt, hashed),
            )
    except sqlite3.IntegrityError:
        raise HTTPException(409, "This address has an account already. Log in.") from None
    return _begin(User(id=added.lastrowid or 0, name=given.name.strip()), request, response)


@router.post("/log-in")
def log_in(given: Credentials, request: Request, response: Response) -> Session:
    _ours(request)
    key = _plain(given.name)
    guess = f"{key} {request.client.host if request.client else ''}"
    _count(guess)  # before the password is tried: a thousand guesses at once are a thousand
    with _connection() as connection:
        row = connection.execute("SELECT id, name, salt, hash FROM users WHERE key = ?", (key,)).fetchone()
    # Somebody who is not there takes as long.
    hashed = _hashed(given.password, row[2] if row else b"0" * 16)
    if row is None or not hmac.compare_digest(hashed, row[3]):
        raise HTTPException(401, "No account has this address and password.")
    with _counting:
        _guesses.pop(guess, None)
    return _begin(User(id=row[0], name=row[1]), request, response)


@router.post("/log-out")
def log_out(request: Request, response: Response) -> Session:
    _ours(request)
    with _connection() as connection:
        connection.execute("DELETE FROM sessions WHERE token = ?", (_digest(request.cookies.get(COOKIE, "")),))
    response.delete_cookie(COOKIE, httponly=True, samesite="lax")
    return Session(user=None)


def _ours(request: Request) -> None:
    if from_elsewhere(request):
        raise HTTPException(403, "Another site sent this.")


def _begin(user: User, request: Request, response: Response) -> Session:
    """A new session, whatever the browser had before: one that somebody else gave it is worth nothing."""
    token = secrets.token_urlsafe(32)
    with _connection() as connection:
        before = _digest(request.cookies.get(COOKIE, ""))
        connection.execute("DELETE FROM sessions WHERE token = ? OR ends < ?", (before, time.time()))
        ends = time.time() + SESSION_SECONDS
        connection.execute("INSERT INTO sessions VALUES (?, ?, ?)", (_digest(token), user.id, ends))
    origin, scheme = request.headers.get("origin", ""), request.headers.get("x-forwarded-proto", request.url.scheme)
    secure = scheme == "https" or origin.startswith("https:")
    response.set_cookie(COOKIE, token, max_age=SESSION_SECONDS, httponly=True, samesite="lax", secure=secure)
    return Session(user=user)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).strip().casefold()


def _key(name: str) -> str:
    """A name as it is compared: what looks the same must not be two people."""
    key = _plain(name)
    letters = [unicodedata.name(letter, "") for letter in key if letter.isalpha()]
    if sum(any(name.startswith(alphabet) for name in letters) for alphabet in ALPHABETS) > 1:
        raise HTTPException(400, "It mixes letters of several alphabets, which look alike.")
    if any(unicodedata.category(sign).startswith("C") for sign in key):
        raise HTTPException(400, "It has signs that cannot be seen.")
    return key


_hashing = threading.BoundedSemaphore(2)  # what a password costs would else be a way to stop the app


def _hashed(password: str, salt: bytes) -> bytes:
    if not _hashing.acquire(timeout=20):
        raise HTTPException(503, "Too many people are logging in. Try again in a moment.")
    try:
        text = unicodedata.normalize("NFKC", password).encode()
        return hashlib.scrypt(text, salt=salt, maxmem=64 * 2**20, dklen=32, **COST)
    finally:
        _hashing.release()


_guesses: dict[str, tuple[int, float]] = {}  # how many, and from when on the next may come
_counting = threading.Lock()


def _count(guess: str) -> None:
    """Count a guess, or answer 429 to one that comes too soon. In memory: a new start of the app forgets it."""
    now = time.monotonic()
    with _counting:
        count, until = _guesses.get(guess, (0, 0.0))
        if until > now:
            seconds = int(until - now) + 1
            said = f"That was too often. Try again in {seconds} seconds."
            raise HTTPException(429, said, headers={"Retry-After": str(seconds)})
        count += 1
        wait = 0 if count < FREE_GUESSES else min(LONGEST_WAIT, FIRST_WAIT * 2 ** min(count - FREE_GUESSES, 10))
        _guesses.pop(guess, None)
        _guesses[guess] = (count, now + wait)
        while len(_guesses) > 10_000:
            _guesses.pop(next(iter(_guesses)))
