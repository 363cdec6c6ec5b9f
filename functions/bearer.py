"""The token in an `Authorization` header."""


def bearer(header: str | None) -> str | None:
    """Returns the header's bearer token; None where there is none."""
    scheme, _, token = (header or "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None
