"""Settings of a company's own log-in (OpenID Connect)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, SecretStr, StringConstraints, model_validator

from config.section import Seconds, Section

ISSUER = r"^(https://[^\s/?#@]+|http://(localhost|127\.0\.0\.1|\[::1\])(:[0-9]{1,5})?)(/[^\s?#]*)?$"
_Scope = Annotated[str, StringConstraints(pattern=r"^[\x21\x23-\x5B\x5D-\x7E]{1,80}$")]


class OidcSettings(Section):
    """Logging in with the company's own log-in, as long as `issuer` is set. Register
    `PUBLIC_URL/api/v1/session/oidc/callback` there."""

    issuer: str | None = Field(None, pattern=ISSUER)
    """The provider, exactly as it calls itself, like `https://id.example.com/realms/office`."""
    client_id: str = Field("", max_length=200)
    """What we are called there."""
    client_secret: SecretStr = SecretStr("")
    """Our secret there; none where we are a public client."""
    client_secret_file: Path | None = None
    """A file that holds the secret; wins over `client_secret`."""
    scopes: tuple[_Scope, ...] = ("openid", "profile", "email")
    """What is asked for."""
    claim: str = Field("preferred_username", pattern=r"^[A-Za-z0-9_:./-]{1,80}$")
    """Which claim is the log-in of an agent: one that people cannot change themselves there. With
    `email` it is what stands before the @ of a verified address of `email_domain`."""
    email_domain: str | None = Field(None, pattern=r"^[A-Za-z0-9.-]{1,200}$")
    """Of `claim: email`, like `example.com`."""
    name: str = Field("OpenID Connect", min_length=1, max_length=60)
    """On the button: Log in with …"""
    deadline_s: Seconds = 5.0
    """How long the provider may take for an answer."""

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.issuer is None:
            return self
        if not self.client_id:
            raise ValueError("oidc.issuer is set, but oidc.client_id is not")
        if "openid" not in self.scopes:
            raise ValueError("oidc.scopes must have openid")
        if self.claim == "email" and self.email_domain is None:
            raise ValueError("oidc.claim is email, but oidc.email_domain is not set")
        return self
