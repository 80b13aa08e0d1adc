"""People who sign up and log in: their names, passwords and sessions, in the app's database.

In main.py, ``app.include_router(accounts.router)``; in each route that is for people with an account a parameter
``user: accounts.SignedIn`` (nobody: 401), and before a row is read, changed or deleted ``accounts.own(owner, user)``
(another's: 404). Tables of what people have refer to them: ``owner INTEGER NOT NULL REFERENCES _users(id)``. The page has
src/components/sign-in.tsx and src/lib/account.ts.
"""

import base64
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
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from pydantic import BaseModel, Field

from . import database

BY = "email"
"""What people log in with. "hub": on a JupyterHub the person is who they are there; elsewhere by a name."""

NAME = "address" if BY == "email" else "name"  # as people are told of it
COOKIE = "session"
SESSION_SECONDS = 30 * 86400
FREE_GUESSES = 5  # of one person's password from one address; then it takes longer and longer
FIRST_WAIT, LONGEST_WAIT = 15, 900  # seconds
COST = {"n": 2**14, "r": 8, "p": 5}  # of one password: 16 MB, some 0.2 seconds
NOBODY = f"scrypt${COST['n']}${COST['r']}${COST['p']}${'A' * 22}==$"
EMAIL = re.compile(r"[^\s@<>\"(),:;]+@[^\s@<>\"(),:;.]+(\.[^\s@<>\"(),:;.]+)+")
ALPHABETS = ("LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE")


class User(BaseModel):
    id: int
    name: str


class Credentials(BaseModel):
    name: str = Field(max_length=254)
    password: str = Field(max_length=200)


class Session(BaseModel):
    user: User | None
    by: str = BY


@contextmanager
def _connection() -> Iterator[sqlite3.Connection]:
    try:
        connection = database.connect()
    except database.MigrationError as error:
        raise HTTPException(503, str(error)) from error
    try:
        connection.executescript(database.ACCOUNTS)
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
            "SELECT id, name FROM _users JOIN _appbuilder_sessions ON user = id WHERE token = ? AND ends > ?",
            (_digest(token), _now()),
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
    if not (EMAIL.fullmatch(key) if BY == "email" else key):
        raise HTTPException(400, f"This is no {'email address' if BY == 'email' else 'name'}.")
    if len(given.password) < 8 or _plain(given.password) == key:
        raise HTTPException(400, f"A password needs 8 characters at least, and is another than the {NAME}.")
    hashed = _stored(given.password)
    try:
        with _connection() as connection, database.transaction(connection):
            if connection.execute("SELECT 1 FROM _users WHERE key = ?", (_hub_key(given.name),)).fetchone():
                raise sqlite3.IntegrityError
            added = connection.execute("INSERT INTO _users (name, key) VALUES (?, ?)", (given.name.strip(), key))
            connection.execute("INSERT INTO _appbuilder_passwords VALUES (?, ?)", (added.lastrowid, hashed))
    except sqlite3.IntegrityError:
        raise HTTPException(409, f"This {NAME} has an account already. Log in.") from None
    return _begin(User(id=added.lastrowid or 0, name=given.name.strip()), request, response)


@router.post("/log-in")
def log_in(given: Credentials, request: Request, response: Response) -> Session:
    _ours(request)
    key = _plain(given.name)
    guess = f"{key} {request.client.host if request.client else ''}"
    _count(guess)  # before the password is tried: a thousand guesses at once are a thousand
    with _connection() as connection:
        row = connection.execute(
            "SELECT id, name, hash FROM _users JOIN _appbuilder_passwords ON user = id WHERE key = ?", (key,)
        ).fetchone()
    fits = _fits(given.password, row["hash"] if row else NOBODY)  # somebody who is not there takes as long
    if row is None or not fits:
        raise HTTPException(401, f"No account has this {NAME} and password.")
    with _counting:
        _guesses.pop(guess, None)
    return _begin(User(id=row[0], name=row[1]), request, response)


@router.post("/log-out")
def log_out(request: Request, response: Response) -> Session:
    _ours(request)
    with _connection() as connection:
        token = _digest(request.cookies.get(COOKIE, ""))
        connection.execute("DELETE FROM _appbuilder_sessions WHERE token = ?", (token,))
    response.delete_cookie(COOKIE, httponly=True, samesite="lax")
    return Session(user=None)


def enter(name: str, cookie: str) -> str:
    """Let in whoever a JupyterHub says this is: an account without a password. The App Builder calls this in a preview,
    with the header of the browser's cookies. The cookie to set; "" if they are in."""
    headers = [(b"cookie", cookie.encode())]
    request = Request({"type": "http", "method": "POST", "scheme": "http", "path": "/", "headers": headers})
    with _connection() as connection:
        key = _hub_key(name)
        connection.execute("INSERT INTO _users (name, key) VALUES (?, ?) ON CONFLICT DO NOTHING", (name, key))
        row = connection.execute("SELECT id, name FROM _users WHERE key = ?", (key,)).fetchone()
    user = User(id=row[0], name=row[1])
    if current(request) == user:
        return ""
    response = Response()
    _begin(user, request, response)
    return response.headers["set-cookie"]


def _hub_key(name: str) -> str:
    """The key of a JupyterHub's user, which no name that is typed can be: it has the end of a line."""
    return f"hub\n{_plain(name)}"


def _ours(request: Request) -> None:
    if from_elsewhere(request):
        raise HTTPException(403, "Another site sent this.")


def _begin(user: User, request: Request, response: Response) -> Session:
    """A new session, whatever the browser had before: one that somebody else gave it is worth nothing."""
    token = secrets.token_urlsafe(32)
    with _connection() as connection:
        before = _digest(request.cookies.get(COOKIE, ""))
        connection.execute("DELETE FROM _appbuilder_sessions WHERE token = ? OR ends < ?", (before, _now()))
        ends = _now() + SESSION_SECONDS * 1000
        row = (_digest(token), user.id, _now(), ends)
        connection.execute("INSERT INTO _appbuilder_sessions VALUES (?, ?, ?, ?)", row)
    origin, scheme = request.headers.get("origin", ""), request.headers.get("x-forwarded-proto", request.url.scheme)
    secure = scheme == "https" or origin.startswith("https:")
    response.set_cookie(COOKIE, token, max_age=SESSION_SECONDS, httponly=True, samesite="lax", secure=secure)
    return Session(user=user)


def _now() -> int:
    """Milliseconds since 1970."""
    return int(time.time() * 1000)


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


def _stored(password: str) -> str:
    """A password as it is kept, with what it cost."""
    salt = secrets.token_bytes(16)
    key = _hashed(password, salt, **COST)
    return "$".join(["scrypt", *map(str, COST.values()), *(base64.b64encode(part).decode() for part in (salt, key))])


def _fits(password: str, stored: str) -> bool:
    _, n, r, p, salt, key = stored.split("$")
    found = _hashed(password, base64.b64decode(salt), int(n), int(r), int(p))
    return hmac.compare_digest(found, base64.b64decode(key))


def _hashed(password: str, salt: bytes, n: int, r: int, p: int) -> bytes:
    if not _hashing.acquire(timeout=20):
        raise HTTPException(503, "Too many people are logging in. Try again in a moment.")
    try:
        text = unicodedata.normalize("NFKC", password).encode()
        return hashlib.scrypt(text, salt=salt, n=n, r=r, p=p, maxmem=256 * n * r, dklen=32)
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
