"""Whether an ID token says what it must (OpenID Connect Core 1.0, 3.1.3.7)."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import Any

from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet

from screenpop.openid.failures import NotLetIn

#: Signatures by a key that only the provider has; neither `none` nor HS256, whose key we know, too.
ALGORITHMS = (
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512",
)  # fmt: skip
#: What its clock and ours may differ.
LEEWAY_S = 60
_KEY_TYPES = ("RSA", "EC")


class UnknownKey(Exception):
    """It is signed by a key that is not among these."""


def keys_of(published: Any) -> KeySet:
    """Of a provider's JWKS. Raises NotLetIn where there are none of use."""
    listed = published.get("keys") if isinstance(published, dict) else None
    if not isinstance(listed, list):
        raise NotLetIn("away", "openid: the provider's keys are no JWKS")
    ours = [one for one in listed if isinstance(one, dict) and one.get("kty") in _KEY_TYPES]
    try:
        return KeySet.import_key_set({"keys": ours})
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise NotLetIn("away", f"openid: the provider's keys are damaged ({error})") from error


def checked(
    token: str, keys: KeySet, *, issuer: str, client_id: str, nonce: str, now: int
) -> Mapping[str, Any]:
    """Its claims. Raises UnknownKey, or NotLetIn with the reason for the log."""
    claims_wanted = jwt.JWTClaimsRegistry(
        now=now,
        leeway=LEEWAY_S,
        iss={"essential": True, "value": issuer},
        aud={"essential": True, "value": client_id},
        sub={"essential": True},
        exp={"essential": True},
        iat={"essential": True},
    )
    try:
        decoded = jwt.decode(token, keys, algorithms=ALGORITHMS)
        claims_wanted.validate(decoded.claims)
    except InvalidKeyIdError as error:
        raise UnknownKey from error
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise NotLetIn("untrusted", f"openid: the ID token is refused: {error}") from error
    claims = decoded.claims
    said = claims.get("nonce")
    if not isinstance(said, str) or not hmac.compare_digest(said.encode(), nonce.encode()):
        raise NotLetIn("untrusted", "openid: the ID token is of another log-in (nonce)")
    for_whom = claims.get("azp", client_id)
    if for_whom != client_id or (isinstance(claims["aud"], list) and claims["aud"] != [client_id]):
        raise NotLetIn("untrusted", "openid: the ID token is for others, too (aud, azp)")
    return claims
