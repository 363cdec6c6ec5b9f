"""Claims of a Cognito ID token, as API Gateway's JWT authorizer passes them on.

The authorizer has checked signature, issuer, audience and time. It also accepts access tokens, so
this module checks `token_use`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from domain.errors import Forbidden, Unauthenticated
from domain.protocol.limits import FORBIDDEN, MAX_NICKNAME

MAX_EMAIL = 254
"""Characters of an address (RFC 5321, 4.5.3.1.3)."""

NAMELESS = "Newcomer"
"""Name of a person whose token has no name; a number makes it unique."""


@dataclass(frozen=True, slots=True)
class VerifiedIdentity:
    """`name` can be used as a nickname."""

    sub: str
    email: str
    name: str


def verified_identity(claims: Mapping[str, Any]) -> VerifiedIdentity:
    """Reads the claims of an ID token.

    Raises
    ------
    Unauthenticated: they are not those of an ID token with an e-mail address.
    Forbidden: the address was never confirmed.
    """
    sub, email = _text(claims, "sub"), _text(claims, "email")
    if claims.get("token_use") != "id" or not sub or any(map(str.isspace, sub)):
        raise Unauthenticated
    if "@" not in email or len(email) > MAX_EMAIL:
        raise Unauthenticated("the sign-in gave no e-mail address")
    # API Gateway passes claims on as strings.
    if str(claims.get("email_verified")).lower() != "true":
        raise Forbidden("confirm your e-mail address first, then sign in again")
    return VerifiedIdentity(sub, email, _name(claims, sub))


def _name(claims: Mapping[str, Any], sub: str) -> str:
    """Returns the first valid name, never the e-mail address, which is private."""
    for claim in ("nickname", "preferred_username", "name", "cognito:username"):
        name = " ".join(FORBIDDEN.sub("", _text(claims, claim)).split())
        if name and name != sub and "@" not in name:
            return name[:MAX_NICKNAME].rstrip()
    return NAMELESS


def _text(claims: Mapping[str, Any], claim: str) -> str:
    value = claims.get(claim)
    return value.strip() if isinstance(value, str) else ""
