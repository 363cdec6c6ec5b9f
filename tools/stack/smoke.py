"""`make smoke`: sends one message through a deployed stack, from a browser's address to another
tab.

It signs in through the user pool, opens two sockets, posts, waits for the push and for the page,
and deletes the message. `make deploy` ends with it. The person is a user of the pool, the same in
each run and disabled between runs; their private room is the same too, so a run adds two events.
"""

import json
import secrets
import time
from collections.abc import Callable, Mapping
from typing import Any

import urllib3
from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

from tools.stack.emulator import StackError

EMAIL = "smoke@parley.invalid"
NAME = "Smoke test"
PATIENCE = 60.0
"""Maximum of seconds until a push or a page arrives: cold starts of at most six functions."""

Frame = dict[str, Any]


def smoke(outputs: Mapping[str, str], cognito: Any, patience: float = PATIENCE) -> str:
    """Sends one message through a stack; returns a sentence with its times.

    Parameters
    ----------
    outputs: outputs of the stack.
    cognito: client with permission to administer users of the stack's pool.

    Raises
    ------
    StackError: with the step that failed.
    """
    web = Web(outputs["WebUrl"], patience)
    try:
        with _Person(cognito, outputs) as token:
            return _chat(web, token, patience)
    except (urllib3.exceptions.HTTPError, WebSocketException, OSError) as error:
        raise StackError(f"the smoke chat failed: {type(error).__name__}: {error}") from error


class Web:
    """The HTTP API, at the address that browsers use."""

    def __init__(self, url: str, patience: float) -> None:
        self._url = url.rstrip("/")
        self._pool = urllib3.PoolManager(retries=False, timeout=patience)

    def __call__(self, method: str, path: str, token: str, body: Any = None) -> Any:
        """Returns the answer's JSON, None for no content. Raises StackError."""
        answer = self._pool.request(
            method,
            f"{self._url}{path}",
            body=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
        )
        if answer.status >= 300:
            # Without the body: it is not needed, and could contain private data.
            raise StackError(f"the smoke chat failed: {method} {path} answered {answer.status}")
        return json.loads(answer.data) if answer.data else None


class _Person:
    """The pool's user, enabled with a new password during the run; enters with an ID token."""

    def __init__(self, cognito: Any, outputs: Mapping[str, str]) -> None:
        self._cognito = cognito
        self._user = {"UserPoolId": outputs["UserPoolId"], "Username": EMAIL}
        self._client = outputs["SmokeClientId"]

    def __enter__(self) -> str:
        password = secrets.token_urlsafe(32)
        try:
            verified = [
                {"Name": "email", "Value": EMAIL},
                {"Name": "email_verified", "Value": "true"},
            ]
            self._cognito.admin_create_user(
                **self._user, UserAttributes=verified, MessageAction="SUPPRESS"
            )
        except self._cognito.exceptions.UsernameExistsException:
            self._cognito.admin_enable_user(**self._user)
        self._cognito.admin_set_user_password(**self._user, Password=password, Permanent=True)
        answer = self._cognito.admin_initiate_auth(
            UserPoolId=self._user["UserPoolId"],
            ClientId=self._client,
            AuthFlow="ADMIN_USER_PASSWORD_AUTH",
            AuthParameters={"USERNAME": EMAIL, "PASSWORD": password},
        )
        return str(answer["AuthenticationResult"]["IdToken"])

    def __exit__(self, *_: object) -> None:
        self._cognito.admin_disable_user(**self._user)


def _chat(web: Web, id_token: str, patience: float) -> str:
    entered = web("POST", "/api/session/cognito", id_token, {"nickname": NAME})
    # The same person has the same room: characters of a person's id may end the id of a private
    # room.
    token, room = entered["token"], f"smoke-{entered['user']['id'].removeprefix('u_')}"
    try:
        with (
            connect(web("POST", "/api/tickets", token)["url"], proxy=None) as one,
            connect(web("POST", "/api/tickets", token)["url"], proxy=None) as other,
        ):
            writer, reader = Tab(one, patience), Tab(other, patience)
            # The same command in each run: after the first time it is recognised and changes
            # nothing.
            fields = {"room": room, "name": NAME, "kind": "private"}
            writer.command("create_room", "smoke", since=0, **fields)
            for tab in (writer, reader):
                tab.send("sync", "synced", rooms={room: None})
                tab.until(lambda frame: frame["type"] == "synced")
            return _message(web, token, room, writer, reader)
    finally:
        web("DELETE", "/api/session", token)


def _message(web: Web, token: str, room: str, writer: "Tab", reader: "Tab") -> str:
    text = f"smoke {secrets.token_hex(4)}"
    began = time.monotonic()
    version = writer.command("post", secrets.token_hex(8), room=room, text=text)["version"]
    acknowledged = time.monotonic() - began
    try:
        reader.until(
            lambda frame: (
                frame["type"] == "events"
                and any(event["version"] == version for event in frame["events"])
            )
        )
        pushed = time.monotonic() - began
        _until(lambda: _shown(web, token, room, version), writer.patience, "the page")
        shown = time.monotonic() - began
    finally:
        writer.command("delete", secrets.token_hex(8), room=room, version=version)
    return (
        f"Smoke chat: acknowledged after {acknowledged:.1f} s, pushed after {pushed:.1f} s, "
        f"on the page after {shown:.1f} s"
    )


def _shown(web: Web, token: str, room: str, version: int) -> bool:
    page = web("GET", f"/api/rooms/{room}/messages", token)
    return any(message["version"] == version for message in page["messages"])


def _until(holds: Callable[[], bool], patience: float, what: str) -> None:
    end = time.monotonic() + patience
    while not holds():
        if time.monotonic() > end:
            raise StackError(f"the smoke chat failed: {what} did not come in {patience:.0f} s")
        time.sleep(0.5)


class Tab:
    """One socket."""

    def __init__(self, connection: ClientConnection, patience: float) -> None:
        self._connection = connection
        self.patience = patience

    def send(self, action: str, id: str, **fields: Any) -> None:
        self._connection.send(json.dumps({"action": action, "id": id, **fields}))

    def until(self, fits: Callable[[Frame], bool]) -> Frame:
        """Returns the next frame that fits; drops those before. Raises StackError."""
        end = time.monotonic() + self.patience
        while (left := end - time.monotonic()) > 0:
            try:
                frame: Frame = json.loads(self._connection.recv(left))
            except TimeoutError:
                break
            if fits(frame):
                return frame
        raise StackError(f"the smoke chat failed: no frame came in {self.patience:.0f} s")

    def command(self, action: str, id: str, **fields: Any) -> Frame:
        """Sends a command; returns its `ack`. Raises StackError."""
        self.send(action, id, **fields)
        # An unexpected error of a function is answered without the frame's id.
        answer = self.until(
            lambda f: f.get("id") == id if f["type"] == "ack" else f["type"] == "error"
        )
        if answer["type"] == "error":
            raise StackError(f"the smoke chat failed: {action} was refused, {answer['code']}")
        return answer
