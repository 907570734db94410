"""Logging in by a company's own log-in: OpenID Connect, authorization code with PKCE."""
