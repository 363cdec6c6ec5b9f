"""What a Cognito ID token says of somebody, as API Gateway's JWT authorizer hands it on.

The authorizer has checked signature, issuer, audience and time. It takes access tokens too, so
`token_use` is looked at here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from domain.errors import Forbidden, Unauthenticated
from domain.protocol.limits import FORBIDDEN, MAX_NICKNAME

MAX_EMAIL = 254
"""Characters of an address (RFC 5321, 4.5.3.1.3)."""

NAMELESS = "Newcomer"
"""What somebody is called of whom the token tells no name; a number keeps them apart."""


@dataclass(frozen=True, slots=True)
class VerifiedIdentity:
    """`name` is fit for a nickname."""

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
        raise Unauthenticated("the sign-in told no e-mail address")
    # API Gateway hands claims on as strings.
    if str(claims.get("email_verified")).lower() != "true":
        raise Forbidden("confirm your e-mail address first, then sign in again")
    return VerifiedIdentity(sub, email, _name(claims, sub))


def _name(claims: Mapping[str, Any], sub: str) -> str:
    """Returns the first name that is one: never the e-mail address, which is nobody's business."""
    for claim in ("nickname", "preferred_username", "name", "cognito:username"):
        name = " ".join(FORBIDDEN.sub("", _text(claims, claim)).split())
        if name and name != sub and "@" not in name:
            return name[:MAX_NICKNAME].rstrip()
    return NAMELESS


def _text(claims: Mapping[str, Any], claim: str) -> str:
    value = claims.get(claim)
    return value.strip() if isinstance(value, str) else ""
