"""The gateway: ``v1/chat/completions`` and ``v1/models``, in OpenAI's format, with the service's own keys.

A request is allowed, its money reserved, and it is sent on. Its answer passes untouched, byte for byte, while usage is
counted beside it; then it is settled, however it ended.
"""

from __future__ import annotations

import asyncio
import json
import logging
import math
import time
from collections import Counter as Numbers
from collections.abc import Awaitable, Callable, Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast

from tornado.iostream import IOStream, StreamClosedError
from tornado.web import HTTPError, stream_request_body

from ..cancellation import uncut
from ..errors import AppBuilderError, Forbidden, InvalidInput, NotFound, Unavailable
from ..formats import strict_json
from ..models.base import PICTURE_TOKENS
from ..models.completions import as_object, as_objects
from ..models.redaction import redact
from ..models.refusals import is_about_the_key, is_spent, said_in
from ..usage.hub import HUB
from ..usage.hub_rules import allows
from .answers import Counter
from .base import HubHandler
from .ledger import Ledger, OverQuota, Person, Reservation, Spent
from .models import HubModel
from .upstream import Answer, Upstream, UpstreamError

if TYPE_CHECKING:
    from .people import People

ERROR_BODY = 256 * 1024  # bytes of a refusal
BEHIND = 512 * 1024  # bytes that a slow reader may be behind
NOTE_SECONDS = 10.0  # between notes of what answers under way have come to
FEWEST_OUTPUT = 256  # tokens of an answer: for less no request is sent
IN_THREAD = 256 * 1024  # bytes of a request from which on it is read in a thread
RETRIED = frozenset({401, 402, 403, 404, 408, 409, 425, 429, 500, 502, 503, 504, 520, 522, 524, 529})
KEPT_HEADERS = ("Content-Type", "Content-Encoding", "Retry-After", "X-Request-Id")
SHOWN = {"image_url": "url", "file": "file_data", "input_audio": "data"}  # what a part of a message carries, and where
BYTES_A_TOKEN = 64  # of a file or a sound: what such a part may come to, unless it is less than a picture

FIELDS = frozenset(
    {
        *("model", "messages", "stream", "stream_options", "tools", "tool_choice", "parallel_tool_calls"),
        *("temperature", "top_p", "top_k", "min_p", "max_tokens", "max_completion_tokens", "stop", "seed", "n"),
        *("frequency_penalty", "presence_penalty", "repetition_penalty", "logit_bias", "logprobs", "top_logprobs"),
        *("response_format", "format", "json_schema", "grammar", "guided_json", "user", "verbosity"),
        *("reasoning_effort", "reasoning", "thinking", "enable_thinking", "chat_template_kwargs", "options"),
        *("prompt_cache_key", "return_progress", "cache_prompt", "functions", "function_call"),
    }
)
"""What a request may hold. What else there is may choose other models (``models``), dearer ways (``service_tier``), or
searches and storage that cost: an administrator allows it by name."""

P = ParamSpec("P")
T = TypeVar("T")

log = logging.getLogger(__name__)


class TooMany(AppBuilderError):
    """More requests at once than one person may have."""

    status = 429
    default_reason = "too_many_requests"


@dataclass
class UnderWay:
    """A request that is being answered."""

    person: Person
    model: str
    reservation: Reservation
    began: float
    task: asyncio.Task[Any] | None
    input_tokens: int
    counter: Counter | None = None
    stopped_by: str = ""


async def no_rules() -> Mapping[str, Any]:
    return {}


