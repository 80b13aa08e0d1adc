"""Any endpoint that speaks the OpenAI chat-completions format.

The ``openai`` SDK keeps retries, authentication and configuration; the stream is parsed here, because the SDK's typed
stream costs seven times as much for each event (31 µs against 225 µs).
"""

from __future__ import annotations

import asyncio
import hashlib
import importlib
import json
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import urlsplit

from .base import Delta, Message, ModelError, ModelResponse, ModelSettings, TextDelta, ToolDefinition
from .clients import client_of
from .completions import (
    Assembly,
    BadStream,
    ReportedError,
    drain,
    listed_names,
    parsed,
    reading_of,
    stream_events,
    whole_body,
)
from .dialects import Dialect, difference, known_dialect, other_form, translate, translate_tools
from .providers import HUB
from .proxies import check_proxies, is_loopback
from .redaction import SecretFilter, public_url, redact, url_secrets
from .refusals import (
    is_about_the_key,
    is_failed_call,
    is_spent,
    is_too_long,
    refuses_format,
    refuses_tools,
    said_in,
)

if TYPE_CHECKING:
    import openai
    from openai import AsyncOpenAI

CONNECT_TIMEOUT = 10.0  # seconds
READ_TIMEOUT = 300.0  # seconds between two bytes: a local model may be loaded from disk first
LONGEST_PIECE = 65_536  # characters of an answer that are handed on at a time
RETRIES = 2  # by the SDK, for refused connections, 408, 409, 429 and 5xx, with the server's Retry-After

AZURE_HOSTS = (".openai.azure.com", ".cognitiveservices.azure.com", ".services.ai.azure.com")
TOKEN = "eyJ"  # how a JSON web token begins  # noqa: S105

HUB_REFUSALS = {401: "unauthorized", 402: "quota", 403: "unauthorized", 429: "rate_limited", 503: "model_down"}
"""What a Hub's service refuses by itself, in words for people, with the next step."""

DIALECT_STATUS = (400, 404, 413, 415, 422, 500)
"""With what servers refuse a form of the request. 413: what stands before the server takes no body as large as one with
pictures. 500: a chat template that raises, as with llama.cpp."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A model endpoint: its address, and what to tell a person when it does not answer.

    ``key_variable`` is the environment variable that holds the key; ``start_hint`` says how to start a local server.
    """

    provider: str
    title: str
    base_url: str
    api_key: str = field(default="", repr=False)
    key_variable: str = ""
    start_hint: str = ""
    keys_url: str = ""  # where a key is had
    socket: str = ""  # a unix socket that answers, in place of the base URL's host

    @property
    def secrets(self) -> list[str]:
        return [self.api_key, *url_secrets(self.base_url)]

    @property
    def place(self) -> str:
        """Which endpoint it is, without its secrets: others may have the same name."""
        digest = hashlib.sha256(public_url(self.base_url).encode()).hexdigest()[:16]
        return f"{self.provider} {digest}"

    @property
    def headers(self) -> dict[str, Any]:
        """Headers of each request: without a key there is no authorization at all. Azure takes a key in a header of its
        own, and a token as a bearer's; what stands in front of it may want either."""
        from openai import Omit

        if not self.api_key:
            return {"Authorization": Omit()}
        at_azure = (urlsplit(self.base_url).hostname or "").endswith(AZURE_HOSTS)
        if self.api_key.startswith(TOKEN) or not (at_azure or self.provider == "azure"):
            return {}
        return {"api-key": self.api_key, **({"Authorization": Omit()} if at_azure else {})}

    def _http_client(self) -> Any:
        """None for the SDK's own, which goes through the proxies of the environment. Raises ``ModelError``."""
        if self.socket:
            return _client_on(self.socket)
        if is_loopback(self.base_url):
            return _direct()
        check_proxies()
        return None

    def client(self) -> AsyncOpenAI:
        """A client of the SDK for this endpoint. Only OpenAI itself gets the organization and project headers. Raises
        ``ModelError`` where the environment names a proxy that cannot be used."""
        from openai import AsyncOpenAI, Omit, Timeout

        headers: dict[str, Any] = {}
        if self.provider != "openai":
            headers = {"OpenAI-Organization": Omit(), "OpenAI-Project": Omit()}
        parts = self.base_url.partition("?")
        return AsyncOpenAI(
            # Never None: the SDK would then send OPENAI_API_KEY to whatever endpoint this is.
            api_key=self.api_key or "none",
            base_url=parts[0],
            default_query=_query(parts[2]),
            default_headers=headers,
            # What answers on a socket is on this machine: if it is gone, it does not come back by itself.
            max_retries=0 if self.socket else RETRIES,
            timeout=Timeout(READ_TIMEOUT, connect=CONNECT_TIMEOUT),
            http_client=self._http_client(),
        )


