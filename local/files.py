"""The web app's files, in the smallest built form that a browser accepts."""

import os
from pathlib import Path

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, Response
from starlette.staticfiles import NotModifiedResponse, StaticFiles
from starlette.types import Scope

ENCODINGS = {"br": ".br", "gzip": ".gz"}
"""Content codings that the build creates (frontend/vite.config.ts), the smaller one first, with the
suffix that each adds to a file's name."""


class Files(StaticFiles):
    """Serves a built web app: if `x.js.br` and `x.js.gz` exist next to a file `x.js`, the form that
    `Accept-Encoding` prefers is sent. A form that is older than its file is not sent, so a file
    that was changed after the build is served unchanged."""

    def __init__(self, folder: Path) -> None:
        super().__init__(directory=folder, html=True, check_dir=False)
        self._suffixes = tuple(ENCODINGS.values())

    async def get_response(self, path: str, scope: Scope) -> Response:
        if path.endswith(self._suffixes):
            # Forms of a file, not files.
            raise HTTPException(404)
        return await super().get_response(path, scope)

    def file_response(
        self,
        full_path: str | os.PathLike[str],
        stat_result: os.stat_result,
        scope: Scope,
        status_code: int = 200,
    ) -> Response:
        plain = super().file_response(full_path, stat_result, scope, status_code)
        forms = self._forms(os.fspath(full_path), stat_result)
        if not forms:
            return plain
        # Caches need this even if this browser accepts no form.
        plain.headers["Vary"] = "Accept-Encoding"
        asked = Headers(scope=scope)
        encoding = preferred(asked.get("accept-encoding", ""), list(forms))
        if encoding is None:
            return plain
        path, found = forms[encoding]
        response = FileResponse(
            path,
            status_code=status_code,
            headers={"Content-Encoding": encoding, "Vary": "Accept-Encoding"},
            media_type=FileResponse(full_path).media_type,
            stat_result=found,
        )
        if self.is_not_modified(response.headers, asked):
            return NotModifiedResponse(response.headers)
        return response

    def _forms(self, path: str, plain: os.stat_result) -> dict[str, tuple[str, os.stat_result]]:
        """Returns the forms next to a file, by their coding."""
        forms: dict[str, tuple[str, os.stat_result]] = {}
        for encoding, suffix in ENCODINGS.items():
            try:
                found = os.stat(path + suffix)
            except OSError:
                continue
            if found.st_mtime_ns >= plain.st_mtime_ns:
                forms[encoding] = (path + suffix, found)
        return forms


def preferred(accepted: str, codings: list[str]) -> str | None:
    """Returns the one of `codings` that an Accept-Encoding header prefers, the earlier one of
    equals; None if the file must be sent unchanged (RFC 9110, 12.5.3)."""
    weights: dict[str, float] = {}
    for part in accepted.split(","):
        name, _, parameter = part.strip().lower().partition(";")
        weights[name.strip()] = _weight(parameter)
    best = max(codings, key=lambda coding: weights.get(coding, weights.get("*", 0.0)))
    weight = weights.get(best, weights.get("*", 0.0))
    # A header without "identity" accepts it, but any named form is smaller.
    return best if weight > 0 and weight >= weights.get("identity", 0.0) else None


def _weight(parameter: str) -> float:
    name, _, value = parameter.strip().partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        return min(1.0, max(0.0, float(value)))
    except ValueError:
        return 0.0
