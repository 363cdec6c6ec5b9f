"""A deployment with a hosted sign-in, played by routes of the browser.

The local engine has no user pool and no JWT authorizer. Here the pool's pages and its token
endpoint, `POST /api/session/cognito` and the fallback to the web app's page are answered as on AWS;
everything else is the local engine.
"""

import base64
import hashlib
import html
import json
import re
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from playwright.sync_api import BrowserContext, Route

from tests.server.harness import Server

POOL = "https://parley.auth.example.org"
CLIENT = "7exampleclient"


class Hosted:
    """Routes a browser to a user pool whose only account is `name`.

    Attributes
    ----------
    answer: what the hosted page sends back besides the state; None for a code.
    refusal: (status, body) of the session call; None where it lets them in.
    codes: challenge and nonce by code, until it is used.
    asked: calls in order: authorize, token, session, logout.
    """

    def __init__(
        self, context: BrowserContext, server: Server, name: str, *, guests: bool = True
    ) -> None:
        self._server = server
        self._name = name
        self._config = {
            "api": "",
            "guests": guests,
            "cognito": {"domain": POOL, "client_id": CLIENT},
        }
        self.answer: dict[str, str] | None = None
        self.refusal: tuple[int, Any] | None = None
        self.codes: dict[str, tuple[str, str]] = {}
        self.asked: list[str] = []
        self.nicknames: list[str | None] = []
        # A page that a route answered counts as one of the internet's, and may not call home.
        context.grant_permissions(["local-network-access"], origin=server.url)
        context.route("**/config.json", self._configure)
        context.route(re.compile(r"^http://[^/]+/callback"), self._page)
        context.route("**/api/session/cognito", self._session)
        context.route(f"{POOL}/**", self._pool)

    def _configure(self, route: Route) -> None:
        route.fulfill(json=self._config)

    def _page(self, route: Route) -> None:
        """CloudFront answers every path with the page; its CSP lets it call the pool."""
        page = route.fetch(url=self._server.url + "/")
        policy = page.headers["content-security-policy"]
        allowing = policy.replace("connect-src 'self'", f"connect-src 'self' {POOL}")
        assert allowing != policy
        route.fulfill(response=page, headers={**page.headers, "content-security-policy": allowing})

    def _pool(self, route: Route) -> None:
        url = urlsplit(route.request.url)
        if url.path == "/favicon.ico":
            route.fulfill(status=204)
            return
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        self.asked.append(url.path.split("/")[-1])
        {
            "/oauth2/authorize": self._authorize,
            "/oauth2/token": self._token,
            "/logout": self._logout,
        }[url.path](route, query)

    def _authorize(self, route: Route, query: dict[str, str]) -> None:
        assert query["response_type"] == "code"
        assert query["code_challenge_method"] == "S256"
        assert (query["client_id"], query["scope"]) == (CLIENT, "openid email profile")
        assert query["redirect_uri"] == f"{self._server.url}/callback"
        answer = self.answer
        if answer is None:
            code = f"code-{len(self.codes)}"
            self.codes[code] = (query["code_challenge"], query["nonce"])
            answer = {"code": code}
        back = f"{query['redirect_uri']}?{urlencode({'state': query['state'], **answer})}"
        _show(route, "Sign in", back)

    def _logout(self, route: Route, query: dict[str, str]) -> None:
        assert query == {"client_id": CLIENT, "logout_uri": f"{self._server.url}/"}
        _show(route, "Signed out", query["logout_uri"])

    def _token(self, route: Route, _: dict[str, str]) -> None:
        form = {name: values[0] for name, values in parse_qs(route.request.post_data).items()}
        assert form["grant_type"] == "authorization_code"
        assert form["redirect_uri"] == f"{self._server.url}/callback"
        headers = {"access-control-allow-origin": self._server.url}
        challenge, nonce = self.codes.pop(form["code"], ("", ""))
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        if _base64url(digest) != challenge:
            route.fulfill(status=400, json={"error": "invalid_grant"}, headers=headers)
            return
        tokens = {"id_token": id_token(nonce), "access_token": "eyJ.access", "expires_in": 3600}
        route.fulfill(json=tokens, headers=headers)

    def _session(self, route: Route) -> None:
        """The exchange, which on AWS has passed the JWT authorizer."""
        self.asked.append("session")
        token = route.request.headers["authorization"].removeprefix("Bearer ")
        assert json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))["nonce"]
        self.nicknames.append(json.loads(route.request.post_data or "{}").get("nickname"))
        if self.refusal is not None:
            status, body = self.refusal
            route.fulfill(status=status, json=body)
            return
        person = self._server.enter(self._name)
        user = {"id": person.id, "name": person.name}
        route.fulfill(status=201, json={"token": person.token, "user": user})


def id_token(nonce: str) -> str:
    """Returns an ID token that nobody signed."""
    parts = ({"alg": "RS256"}, {"nonce": nonce, "token_use": "id"})
    return ".".join(_base64url(json.dumps(part).encode()) for part in parts) + ".unsigned"


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _show(route: Route, title: str, link: str) -> None:
    body = f'<title>{title}</title><a id="go-on" href="{html.escape(link)}">{title}</a>'
    route.fulfill(content_type="text/html", body=body)