def _direct() -> Any:
    """An HTTP client that heeds no proxy."""
    from openai import DefaultAsyncHttpxClient

    return DefaultAsyncHttpxClient(trust_env=False)


def _client_on(socket: str) -> Any:
    """An HTTP client whose connections all go to a unix socket, past any proxy.

    Each request has its own: llama.cpp closes one that was kept at a moment of its choice, and a request may be on its
    way by then.
    """
    from openai import DefaultAsyncHttpxClient

    # The SDK's own HTTP library: httpx, or httpx2 since its version 3.
    library: Any = importlib.import_module(DefaultAsyncHttpxClient.__mro__[1].__module__.partition(".")[0])
    limits = library.Limits(max_keepalive_connections=0)
    return DefaultAsyncHttpxClient(transport=library.AsyncHTTPTransport(uds=socket, limits=limits))


def _query(text: str) -> dict[str, object]:
    from urllib.parse import parse_qsl

    return dict(parse_qsl(text))


class OpenAICompatibleModel:
    """A model behind an ``Endpoint``. ``known`` is asked for a hint when the endpoint does not know the model."""

    recorded = False

    def __init__(
        self,
        endpoint: Endpoint,
        model: str,
        *,
        context_window: int | None = None,
        known: Callable[[], Sequence[str]] = tuple,
        on_reading: Callable[[int, int], None] | None = None,
    ) -> None:
        """``on_reading`` is told, by llama.cpp, how many tokens of the request it has read, and of how many."""
        self.name = f"{endpoint.provider}:{model}"
        self.context_window = context_window
        self.endpoint = endpoint
        self.model = model
        self._known = known
        self._on_reading = on_reading
        self.mark = f"{endpoint.place} {model}"
        """Who gave an answer: what was added to it goes back to no other."""
        learned: dict[str, Any] = {}
        self.recall: Callable[[], Mapping[str, Any]] = lambda: learned
        """What refusals taught of the endpoint's dialect. ``remember`` is told more."""
        self.remember: Callable[[Mapping[str, Any]], object] = learned.update

    @property
    def dialect(self) -> Dialect:
        """The dialect of this endpoint, as far as it is known."""
        host = urlsplit(self.endpoint.base_url).hostname or ""
        return replace(known_dialect(f"{self.endpoint.provider} {host}", self.model), **self.recall())

    @property
    def images(self) -> bool:
        return self.dialect.images != "none"

    async def stream(
        self, messages: Sequence[Message], tools: Sequence[ToolDefinition], settings: ModelSettings
    ) -> AsyncIterator[Delta | ModelResponse]:
        """See ``base.Model``. Where the endpoint reports no usage, its figures are 0."""
        async with aclosing(self.ask(messages, tools, settings)) as items:
            async for item in items:
                yield item

    async def ask(
        self,
        messages: Sequence[Message],
        tools: Sequence[ToolDefinition],
        settings: ModelSettings,
        more: Mapping[str, Any] | None = None,
    ) -> AsyncGenerator[Delta | ModelResponse]:
        """The same; ``more`` are further fields of the request.

        ``ModelError.reason`` is ``no_tools`` where the endpoint refuses tools, ``no_format`` where it refuses
        ``response_format``. A key that it sends back in its answer is taken out.
        """
        client = await client_of(self.endpoint)
        import openai

        known = dialect = self.dialect
        tried = {dialect}
        assembly = Assembly(SecretFilter.factory(self.endpoint.secrets), self.mark)
        strange: list[str] = []
        try:
            while True:
                body = self._body(messages, tools, settings, more, dialect)
                create: Any = client.chat.completions.with_streaming_response.create
                try:
                    async with create(**body) as response:
                        kind = response.headers.get("content-type", "")
                        if "html" in kind:
                            self._fail_with_page()
                        if "json" in kind:
                            document = parsed(await whole_body(response.iter_bytes()))
                            async for delta in _in_pieces(assembly.take_document(document)):
                                yield delta
                            break
                        chunks = response.iter_bytes()
                        async for data in stream_events(chunks, strange):
                            if data == b"[DONE]":
                                assembly.done = True
                                break
                            event = parsed(data)
                            if self._on_reading and "prompt_progress" in event:
                                self._on_reading(*reading_of(event))
                            async for delta in _in_pieces(assembly.take(event)):
                                yield delta
                        await drain(chunks)
                    break
                except (openai.APIStatusError, ReportedError) as error:
                    if isinstance(error, ReportedError):
                        said = error.said if error.status in (0, *DIALECT_STATUS) and not assembly.begun else ""
                    else:
                        said = _said(error) if error.status_code in DIALECT_STATUS else ""
                    other = other_form(dialect, said, body)
                    if other is None or other in tried:
                        raise
                    log.debug("%s refused a form of the request; asked in another: %s", self.name, other)
                    tried.add(other)
                    dialect = other
            if dialect != known:
                self.remember(difference(known, dialect))
        except ModelError:
            raise
        except ReportedError as error:
            raise self._reported(error) from None
        except BadStream as error:
            raise self._error(str(error), "Try again. If it goes on, choose another model.", "interrupted") from None
        except Exception as error:
            raise self._translate(error) from None
        if not assembly.complete and strange and not assembly.begun:
            raise self._error(
                f"{self.endpoint.title} sent something else than a model's answer. It said: {said_in(strange[0])}",
                "Try again. If it goes on, check the base URL.",
                "interrupted",
            )
        if not assembly.complete:
            raise self._error(
                f"{self.endpoint.title} closed the connection in the middle of an answer.", "Try again.", "interrupted"
            )
        yield assembly.response()

    async def names(self) -> list[str]:
        """The models this endpoint offers, as it lists them. Raises ``ModelError``."""
        client = await client_of(self.endpoint)
        try:
            options = client.with_options(max_retries=0)
            response = await options.models.with_raw_response.list(extra_headers=self.endpoint.headers)
            return listed_names(json.loads(response.content))
        except Exception as error:
            raise self._translate(error) from None

    def _body(
        self,
        messages: Sequence[Message],
        tools: Sequence[ToolDefinition],
        settings: ModelSettings,
        more: Mapping[str, Any] | None,
        dialect: Dialect,
    ) -> dict[str, Any]:
        body: dict[str, Any] = {
            "model": self.model,
            "messages": translate(messages, dialect, self.mark),
            "stream": True,
            "extra_headers": self.endpoint.headers,
        }
        if tools:
            body["tools"] = translate_tools(tools, dialect)
        more = {**(more or {}), **({"return_progress": True} if self._on_reading else {})}
        if more:
            body["extra_body"] = more
        if dialect.usage:
            body["stream_options"] = {"include_usage": True}
        if settings.temperature is not None:
            body["temperature"] = settings.temperature
        if settings.max_output_tokens is not None:
            body[dialect.limit] = settings.max_output_tokens
        return body

    def _error(self, message: str, hint: str, reason: str = "") -> ModelError:
        secrets = self.endpoint.secrets
        return ModelError(redact(message, secrets), hint=redact(hint, secrets), reason=reason)

    def _fail_with_page(self) -> NoReturn:
        raise self._error(
            f"{public_url(self.endpoint.base_url)} answered with a web page instead of a model's answer.",
            "Check the base URL: for most servers it ends in /v1.",
            "wrong_url",
        )

    def _translate(self, error: Exception) -> ModelError:
        """What went wrong and what to do, without a key in it."""
        import openai

        where, title = public_url(self.endpoint.base_url), self.endpoint.title
        if isinstance(error, openai.APITimeoutError):
            return self._error(f"{title} did not answer in time ({where}).", "Try again, or choose another model.")
        if isinstance(error, openai.APIConnectionError):
            hint = self.endpoint.start_hint or "Check the base URL and your network or proxy settings."
            return self._error(f"Could not connect to {title} at {where}.", hint, "unreachable")
        if isinstance(error, openai.APIStatusError):
            return self._refused(error.status_code, _said(error))
        if isinstance(error, json.JSONDecodeError):
            return self._error(f"{title} sent an answer that is not valid JSON.", "Check the base URL.")
        if type(error).__module__.partition(".")[0] in ("httpx", "httpx2", "httpcore", "httpcore2", "anyio"):
            return self._error(
                f"The connection to {title} broke in the middle of an answer.", "Try again.", "interrupted"
            )
        return self._error(f"The request to {title} failed: {error}", "Check the model's settings.")

    def _reported(self, error: ReportedError) -> ModelError:
        """An error within the stream is the same as one instead of it; but where asking again may help, nobody has
        asked again yet."""
        refused = self._refused(error.status, error.said) if error.status or is_too_long(0, error.said) else None
        if refused and refused.reason not in ("model_down", "rate_limited"):
            return refused
        if refused and refused.reason == "rate_limited":
            return self._error(refused.message, refused.hint, "interrupted")
        return self._error(
            f"The model stopped in the middle of an answer: {error.said}",
            "Try again. If it goes on, choose another model.",
            "interrupted",
        )

    def _refused(self, status: int, said: str) -> ModelError:
        title, model = self.endpoint.title, self.model
        quoted = f" It said: {said}" if said else ""
        if self.endpoint.provider == HUB and said and status in HUB_REFUSALS:
            return self._error(said, "", HUB_REFUSALS[status])
        if is_too_long(status, said):
            return self._error(
                f"The conversation has grown longer than {model} can read.{quoted}",
                "Start a new session from this app's files, or choose a model with a larger context window.",
                "context_length",
            )
        if is_about_the_key(status, said):
            variable = self.endpoint.key_variable
            source = f" Get a key at {self.endpoint.keys_url}." if self.endpoint.keys_url else ""
            place = f", or set {variable} before starting Jupyter" if variable else ""
            problem, key = (
                ("did not accept the API key", "another") if self.endpoint.api_key else ("needs an API key", "the")
            )
            return self._error(
                f"{title} {problem}.{quoted}",
                f"Enter {key} key in the panel's model settings{place}.{source}",
                "unauthorized",
            )
        if is_failed_call(said):
            return self._error(
                f"{model} called a tool in a form that {title} does not take.{quoted}",
                "Try again. If it goes on, choose another model.",
                "interrupted",
            )
        if refuses_tools(status, said):
            return self._error(
                f"{title} refused the request ({status}).{quoted}", "Choose a model that can call tools.", "no_tools"
            )
        if refuses_format(status, said):
            return self._error(f"{title} refused the request ({status}).{quoted}", "Choose another model.", "no_format")
        if status == 404:
            known = [name for name in self._known() if name != model][:8]
            hint = f"It offers: {', '.join(known)}." if known else "Check the model's name and the base URL."
            if self.endpoint.provider == "ollama":
                hint = f"Get it with `ollama pull {model}`. {hint}"
            return self._error(f"{title} has no model {model!r}.{quoted}", hint, "unknown_model")
        if status in (402, 429):
            spent = is_spent(status, said)
            return self._error(
                f"{title} {'refuses: the account has no credit left' if spent else 'gets too many requests'}.{quoted}",
                "Check the account's billing." if spent else "Wait a minute and try again, or choose another model.",
                "quota" if spent else "rate_limited",
            )
        if status >= 500:
            return self._error(
                f"{title} has a problem of its own ({status}).{quoted}", "Try again in a moment.", "model_down"
            )
        return self._error(f"{title} refused the request ({status}).{quoted}", "Check the model's name and settings.")


async def _in_pieces(deltas: Sequence[Delta]) -> AsyncGenerator[Delta]:
    """With long texts in parts, between which others have their turn: whoever reads them does so in the event loop."""
    for delta in deltas:
        if not isinstance(delta, TextDelta) or len(delta.text) <= LONGEST_PIECE:
            yield delta
            continue
        for start in range(0, len(delta.text), LONGEST_PIECE):
            yield TextDelta(delta.text[start : start + LONGEST_PIECE])
            await asyncio.sleep(0)


def _said(error: openai.APIStatusError) -> str:
    """What the endpoint answered, for people. The SDK keeps only a part of it."""
    try:
        return said_in(error.response.content) or said_in(error.body)
    except RuntimeError:  # it was not read
        return said_in(error.body)
