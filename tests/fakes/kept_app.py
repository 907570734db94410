"""A web application whose doors are kept, for tests that hang some themselves."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from config.neighbours import Neighbours
from config.settings import WebSettings
from screenpop.desk.doorkeeper import Doorkeeper


def kept_app(
    *, neighbours: Neighbours | None = None, node_secret: str | None = None, **options: Any
) -> web.Application:
    """This machine is near, nobody logs in."""
    app = web.Application(**options)
    Doorkeeper(
        settings=WebSettings(), neighbours=neighbours or Neighbours(), node_secret=node_secret
    ).keep(app)
    return app