@dataclass
class Gateway:
    """``limits`` are the configuration's: of one person's requests at once, of all, and of time in seconds. ``rules``:
    those that hold for everybody now."""

    models: Mapping[str, HubModel]
    ledger: Ledger
    people: People
    rules: Callable[[], Awaitable[Mapping[str, Any]]] = no_rules
    upstream: Upstream = field(default_factory=Upstream)
    fields: frozenset[str] = FIELDS
    per_person: int = 8
    at_once: int = 1000
    connect_seconds: float = 10.0
    first_byte_seconds: float = 300.0
    between_seconds: float = 300.0
    under_way: dict[str, UnderWay] = field(default_factory=dict[str, UnderWay])
    without_usage: set[str] = field(default_factory=set[str])
    """Providers that refused to be asked for usage."""
    _of_person: Numbers[str] = field(default_factory=Numbers[str])
    closing: bool = False

    async def candidates(self, person: Person, name: str) -> list[HubModel]:
        """The model of this name, and the one that is asked where it does not answer, if there is one for them. Raises
        ``NotFound`` for one that there is not for them: which others there are is not said; ``Forbidden`` for one that
        the rules for all do not allow."""
        offered = {model.name: model for model in await self.offered(person)}
        found = offered.get(name)
        if found is None:
            known = self.models.get(name)
            hint = (
                f"Choose one of: {', '.join([*offered][:20])}." if offered else "Ask the Hub's administrator for one."
            )
            if known and known.allowed(person):
                message = f"The Hub's administrator does not allow the model {name!r}."
                raise Forbidden(message, hint=hint, reason="not_allowed", field="model")
            raise NotFound(f"There is no model {name[:100]!r} for you here.", hint=hint, reason="model_not_found")
        return [found, *[offered[other] for other in found.fallback if other in offered][:1]]

    async def offered(self, person: Person) -> list[HubModel]:
        """What a person may use: by the models' groups, and by the rules for all."""
        rules = await self.rules()
        return [model for model in self.models.values() if model.allowed(person) and allowed(rules, model)]

    async def names(self) -> tuple[list[str], list[str]]:
        """The models as servers and rules call them: those that the rules for all let somebody use, and the others."""
        rules = await self.rules()
        told: tuple[list[str], list[str]] = [], []
        for model in self.models.values():
            told[not allowed(rules, model)].append(f"{HUB}{model.name}")
        return told

    @contextmanager
    def slot(self, person: Person) -> Generator[None]:
        """Raises ``TooMany`` where they have as many requests under way as they may."""
        if self.closing:
            raise Unavailable("The service is being restarted.", hint="Try again in a moment.")
        total = sum(self._of_person.values())
        if self._of_person[person.name] >= self.per_person or total >= self.at_once:
            whose = f"You have {self.per_person}" if total < self.at_once else "The Hub has as many"
            raise TooMany(f"{whose} requests to models at once, and no more are allowed.", hint="Wait for one to end.")
        self._of_person[person.name] += 1
        try:
            yield
        finally:
            self._of_person[person.name] -= 1
            if not self._of_person[person.name]:
                del self._of_person[person.name]

    def stop(self, person: str, by: str) -> int:
        """End a person's requests under way; they are settled with what was sent. How many."""
        found = [request for request in self.under_way.values() if request.person.name == person]
        for request in found:
            request.stopped_by = by
            if request.task:
                request.task.cancel()
        return len(found)

    async def note(self) -> None:
        """Write down what answers under way have come to, for whoever settles them if this process does not."""
        sent: dict[str, tuple[int, int]] = {}
        for id, request in list(self.under_way.items()):
            if request.counter and (model := self.models.get(request.model)):
                tokens = request.counter.output_tokens
                sent[id] = model.cost(request.input_tokens, tokens), tokens
        if sent:
            await self.ledger.note(sent)

    async def close(self) -> None:
        """End what is under way, and settle it."""
        self.closing = True
        tasks = [request.task for request in self.under_way.values() if request.task]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=10)
        await self.upstream.close()


def allowed(rules: Mapping[str, Any], model: HubModel) -> bool:
    """Whether the rules for all let anybody use it, by the name that it has on people's servers."""
    return allows(rules, "models", f"{HUB}{model.name}")


