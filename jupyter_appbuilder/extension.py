"""The Jupyter server extension: hands the server's settings to ``AppBuilder`` and mounts the routes.

Installed and idle it must cost nothing worth noticing, so nothing heavy is imported here or by what is imported here.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, ClassVar

from jupyter_server._tz import utcnow
from jupyter_server.extension.application import ExtensionApp
from tornado.ioloop import PeriodicCallback

from .builder import AppBuilder
from .preview.capabilities import frame_ancestors
from .preview.handlers import preview_handlers
from .server.looks import look_handlers
from .server.preview import EntryHandler
from .server.published import published_handlers
from .server.routes import api_handlers
from .session.places import FOLDER, can_make

ACTIVITY_SECONDS = 5.0
"""How often a running turn says that the server is in use (a Hub stops servers that are idle)."""


def roots(contents: Any) -> tuple[str, Path | None]:
    """Where apps go on this server (empty: nowhere, so it has to be said), and the folder that its file browser shows.

    Many servers show a folder that cannot be written to, such as ``/``, and begin below it in the person's own. Others
    keep their files in no folder of this machine at all.
    """
    if not hasattr(contents, "_get_os_path"):
        return "", None
    root = Path(contents.root_dir).resolve()
    preferred = (root / contents.preferred_dir.strip("/")).resolve()
    if preferred != root and preferred.is_relative_to(root) and (root == Path("/") or not can_make(root / FOLDER)):
        return str(preferred if can_make(preferred / FOLDER) else root), root
    return str(root), root


class AppBuilderExtension(ExtensionApp):
    """App Builder in a Jupyter server. Configure it as ``c.AppBuilder.…``."""

    name = "jupyter_appbuilder"
    app_name = "Jupyter App Builder"
    description = "Describe a web app in plain words; an agent builds it in a sandbox while you watch."
    extension_url = "/lab"
    load_other_extensions = True
    classes: ClassVar[list[type]] = [AppBuilder]  # pyright: ignore[reportIncompatibleVariableOverride]

    builder: AppBuilder

    def initialize_settings(self) -> None:
        server = self.serverapp
        assert server is not None
        root, browsed = roots(server.contents_manager)
        settings = {} if "root_dir" in self.config.AppBuilder else {"root_dir": root}
        self.builder = AppBuilder(
            parent=self,
            base_url=server.base_url,
            browsed=browsed,
            pooling=True,
            resuming=True,
            label=f"the Jupyter server at {server.connection_url}",
            **settings,
        )
        self.settings["appbuilder_previews"] = self.builder.previews
        self.settings["appbuilder_readers"] = self.builder.readers
        if self.builder.open_panel:
            server.web_app.settings.setdefault("page_config_data", {})["appBuilderOpen"] = "true"

    def initialize_handlers(self) -> None:
        assert self.serverapp is not None
        self.handlers.extend(api_handlers())
        web_app = self.serverapp.web_app
        previews = self.builder.previews
        configured = web_app.settings.get("headers", {}).get("Content-Security-Policy", "")
        # Every frame around a preview must be allowed: its panel's page, and whatever portal JupyterLab stands in.
        previews.ancestors += frame_ancestors(configured)
        previews.entry = f"{web_app.settings['base_url']}appbuilder/open/"
        readers = self.builder.readers
        readers.ancestors += frame_ancestors(configured)
        web_app.add_handlers(".*$", published_handlers(readers))
        web_app.add_handlers(".*$", look_handlers(web_app.settings["base_url"]))
        web_app.add_handlers(".*$", preview_handlers(web_app.settings["base_url"], previews))
        web_app.add_handlers(".*$", [(re.escape(previews.entry) + "(?P<capability>[^/]+)/(?P<rest>.*)", EntryHandler)])

    async def _start_jupyter_server_extension(self, serverapp: Any) -> None:
        self._activity = PeriodicCallback(self._note_activity, ACTIVITY_SECONDS * 1000)
        self._activity.start()
        self.builder.background.run(self.builder.report_to_hub())
        if not self.builder.log_store.fresh:
            # Not awaited: turns that a killed server left open must not delay this server's start.
            self.builder.background.run(self.builder.recover())

        if self.builder.refresh_scheduled:
            self.builder.background.run(self.builder.due.keep())

    def _note_activity(self) -> None:
        # The server counts every setting whose name ends so. Set only while a turn runs: an open panel or a page that
        # polls must not keep a Hub's server alive for ever.
        if self.builder.busy:
            assert self.serverapp is not None
            self.serverapp.web_app.settings["appbuilder_last_activity"] = utcnow()

    def current_activity(self) -> dict[str, bool] | None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Something true while a turn runs: the server then asks before it shuts down."""
        return {"turns": True} if self.builder.busy else None

    async def stop_extension(self) -> None:
        if hasattr(self, "_activity"):
            self._activity.stop()
        await self.builder.close()
