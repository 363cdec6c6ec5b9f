"""The opening handshake of a WebSocket: who may connect, and the answer to others.

The sans-I/O protocol of the `websockets` library implements the rules of RFC 6455.
"""

import asyncio
import secrets
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import parse_qs, urlsplit

from websockets.exceptions import InvalidHandshake
from websockets.http11 import Request

from domain.errors import RoomBusy
from functions.observing import report
from local import payloads
from local.gateway import SocketGateway

if TYPE_CHECKING:
    from local.sockets import Socket


class Handshake:
    """One upgrade request: its ticket is redeemed on a thread, then the socket is opened or
    refused."""

    def __init__(self, gateway: SocketGateway, socket: "Socket", request: Request) -> None:
        self._gateway = gateway
        self._socket = socket
        self._request = request
        self._host = request.headers.get("Host", "")

    def begin(self) -> None:
        """Refuses a request that may not connect; otherwise starts the look-up of the ticket."""
        request, gateway = self._request, self._gateway
        if not gateway.allowed(self._host, request.headers.get("Origin")):
            self._refuse(HTTPStatus.FORBIDDEN)
            return
        parts = urlsplit(request.path)
        ticket = parse_qs(parts.query).get("ticket", [""])[0]
        if parts.path != "/ws" or not ticket:
            self._refuse(HTTPStatus.UNAUTHORIZED if parts.path == "/ws" else HTTPStatus.NOT_FOUND)
            return
        event = payloads.authorizer_event(ticket, self._host)
        try:
            policy = gateway.in_thread(lambda: gateway.handlers.authorize(event, payloads.CONTEXT))
        except RoomBusy:
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE)
            return
        policy.add_done_callback(self._authorized)

    def _authorized(self, done: "asyncio.Future[Any]") -> None:
        protocol = self._socket.protocol
        if protocol is None:
            return
        if done.exception() is not None:
            report(cast(BaseException, done.exception()))
            self._refuse(HTTPStatus.INTERNAL_SERVER_ERROR)
            return
        policy = done.result()
        if policy["policyDocument"]["Statement"][0]["Effect"] != "Allow":
            self._refuse(HTTPStatus.UNAUTHORIZED)
            return
        try:
            response = protocol.accept(self._request)
        except InvalidHandshake:
            self._refuse(HTTPStatus.BAD_REQUEST)
            return
        if response.status_code == HTTPStatus.SWITCHING_PROTOCOLS:
            connection_id = secrets.token_urlsafe(9)
            context = payloads.socket_context(connection_id, policy["context"], self._host)
            answer = self._gateway.handlers.connect(
                payloads.socket_event({**context, "routeKey": "$connect"}), payloads.CONTEXT
            )
            if answer["statusCode"] != HTTPStatus.OK:
                self._refuse(HTTPStatus(answer["statusCode"]))
                return
            self._socket.opened(connection_id, context)
        protocol.send_response(response)
        self._socket.send_protocol_data()

    def _refuse(self, status: HTTPStatus) -> None:
        protocol = self._socket.protocol
        if protocol is not None:
            protocol.send_response(protocol.reject(status, f"{status.phrase}\n"))
            self._socket.send_protocol_data()
