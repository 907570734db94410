"""Which pages may talk to us: our own, and those that the settings name."""

from __future__ import annotations

from urllib.parse import urlsplit

from aiohttp import web

from config.settings import WebSettings
from screenpop.desk.answers import refusal


class Origins:
    """A browser cannot lie about `Origin`."""

    def __init__(self, settings: WebSettings) -> None:
        self._settings = settings

    def check(self, request: web.Request, *, required: bool) -> None:
        """Programs that send none may use the plain addresses, never the websocket."""
        origin = request.headers.get("Origin")
        if origin is None and not required:
            return
        if origin is not None and self._is_ours(origin, request.host):
            return
        raise refusal(web.HTTPForbidden, "origin_refused", "this origin may not")

    def _is_ours(self, origin: str, host: str) -> bool:
        public = self._settings.public_url
        if public is not None:
            parts = urlsplit(public)
            if origin == f"{parts.scheme}://{parts.netloc}":
                return True
        if origin in self._settings.allowed_origins:
            return True
        return origin in (f"http://{host}", f"https://{host}")
