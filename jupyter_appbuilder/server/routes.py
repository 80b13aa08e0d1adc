"""The routes of the API, below ``<base_url>appbuilder/api/``."""

from __future__ import annotations

import re

from tornado.web import RequestHandler

from .approvals import ApprovalHandler, NetworkHandler, NetworkHostHandler
from .attachments import AttachmentsHandler
from .base import UnknownRouteHandler
from .catalog import (
    DemosHandler,
    ModelsHandler,
    ModelTestHandler,
    ProviderHandler,
    ProvidersHandler,
    ProviderTestHandler,
)
from .channel import ChannelHandler, EventsHandler
from .checkpoints import (
    CheckpointsHandler,
    DiffHandler,
    RestoreHandler,
    VersionNameHandler,
    VersionPictureHandler,
    VersionPreviewHandler,
)
from .contract import ContractHandler
from .database import DatabaseCsvHandler, DatabaseHandler, DatabaseQueryHandler, DatabaseRowsHandler
from .datasets import DatasetsHandler, UploadHandler, UploadsHandler
from .export import ExportHandler, TranscriptHandler
from .files import FileHandler, FilesHandler
from .forks import ForkHandler
from .from_notebook import FramesHandler, FromNotebookHandler
from .functions import FunctionCallHandler, FunctionsHandler, LayoutHandler
from .health import HealthHandler
from .looks import CopyHandler, LooksHandler, SharedLookHandler
from .messages import (
    ContinueHandler,
    MessagesHandler,
    PointedHandler,
    PointedPictureHandler,
    PointedStyleHandler,
    PointedStylesHandler,
    PointedTextHandler,
    RetryHandler,
    StopHandler,
)
from .notebook import NotebookHandler
from .plans import AcceptHandler, PlansHandler
from .preview import LookHandler, PreviewHandler, ScreenshotHandler, ShownHandler
from .publishing import (
    GateHandler,
    PublicationHandler,
    PublishingHandler,
    ReadersHandler,
    ReleaseFileHandler,
    RollbackHandler,
    VisitsHandler,
)
from .refreshing import RefreshingHandler, RunHandler, RunsHandler, TimesHandler
from .rules import RuleHandler, RulesHandler, SessionRuleHandler, SessionRulesHandler
from .sandboxes import SandboxesHandler, SandboxHandler, SandboxProvidersHandler
from .secrets import SecretHandler, SecretsHandler
from .sessions import SessionHandler, SessionsHandler
from .settings import SettingsHandler
from .templates import SessionTemplateHandler, TemplateHandler, TemplatePictureHandler, TemplatesHandler
from .tools import PictureHandler, ScenarioHandler, ToolHandler, ToolsHandler, TryHandler, WatchHandler
from .usage import BudgetsHandler, SessionBudgetHandler, SessionUsageHandler, UsageHandler, UsageRequestsHandler

PREFIX = "/appbuilder/api"
NAME = r"[^/]+"

