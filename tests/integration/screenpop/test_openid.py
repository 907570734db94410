"""Logging in over a company's own log-in: real HTTP, real signatures, and a provider that lies."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest
from joserfc.jwk import ECKey, RSAKey
from pydantic import SecretStr, ValidationError

from config.oidc_settings import OidcSettings
from config.settings import WebSettings
from screenpop.openid.failures import NotLetIn
from screenpop.openid.openid_log_ins import LIFE_S, OpenIdLogIns
from screenpop.openid.provider import ANEW_S, MAX_ANSWER, Provider
from storage.database import Database
from tests.fakes.desk_server import PASSWORD, DeskServer, add_agents, desk_server
from tests.servers.openid import (
    CLIENT,
    SECRET,
    Claims,
    OpenIdProvider,
    by_another_key,
    by_the_public_key,
    openid_provider,
    unsigned,
)

pytestmark = pytest.mark.integration

BACK = "/api/v1/session/oidc/callback"


def settings_of(provider: OpenIdProvider, **more: Any) -> OidcSettings:
    told = {"client_id": CLIENT, "client_secret": SecretStr(SECRET), "name": "Office"}
    # A busy machine is no provider that is away.
    return OidcSettings(issuer=provider.issuer, deadline_s=60, **told, **more)


@dataclass
class Browser:
    """Follows redirects by hand, with cookies of its own."""

    server: DeskServer
    http: aiohttp.ClientSession

    async def goes(self, address: str) -> str:
        """Where it is led."""
        url = address if address.startswith("http") else self.server.base_url + address
        async with self.http.get(url, allow_redirects=False) as answer:
            assert answer.status == 302, await answer.text()
            return answer.headers["Location"]

    async def comes_back(self, to: str = "") -> str:
        """To the address with the code, which it has not asked yet."""
        return await self.goes(await self.goes(f"/api/v1/session/oidc{to}"))

    async def told(self, path: str) -> Any:
        async with self.http.get(self.server.base_url + path) as answer:
            return await answer.json()

    async def who(self) -> str | None:
        return (await self.told("/api/v1/me")).get("login")

    async def failure(self) -> str | None:
        failed = (await self.told("/api/v1/session/ways"))["failed"]
        return None if failed is None else f"{failed['code']} {failed['who']}".strip()


@dataclass
class House:
    provider: OpenIdProvider
    server: DeskServer
    open_: Callable[[], Any]

    async def browser(self) -> Browser:
        return await self.open_()


@asynccontextmanager
async def house_of(database: Database, **more: Any) -> AsyncIterator[House]:
    async with AsyncExitStack() as stack:
        provider = await stack.enter_async_context(openid_provider())
        settings = settings_of(provider, **more)
        server = await stack.enter_async_context(desk_server(database, oidc=settings))

        async def open_() -> Browser:
            jar = aiohttp.CookieJar(unsafe=True)
            http = await stack.enter_async_context(aiohttp.ClientSession(cookie_jar=jar))
            return Browser(server, http)

        yield House(provider, server, open_)


@pytest.fixture
async def house(database: Database) -> AsyncIterator[House]:
    await add_agents(database)
    async with house_of(database) as house:
        yield house


async def test_anna_logs_in_over_the_office(house: House) -> None:
    browser = await house.browser()
    assert await browser.told("/api/v1/session/ways") == {"oidc": "Office", "failed": None}
    begun = await browser.goes("/api/v1/session/oidc?to=supervisor")
    asked = parse_qs(urlsplit(begun).query)
    assert asked["tenant"] == ["1"]
    assert asked["redirect_uri"] == [house.server.base_url + BACK]
    back = await browser.goes(begun)
    async with browser.http.get(back, allow_redirects=False) as answer:
        assert answer.headers["Location"] == "/supervisor"
        [session] = [c for c in answer.headers.getall("Set-Cookie") if "switchboard_session" in c]
    assert "HttpOnly" in session
    assert "SameSite=Strict" in session
    assert await browser.who() == "anna"


@pytest.mark.parametrize(
    ("key", "alg"),
    [
        (RSAKey.generate_key(2048, {"kid": "rsa"}), "RS256"),
        (RSAKey.generate_key(2048, {"kid": "rsa"}), "PS256"),
        (ECKey.generate_key("P-384", {"kid": "ec"}), "ES384"),
    ],
)
async def test_other_signatures(house: House, key: RSAKey | ECKey, alg: str) -> None:
    house.provider.key, house.provider.alg = key, alg
    browser = await house.browser()
    assert await browser.goes(await browser.comes_back()) == "/"
    assert await browser.who() == "anna"


async def test_answers_that_come_in_pieces(house: House) -> None:
    house.provider.in_pieces = True
    browser = await house.browser()
    await browser.goes(await browser.comes_back())
    assert (await browser.failure(), await browser.who()) == (None, "anna")


async def test_an_answer_without_end_is_not_read(house: House) -> None:
    house.provider.says = {"more": "x" * MAX_ANSWER}
    browser = await house.browser()
    await browser.goes("/api/v1/session/oidc")
    assert await browser.failure() == "away"


def altered(**claims: object) -> Callable[[Claims], Claims]:
    return lambda before: {k: v for k, v in (before | claims).items() if v is not None}


def later(claim: str, by_s: int) -> Callable[[Claims], Claims]:
    return lambda before: before | {claim: before[claim] + by_s}


@pytest.mark.parametrize(
    "lie",
    [
        pytest.param({"sign": unsigned}, id="unsigned"),
        pytest.param({"sign": by_the_public_key}, id="public-key"),
        pytest.param({"sign": by_another_key}, id="another-key"),
        pytest.param({"sign": lambda _provider, _claims: "no.token"}, id="no-token"),
        pytest.param({"change": later("exp", -400)}, id="expired"),
        pytest.param({"change": later("iat", 400)}, id="of-tomorrow"),
        pytest.param({"change": altered(exp=None)}, id="no-end"),
        pytest.param({"change": altered(aud="somebody-else")}, id="other-audience"),
        pytest.param({"change": altered(aud=[CLIENT, "somebody-else"])}, id="two-audiences"),
        pytest.param({"change": altered(aud=None)}, id="no-audience"),
        pytest.param({"change": altered(azp="somebody-else")}, id="other-party"),
        pytest.param({"change": altered(iss="https://id.example.com")}, id="other-issuer"),
        pytest.param({"change": altered(nonce="of-another-log-in")}, id="other-nonce"),
        pytest.param({"change": altered(nonce=None)}, id="no-nonce"),
        pytest.param({"change": altered(preferred_username=None)}, id="no-login"),
        pytest.param({"change": altered(preferred_username=["anna"])}, id="many-logins"),
    ],
)
async def test_a_token_that_lies_lets_nobody_in(house: House, lie: dict[str, Any]) -> None:
    for name, how in lie.items():
        setattr(house.provider, name, how)
    browser = await house.browser()
    assert await browser.goes(await browser.comes_back()) == "/"
    assert await browser.who() is None
    assert await browser.failure() == "untrusted"
    # Told once.
    assert await browser.failure() is None


async def test_what_was_begun_ends_in_the_same_browser_once(house: House) -> None:
    annas, other = await house.browser(), await house.browser()
    back = await annas.comes_back()
    # Somebody else is led to an address that Anna was sent; with a log-in begun there, and without.
    await other.goes(back)
    assert await other.failure() == "stale"
    await other.comes_back()
    await other.goes(back)
    assert (await other.failure(), await other.who()) == ("stale", None)
    await annas.goes(back)
    assert await annas.who() == "anna"
    # The same code again, in the same browser: neither we nor the provider take it.
    async with annas.http.delete(f"{house.server.base_url}/api/v1/session") as out:
        assert out.status == 204
    await annas.goes(back)
    assert (await annas.failure(), await annas.who()) == ("stale", None)
    used = parse_qs(urlsplit(back).query)["code"][0]
    fresh = await annas.comes_back()
    await annas.goes(fresh.replace(parse_qs(urlsplit(fresh).query)["code"][0], used))
    assert (await annas.failure(), await annas.who()) == ("refused", None)


async def test_an_answer_of_another_provider_is_not_taken(house: House) -> None:
    browser = await house.browser()
    back = await browser.comes_back()
    await browser.goes(back.replace(f"iss={house.provider.issuer}", "iss=https://evil.example"))
    assert (await browser.failure(), await browser.who()) == ("untrusted", None)


async def test_whoever_says_no_there_reads_so_here(house: House) -> None:
    browser = await house.browser()
    state = parse_qs(urlsplit(await browser.comes_back()).query)["state"][0]
    await browser.goes(f"{BACK}?error=access_denied&state={state}")
    assert await browser.failure() == "refused"


@pytest.mark.parametrize("name", ["nobody", "Anna", "anna ", "ａnna", "a" * 200])
async def test_nobody_is_made_and_nobody_is_guessed(house: House, name: str) -> None:
    house.provider.person = {"preferred_username": name}
    browser = await house.browser()
    await browser.goes(await browser.comes_back())
    assert await browser.who() is None
    assert await browser.failure() == f"nobody {name[:100]}".strip()


@pytest.mark.parametrize(
    ("address", "verified", "becomes"),
    [
        ("anna@example.com", True, "anna"),
        ("Anna@Example.COM", True, "anna"),
        ("anna@example.com", False, "unverified"),
        ("anna@example.com", "true", "unverified"),
        ("anna@example.com", None, "unverified"),
        ("anna@evil.example", True, "nobody anna@evil.example"),
        ("anna@evil.example@example.com", True, "nobody anna@evil.example"),
        # Becomes a k when it is made small.
        ("\u212aen@example.com", True, "nobody \u212aen@example.com"),
    ],
)
async def test_an_address_counts_where_it_is_verified(
    database: Database, address: str, verified: object, becomes: str
) -> None:
    await add_agents(database)
    async with house_of(database, claim="email", email_domain="example.com") as house:
        house.provider.person = {"email": address, "email_verified": verified}
        browser = await house.browser()
        await browser.goes(await browser.comes_back())
        assert (await browser.who() or await browser.failure()) == becomes


async def test_a_new_key_is_asked_for_and_not_again_and_again(house: House) -> None:
    browser = await house.browser()
    await browser.goes(await browser.comes_back())
    asked = house.provider.key_questions
    time = 0.0
    provider = Provider(settings_of(house.provider), clock=lambda: time)
    over = OpenIdLogIns(settings_of(house.provider), provider=provider)
    try:
        assert await walk(over, browser) == "anna"
        house.provider.key = ECKey.generate_key("P-256", {"kid": "second"})
        # Just asked: it may be a lie, and is not asked again so soon.
        with pytest.raises(NotLetIn, match="a key of nobody"):
            await walk(over, browser)
        assert house.provider.key_questions == asked + 1
        time += ANEW_S
        assert await walk(over, browser) == "anna"
        assert house.provider.key_questions == asked + 2
    finally:
        await over.close()


async def test_who_waits_for_an_answer_to_somebody_else_waits_no_longer_than_they_do() -> None:
    """One after the other, the last of many would wait for minutes."""
    async with openid_provider() as silent:
        silent.silent_until = asyncio.Event()
        settings = OidcSettings(issuer=silent.issuer, client_id=CLIENT, deadline_s=0.2)
        provider = Provider(settings)
        asked = [provider.metadata, provider.keys] * 4
        try:
            told = await asyncio.gather(*(ask() for ask in asked), return_exceptions=True)
        finally:
            silent.silent_until.set()
            await provider.close()
        assert [type(one) for one in told] == [NotLetIn] * len(asked)
        assert {one.code for one in told if isinstance(one, NotLetIn)} == {"away"}
        # Of the first, and of some whose time is not quite over when the first one's is.
        assert silent.discoveries <= len(asked) // 2


async def walk(over: OpenIdLogIns, browser: Browser) -> str:
    begun = await over.begin(redirect_uri="http://127.0.0.1:9/back", page="/")
    query = parse_qs(urlsplit(await browser.goes(begun.address)).query)
    return await over.end(begun.browser, {key: values[0] for key, values in query.items()})


async def test_what_was_begun_long_ago_is_over(house: House) -> None:
    time = 0.0
    browser = await house.browser()
    over = OpenIdLogIns(settings_of(house.provider), clock=lambda: time)
    try:
        begun = await over.begin(redirect_uri="http://127.0.0.1:9/back", page="/")
        time += LIFE_S
        with pytest.raises(NotLetIn, match="long ago"):
            await over.end(begun.browser, {"code": "x", "state": "y"})
    finally:
        await over.close()
    assert await browser.who() is None


async def test_answers_of_nobody_are_slowed_down_and_flood_no_log(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    browser = await house.browser()
    address, told = f"{house.server.base_url}{BACK}?code=x&state=y", 0
    # 30, and as many more as are forgiven meanwhile: one each second.
    for _ in range(200):
        async with browser.http.get(address, allow_redirects=False) as answer:
            if answer.status == 429:
                break
            assert answer.status == 302
            told += 1
    else:
        pytest.fail("it is never slowed down")
    assert caplog.text.count("openid: ") == told


@pytest.mark.parametrize(
    ("public_url", "secure"), [("https://desk.example.com", True), ("http://desk", False)]
)
async def test_where_browsers_come_by_https_cookies_go_by_nothing_else(
    database: Database, public_url: str, secure: bool
) -> None:
    await add_agents(database)
    async with openid_provider() as provider:
        web, oidc = WebSettings(public_url=public_url), settings_of(provider)
        async with (
            desk_server(database, web_settings=web, oidc=oidc) as server,
            aiohttp.ClientSession(server.base_url) as http,
        ):
            body = {"login": "anna", "password": PASSWORD}
            async with (
                http.post("/api/v1/session", json=body) as opened,
                http.get("/api/v1/session/oidc", allow_redirects=False) as begun,
            ):
                cookies = [one.headers["Set-Cookie"] for one in (opened, begun)]
    assert ["Secure" in cookie for cookie in cookies] == [secure] * 2


@pytest.mark.parametrize(
    "says", [{"issuer": "https://other.example"}, {"token_endpoint": "file:///etc/passwd"}]
)
async def test_a_provider_that_does_not_fit_is_away(house: House, says: Claims) -> None:
    house.provider.says = says
    browser = await house.browser()
    assert await browser.goes("/api/v1/session/oidc?to=supervisor") == "/supervisor"
    assert await browser.failure() == "away"


async def test_without_a_provider_there_is_no_such_way(database: Database) -> None:
    async with desk_server(database) as server, aiohttp.ClientSession() as http:
        async with http.get(f"{server.base_url}/api/v1/session/ways") as ways:
            assert await ways.json() == {"oidc": None, "failed": None}
        for path in ("/api/v1/session/oidc", f"{BACK}?code=x&state=y"):
            async with http.get(server.base_url + path, allow_redirects=False) as answer:
                assert answer.status == 404


@pytest.mark.parametrize(
    "wrong",
    [
        {"issuer": "http://id.example.com"},
        {"issuer": "https://user@id.example.com"},
        {"client_id": ""},
        {"scopes": ("email",)},
        {"claim": "email"},
    ],
    ids=str,
)
def test_settings_that_cannot_be(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        OidcSettings(**{"issuer": "https://id.example.com", "client_id": CLIENT} | wrong)
