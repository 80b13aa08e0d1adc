"""Figures for Prometheus: what is counted while requests pass, and what the database says when it is asked."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

from tornado.web import HTTPError

from .base import HubHandler

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

    from .ledger import Spent
    from .service import Hub

SCOPE = "custom:appbuilder:metrics"
BUCKETS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)


class Metrics:
    """Nobody's name is a label: what each person used is in the ledger, and one label a person would be thousands."""

    def __init__(self) -> None:
        from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

        self.registry: CollectorRegistry = CollectorRegistry()
        of, model = self.registry, ["model"]
        self.requests = Counter(
            "appbuilder_model_requests", "Requests to models that ended", [*model, "outcome"], registry=of
        )
        self.tokens = Counter("appbuilder_model_tokens", "Tokens that were counted", [*model, "kind"], registry=of)
        self.dollars = Counter("appbuilder_spent_dollars", "US dollars that were spent", model, registry=of)
        self.refused = Counter("appbuilder_refused_requests", "Requests that were refused", ["reason"], registry=of)
        self.seconds = Histogram(
            "appbuilder_model_request_seconds", "How long requests to models took", model, buckets=BUCKETS, registry=of
        )
        self.http = Counter("appbuilder_http_responses", "Answers of the service", ["status"], registry=of)
        self.running = Gauge("appbuilder_model_requests_running", "Requests to models under way", registry=of)
        self.servers = Gauge("appbuilder_servers", "Servers that reported lately", registry=of)
        self.turns = Gauge("appbuilder_turns_running", "Turns that run", registry=of)
        self.sandboxes = Gauge("appbuilder_sandboxes_running", "Sandboxes that run", registry=of)
        self.published = Gauge("appbuilder_published_apps", "Apps that are published", registry=of)
        self.spent_today = Gauge("appbuilder_spent_today_dollars", "US dollars that were spent today", registry=of)
        self.spent_month = Gauge("appbuilder_spent_month_dollars", "US dollars that were spent this month", registry=of)
        ProcessCollector(registry=self.registry)

    def ended(self, model: str, spent: Spent | None, seconds: float) -> None:
        """A request to a model is settled, or released (None)."""
        if spent is None:
            self.requests.labels(model, "unanswered").inc()
            return
        self.requests.labels(model, spent.outcome).inc()
        self.tokens.labels(model, "input").inc(spent.input_tokens)
        self.tokens.labels(model, "output").inc(spent.output_tokens)
        self.tokens.labels(model, "cached").inc(spent.cached_tokens)
        self.dollars.labels(model).inc(spent.micros / 1_000_000)
        self.seconds.labels(model).observe(seconds)

    async def read(self, hub: Hub) -> bytes:
        """All of it, as Prometheus reads it."""
        from prometheus_client import generate_latest

        from .admin.figures import Figures

        counts = await hub.reports.counts()
        figures = Figures(hub.database)
        day, month = hub.ledger.periods(hub.ledger.clock())
        for gauge, name in (
            (self.servers, "servers"),
            (self.turns, "turns"),
            (self.sandboxes, "sandboxes"),
            (self.published, "published"),
        ):
            gauge.set(counts[name])
        self.spent_today.set((await figures.balance("hub", "", day))["spent"] / 1_000_000)
        self.spent_month.set((await figures.balance("hub", "", month))["spent"] / 1_000_000)
        self.running.set(await figures.under_way())
        return generate_latest(self.registry)


class MetricsHandler(HubHandler):
    """For Prometheus, which sends ``c.HubService.metrics_token``, or a token of the Hub's with the scope."""

    async def get(self) -> None:
        sent = self.request.headers.get("Authorization", "").partition(" ")[2].strip()
        token = self.hub.settings.metrics_token
        ours = bool(token and sent) and hmac.compare_digest(sent.encode(), token.encode())
        if not ours and (not sent or not await self.hub.people.has_scope(sent, SCOPE)):
            raise HTTPError(403 if sent else 401, f"Metrics need a token with the scope {SCOPE}.")
        self.set_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
        self.finish(await self.hub.metrics.read(self.hub))