@dataclass
class ModelRequest:
    """A request as it came. ``body`` is sent on as it is, unless something has to be changed in it."""

    raw: bytes
    body: Mapping[str, Any]

    @property
    def model(self) -> str:
        return self.body["model"]

    @property
    def stream(self) -> bool:
        return self.body.get("stream") is True

    @property
    def choices(self) -> int:
        return self.body.get("n") or 1

    def forget(self) -> None:
        """It was sent, and its answer may take minutes: what it says is needed no more."""
        self.raw, self.body = b"", {}

    @cached_property
    def limit(self) -> int | None:
        """The most tokens of an answer, as asked for."""
        given = [self.body.get(name) for name in ("max_tokens", "max_completion_tokens")]
        return min((value for value in given if value is not None), default=None)

    @cached_property
    def tokens(self) -> int:
        """About how many tokens the request itself takes."""
        text, shown = len(self.raw), 0
        for message in as_objects(self.body["messages"]):
            for part in as_objects(message.get("content")):
                kind = str(part.get("type"))
                if kind not in SHOWN:
                    continue
                given: Any = part.get(kind)
                content: Any = as_object(given).get(SHOWN[kind], given)
                if isinstance(content, str):
                    text -= len(content)
                    shown += max(PICTURE_TOKENS, len(content) // BYTES_A_TOKEN if kind != "image_url" else 0)
        return max(0, text) // 4 + shown

    def for_model(self, model: HubModel, limit: int | None, *, usage: bool) -> bytes:
        """The bytes for a provider: with its own name of the model, a limit where one has to hold, and ``usage`` asked
        for where it is not."""
        changed = dict(self.body)
        changed["model"] = model.model
        if limit is not None:
            there = [name for name in ("max_tokens", "max_completion_tokens") if changed.get(name) is not None]
            for name in there or [model.provider.limit_field]:
                if name:
                    changed[name] = limit
        options: Any = changed.get("stream_options") or {}
        # Whoever asks cannot leave it out: what a model thinks unseen is known from its report alone.
        if usage and self.stream and options.get("include_usage") is not True:
            changed["stream_options"] = {**options, "include_usage": True}
        return self.raw if changed == self.body else strict_json.dumps(changed).encode()


def read_request(raw: bytes, fields: frozenset[str] = FIELDS) -> ModelRequest:
    """Raises ``InvalidInput`` naming the field."""
    try:
        body: Any = json.loads(raw, object_pairs_hook=_object)
    except (ValueError, RecursionError):
        raise InvalidInput("The request is not JSON.", field="body") from None
    if not isinstance(body, dict):
        raise InvalidInput("The request is no JSON object.", field="body")
    given = cast("dict[str, Any]", body)
    for name in given:
        if name not in fields:
            raise InvalidInput(
                f"The field {name[:60]!r} is not allowed here.",
                hint="Leave it out, or have the administrator add it to c.HubService.request_fields.",
                field=name[:60],
            )
    if not isinstance(given.get("model"), str) or not given["model"]:
        raise InvalidInput("'model' is the name of a model.", field="model")
    if not isinstance(given.get("messages"), list) or not given["messages"]:
        raise InvalidInput("'messages' is a list of messages.", field="messages")
    if given.get("stream") not in (None, True, False):
        raise InvalidInput("'stream' is true or false.", field="stream")
    for name, most in (("max_tokens", 10_000_000), ("max_completion_tokens", 10_000_000), ("n", 16)):
        value = given.get(name)
        if value is not None and (not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= most):
            raise InvalidInput(f"{name!r} is a number from 1 to {most:,}.", field=name)
    if given.get("stream_options") is not None and not isinstance(given["stream_options"], dict):
        raise InvalidInput("'stream_options' is an object.", field="stream_options")
    tools: Any = given.get("tools")
    for tool in cast("list[Any]", tools) if isinstance(tools, list) else []:
        # Others run at the provider's, and cost what no budget sees.
        if not isinstance(tool, dict) or cast("dict[str, Any]", tool).get("type") != "function":
            raise InvalidInput("Tools are functions here.", field="tools")
    found = ModelRequest(raw, given)
    _ = found.tokens  # here, since a long request is read in a thread
    return found


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object in which nothing is said twice: a provider might take the other one."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise InvalidInput("The request says a field of an object twice.", hint="Say it once.", field="body")
    return found


async def in_turn(raw: bytes, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Work on a request: a long one in a thread, beside the streams of others."""
    return await asyncio.to_thread(work, *args, **kwargs) if len(raw) > IN_THREAD else work(*args, **kwargs)


class GatewayHandler(HubHandler):
    """Errors as OpenAI's clients read them."""

    @property
    def gateway(self) -> Gateway:
        return self.hub.gateway

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        _, error, _ = kwargs.get("exc_info") or (None, None, None)
        if self._headers_written:
            return
        if isinstance(error, AppBuilderError):
            self.refuse(error)
        elif isinstance(error, HTTPError):
            kind = {401: "authentication_error", 403: "permission_error"}.get(status_code, "invalid_request_error")
            self._answer(status_code, error.log_message or HTTPStatus(status_code).phrase, kind, None)
        else:
            self._answer(500, "The service failed; its log says how.", "server_error", "internal")

    def refuse(self, error: AppBuilderError) -> None:
        kind, more = "invalid_request_error", dict[str, Any]()
        status = error.status
        if isinstance(error, OverQuota):
            status, kind = (429, "rate_limit_error") if error.held else (402, "insufficient_quota")
            more = {"quota": error.quota.to_json()}
            self._wait(3 if error.held else max(1, math.ceil(error.quota.resets_at - time.time())), again=error.held)
        elif isinstance(error, TooMany):
            kind = "rate_limit_error"
            self._wait(2, again=True)
        elif isinstance(error, Unavailable):
            kind = "server_error"
            self._wait(2, again=True)
        self.hub.metrics.refused.labels(error.reason).inc()
        param = {"param": error.field} if error.field else {}
        self._answer(status, str(error), kind, error.reason, **param, **more)

    def _wait(self, seconds: int, *, again: bool) -> None:
        self.set_header("Retry-After", str(seconds))
        self.set_header("X-Should-Retry", "true" if again else "false")

    def _answer(self, status: int, message: str, kind: str, code: str | None, **more: Any) -> None:
        self.set_status(status)
        self.set_header("Content-Type", "application/json")
        self.finish(json.dumps({"error": {"message": message, "type": kind, "param": None, "code": code, **more}}))


class ModelsHandler(GatewayHandler):
    async def get(self) -> None:
        person = await self.person()
        self.finish({"object": "list", "data": [model.to_json() for model in await self.gateway.offered(person)]})


@stream_request_body
class CompletionsHandler(GatewayHandler):
    """Nothing of a request is kept before it is known whose it is, and that they may have one more."""

    _work: UnderWay | None = None
    _gone = False  # who asked has hung up
    _begun = False  # the request was read
    _unheard = 0  # micro-dollars: of who took the request and did not answer in time

    def initialize(self) -> None:
        self._body = bytearray()
        self._slot = ExitStack()

    async def prepare(self) -> None:
        self._person = await self.person()
        self.expect_body(self.hub.settings.body_bytes)
        self._slot.enter_context(self.gateway.slot(self._person))

    def data_received(self, chunk: bytes) -> None:
        self._body += chunk

    def on_finish(self) -> None:
        self._slot.close()  # who has their answer may ask again, settled or not

    async def post(self) -> None:
        self._begun = True
        with self._slot:
            await self._answer_to(self._person)

    async def _answer_to(self, person: Person) -> None:
        gateway = self.gateway
        raw, self._body = bytes(self._body), bytearray()
        asked = await in_turn(raw, read_request, raw, gateway.fields)
        model, *others = candidates = await gateway.candidates(person, asked.model)
        self._asked_tokens = asked.tokens
        tokens = asked.tokens
        output = (asked.limit or model.max_output) * asked.choices
        # What answers in its place may be dearer.
        least = max(one.cost(tokens, min(output, FEWEST_OUTPUT)) for one in candidates)
        most = max(one.cost(tokens * 4 // 3, output) for one in candidates)
        held = await uncut(
            gateway.ledger.reserve(person, model.name, model.provider.name, least, most, input_tokens=tokens)
        )
        self._work = UnderWay(person, model.name, held, time.time(), asyncio.current_task(), tokens)
        gateway.under_way[held.id] = self._work
        try:
            if self._gone:
                await uncut(self._settle(held, model, None, "cancelled"))
            else:
                await self._pass_on(self._work, asked, model, others)
        finally:
            gateway.under_way.pop(held.id, None)

    def on_connection_close(self) -> None:
        super().on_connection_close()
        self._gone = True
        if not self._begun:
            self._slot.close()
        if self._work and self._work.task and not self._work.task.done():
            self._work.task.cancel()

    async def _pass_on(self, work: UnderWay, asked: ModelRequest, model: HubModel, others: Sequence[HubModel]) -> None:
        held, gateway = work.reservation, self.gateway
        used, outcome, sent = model, "failed", False
        answer: Answer | None = None
        counter = Counter()
        try:
            used, answer = await self._ask(asked, model, others, held)
            if answer.status >= 400:
                await self._refusal(answer, used)
                return
            sent = True
            asked.forget()
            work.counter = counter
            await self._stream(answer, counter)
            outcome = "done"
        except asyncio.CancelledError:
            outcome, sent = "cancelled", True  # it may have been answered by now, whoever is there to hear
            if not work.stopped_by and not gateway.closing:
                return  # who asked has gone
            if self._headers_written:
                self._break_off()
            elif gateway.closing:
                raise Unavailable("The service is being restarted.", hint="Try again in a moment.") from None
            else:
                raise Forbidden("The request was stopped by the Hub's administrator.", reason="stopped") from None
        except UpstreamError as error:
            log.warning("%s: %s", used.provider.name, error)
            if self._headers_written:
                self._break_off()
                return
            raise Unavailable(
                f"The model {used.name!r} does not answer ({error.kind}).",
                hint="Try again in a moment, or choose another model.",
                reason="model_down",
            ) from None
        finally:
            if answer:
                answer.close()
            counter.end()
            await uncut(self._settle(held, used, counter if sent else None, outcome))

    async def _ask(
        self, asked: ModelRequest, model: HubModel, others: Sequence[HubModel], held: Reservation
    ) -> tuple[HubModel, Answer]:
        """The answer's head, of the model or, where that has none, of one other: nothing of it was seen yet."""
        for last, candidate in ((not others, model), *((True, other) for other in others)):
            try:
                answer = await self._ask_one(asked, candidate, held)
            except UpstreamError as error:
                if error.kind == "timeout":  # it may work on it all the same, and is paid for that
                    self._unheard += candidate.cost(asked.tokens, 0)
                if last:
                    raise
                log.warning("%s: %s; asking %s", candidate.name, error, others[0].name)
                continue
            if last or answer.status not in RETRIED:
                return candidate, answer
            log.warning("%s answered %d; asking %s", candidate.name, answer.status, others[0].name)
            answer.close()
        raise AssertionError

    async def _ask_one(self, asked: ModelRequest, model: HubModel, held: Reservation) -> Answer:
        gateway, place = self.gateway, model.provider.name
        limit = self._limit(asked, model, held)
        while True:
            usage = place not in gateway.without_usage
            body = await in_turn(asked.raw, asked.for_model, model, limit, usage=usage)
            answer = await gateway.upstream.ask(
                model.provider.url("chat/completions"),
                model.provider.request_headers(),
                body,
                connect=gateway.connect_seconds,
                first_byte=gateway.first_byte_seconds,
            )
            if 300 <= answer.status < 400 or answer.status >= 600 or (answer.status < 300 and answer.is_page):
                answer.close()
                raise UpstreamError("broken", f"answered {answer.status} with what is no model's answer")
            if not (usage and answer.status in (400, 422) and body is not asked.raw):
                return answer
            said = await answer.read(ERROR_BODY, between=gateway.between_seconds)
            if b"stream_options" not in said and b"include_usage" not in said:
                return answer
            log.info("%s does not take stream_options: what it does not report is counted here", place)
            gateway.without_usage.add(place)

    def _limit(self, asked: ModelRequest, model: HubModel, held: Reservation) -> int | None:
        """The limit that the answer must have for its money to be there; None where it has it already."""
        paid = model.output_for(held.micros - min(held.micros, model.cost(asked.tokens * 4 // 3, 0))) // asked.choices
        if not held.limited:
            return None
        if asked.limit is not None:
            return None if asked.limit <= paid else max(1, paid)
        return max(1, min(paid, model.max_output))

    async def _refusal(self, answer: Answer, model: HubModel) -> None:
        """Hand on what the provider says of the request; what it says of the service's own key is nobody's business."""
        body = await answer.read(ERROR_BODY, between=self.gateway.between_seconds)
        text = redact(body.decode("utf-8", "replace"), model.provider.secrets)
        said = said_in(text)
        if is_about_the_key(answer.status, said) or is_spent(answer.status, said):
            what = "key" if is_about_the_key(answer.status, said) else "account"
            log.error("%s refuses the service's %s (%d): %s", model.provider.name, what, answer.status, said)
            raise Unavailable(
                f"The provider of {model.name!r} refuses the Hub's {what}.",
                hint="Tell the Hub's administrator, or choose another model.",
                reason="provider_refuses",
            )
        self.set_status(answer.status)
        self._copy_headers(answer)
        self.finish(text)

    def _copy_headers(self, answer: Answer) -> None:
        for name in KEPT_HEADERS:
            if (value := answer.headers.get(name)) is not None:
                self.set_header(name, value)

    async def _stream(self, answer: Answer, counter: Counter) -> None:
        self.set_status(answer.status)
        self._copy_headers(answer)
        self.set_header("X-Accel-Buffering", "no")
        connection = cast("Any", self.request.connection)
        stream: IOStream = connection.stream
        await self.flush()
        chunked: bool = connection._chunking_output
        behind = 0

        def written(length: int, future: asyncio.Future[Any]) -> None:
            nonlocal behind
            behind -= length
            if behind < BEHIND // 2:
                answer.resume()

        def take(data: bytes) -> None:
            # As Tornado's connection would write it, without what it does for each write.
            nonlocal behind
            counter.take(data)
            future = stream.write(b"%x\r\n%b\r\n" % (len(data), data) if chunked else data)
            if not future.done():
                length = len(data)
                behind += length
                future.add_done_callback(lambda done: written(length, done))
                if behind > BEHIND:
                    answer.pause()

        try:
            await answer.pass_on(take, between=self.gateway.between_seconds)
        except StreamClosedError:
            raise asyncio.CancelledError from None
        with suppress(StreamClosedError):
            await self.finish()

    def _break_off(self) -> None:
        """End an answer in the middle so that whoever reads it notices."""
        cast("Any", self.request.connection).stream.close()

    async def _settle(self, held: Reservation, model: HubModel, counter: Counter | None, outcome: str) -> None:
        """``counter``: None where no provider answered."""
        spent = self._spent(model, counter, outcome)
        try:
            await self._write(held, spent, model.provider.name)
        except Exception as error:
            # What is held stays held, and is settled as soon as the database answers.
            log.error("A request of %s was not settled: %s", held.person.name, error)
            self.hub.keep(self._settle_later(held, spent, model.provider.name))

    def _spent(self, model: HubModel, counter: Counter | None, outcome: str) -> Spent | None:
        asked = self._asked_tokens
        if counter is None or counter.refused:
            return Spent(self._unheard, asked, estimated=True, outcome=outcome) if self._unheard else None
        told = counter.reported
        tokens = told if told and told[0] * 64 >= asked else (asked, told[1] if told else 0, 0)
        if not tokens[1]:
            tokens = (tokens[0], counter.output_tokens, tokens[2])
        estimated = tokens != told or self._unheard > 0
        return Spent(model.cost(*tokens) + self._unheard, *tokens, estimated=estimated, outcome=outcome)

    async def _write(self, held: Reservation, spent: Spent | None, provider: str) -> None:
        ledger = self.gateway.ledger
        await (ledger.settle(held, spent, provider=provider) if spent else ledger.release(held))

    async def _settle_later(self, held: Reservation, spent: Spent | None, provider: str) -> None:
        wait = 1.0
        while True:
            await asyncio.sleep(wait)
            wait = min(60.0, 2 * wait)
            try:
                await uncut(self._write(held, spent, provider))
            except Exception as error:
                log.error("A request of %s is not settled yet: %s", held.person.name, error)
            else:
                return