ROUTES: dict[str, type[RequestHandler]] = {
    "/sessions": SessionsHandler,
    "/sessions/{session}": SessionHandler,
    "/sessions/{session}/messages": MessagesHandler,
    "/sessions/{session}/pointed": PointedHandler,
    "/sessions/{session}/pointed/picture": PointedPictureHandler,
    "/sessions/{session}/pointed/text": PointedTextHandler,
    "/sessions/{session}/pointed/styles": PointedStylesHandler,
    "/sessions/{session}/pointed/style": PointedStyleHandler,
    "/sessions/{session}/retry": RetryHandler,
    "/sessions/{session}/continue": ContinueHandler,
    "/sessions/{session}/fork": ForkHandler,
    "/sessions/{session}/stop": StopHandler,
    "/sessions/{session}/events": EventsHandler,
    "/sessions/{session}/channel": ChannelHandler,
    "/sessions/{session}/files": FilesHandler,
    "/sessions/{session}/files/{path}": FileHandler,
    "/sessions/{session}/checkpoints": CheckpointsHandler,
    "/sessions/{session}/checkpoints/{checkpoint}/diff": DiffHandler,
    "/sessions/{session}/checkpoints/{checkpoint}/name": VersionNameHandler,
    "/sessions/{session}/checkpoints/{checkpoint}/picture": VersionPictureHandler,
    "/sessions/{session}/checkpoints/{checkpoint}/preview": VersionPreviewHandler,
    "/sessions/{session}/publishing": PublishingHandler,
    "/sessions/{session}/publishing/answer": GateHandler,
    "/sessions/{session}/publications/{target}": PublicationHandler,
    "/sessions/{session}/publications/{target}/rollback": RollbackHandler,
    "/sessions/{session}/publications/{target}/readers": ReadersHandler,
    "/sessions/{session}/publications/{target}/visits": VisitsHandler,
    "/sessions/{session}/publications/{target}/releases/{number}/file": ReleaseFileHandler,
    "/sessions/{session}/refreshing": RefreshingHandler,
    "/sessions/{session}/refreshing/times": TimesHandler,
    "/sessions/{session}/refreshing/runs": RunsHandler,
    "/sessions/{session}/refreshing/runs/{number}": RunHandler,
    "/sessions/{session}/looks": LooksHandler,
    "/sessions/{session}/looks/{look}": SharedLookHandler,
    "/sessions/{session}/datasets": DatasetsHandler,
    "/sessions/{session}/datasets/uploads": UploadsHandler,
    "/sessions/{session}/datasets/uploads/{upload}": UploadHandler,
    "/sessions/{session}/database": DatabaseHandler,
    "/sessions/{session}/database/rows": DatabaseRowsHandler,
    "/sessions/{session}/database/csv": DatabaseCsvHandler,
    "/sessions/{session}/database/query": DatabaseQueryHandler,
    "/sessions/{session}/functions": FunctionsHandler,
    "/sessions/{session}/functions/call": FunctionCallHandler,
    "/sessions/{session}/layout": LayoutHandler,
    "/sessions/{session}/secrets": SecretsHandler,
    "/sessions/{session}/secrets/{name}": SecretHandler,
    "/sessions/{session}/restore": RestoreHandler,
    "/sessions/{session}/export": ExportHandler,
    "/sessions/{session}/transcript.html": TranscriptHandler,
    "/sessions/{session}/tools/{tool}": ToolHandler,
    "/sessions/{session}/pictures/{sha256}": PictureHandler,
    "/sessions/{session}/scenarios/try": TryHandler,
    "/sessions/{session}/scenarios/{name}": ScenarioHandler,
    "/sessions/{session}/scenarios/{name}/watch": WatchHandler,
    "/sessions/{session}/plans": PlansHandler,
    "/sessions/{session}/plans/{plan}/accept": AcceptHandler,
    "/sessions/{session}/approvals/{approval}": ApprovalHandler,
    "/sessions/{session}/network": NetworkHandler,
    "/sessions/{session}/network/{host}": NetworkHostHandler,
    "/sessions/{session}/rules": SessionRulesHandler,
    "/sessions/{session}/rules/{rule}": SessionRuleHandler,
    "/sessions/{session}/preview": PreviewHandler,
    "/sessions/{session}/preview/looks": LookHandler,
    "/sessions/{session}/preview/screenshot": ScreenshotHandler,
    "/sessions/{session}/preview/picture": ShownHandler,
    "/sessions/{session}/notebook": NotebookHandler,
    "/sessions/{session}/template": SessionTemplateHandler,
    "/sessions/{session}/usage": SessionUsageHandler,
    "/sessions/{session}/budget": SessionBudgetHandler,
    "/copies/{copy}": CopyHandler,
    "/attachments": AttachmentsHandler,
    "/notebooks": FromNotebookHandler,
    "/notebooks/frames": FramesHandler,
    "/rules": RulesHandler,
    "/rules/{rule}": RuleHandler,
    "/templates": TemplatesHandler,
    "/templates/{template}": TemplateHandler,
    "/templates/{template}/picture": TemplatePictureHandler,
    "/sandboxes": SandboxesHandler,
    "/sandboxes/providers": SandboxProvidersHandler,
    "/sandboxes/{session}": SandboxHandler,
    "/models": ModelsHandler,
    "/models/test": ModelTestHandler,
    "/providers": ProvidersHandler,
    "/providers/{provider}": ProviderHandler,
    "/providers/{provider}/test": ProviderTestHandler,
    "/demos": DemosHandler,
    "/tools": ToolsHandler,
    "/usage": UsageHandler,
    "/usage/requests": UsageRequestsHandler,
    "/usage/budgets": BudgetsHandler,
    "/settings": SettingsHandler,
    "/health": HealthHandler,
    "/openapi.{format}": ContractHandler,
}
"""Path, as in openapi.yaml, to handler. A parameter in braces matches up to the next slash, ``{path}`` all the rest."""

_PARAMETERS = {"path": ".+", "format": "yaml|json"}


def pattern(path: str) -> str:
    """The regular expression of a path in ``ROUTES``."""
    escaped = path.replace(".", r"\.")
    return PREFIX + re.sub(r"{(\w+)}", lambda found: f"(?P<{found[1]}>{_PARAMETERS.get(found[1], NAME)})", escaped)


def api_handlers() -> list[tuple[str, type[RequestHandler]]]:
    """The rules to mount; the last catches what is not an address of ours."""
    rules = [(pattern(path), handler) for path, handler in ROUTES.items()]
    return [*rules, (PREFIX + "(?:/.*)?", UnknownRouteHandler)]
