"""Notices to people: a topic for programs, mail for people. No notice contains texts of messages.

Both raise Throttled only for a notice that was certainly not sent. Their clients must not retry
timeouts themselves (`retries={"total_max_attempts": 1}`): the notice may have been sent.
"""

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import orjson
from botocore.exceptions import ClientError
from botocore.exceptions import ConnectionError as Unreached

from domain.errors import Throttled
from domain.ports.outbound import Notice

WHAT = {"mention": "You were mentioned", "direct": "You have a message"}

LIMITS = frozenset({"TooManyRequestsException", "LimitExceededException", "SendingPausedException"})
"""Transient refusals with the status 400."""


def room_url(web_url: str, room: str) -> str:
    """Returns the room's address in the web app."""
    return f"{web_url.rstrip('/')}/#/{quote(room, safe='')}"


def unsubscribe_url(web_url: str, token: str) -> str:
    """Returns the address that ends a person's mail."""
    return f"{web_url.rstrip('/')}/api/unsubscribe?token={quote(token, safe='')}"


def _sent(call: Callable[..., Any], **arguments: Any) -> None:
    """Calls the service; raises Throttled for requests that it did not accept but may accept
    later."""
    try:
        call(**arguments)
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 400)
        if status in (429, 503) or "throttl" in code.lower() or code in LIMITS:
            raise Throttled from None
        raise
    except Unreached:
        raise Throttled from None


class TopicNotices:
    """Publishes notices to an SNS topic: `{user, kind, room, version, url}`.

    Parameters
    ----------
    client: botocore's `sns` client.
    topic: the notifications topic's ARN.
    web_url: address of the web app; may be empty.
    """

    channel = "topic"

    def __init__(self, client: Any, topic: str, web_url: str) -> None:
        self._client = client
        self._topic = topic
        self._web_url = web_url

    def notify(self, notice: Notice) -> None:
        message = {
            "user": notice.user,
            "kind": notice.kind,
            "room": notice.room,
            "version": notice.version,
            "url": room_url(self._web_url, notice.room),
        }
        attributes = {"kind": notice.kind, "user": notice.user}
        _sent(
            self._client.publish,
            TopicArn=self._topic,
            Message=orjson.dumps(message).decode(),
            MessageAttributes={
                name: {"DataType": "String", "StringValue": value}
                for name, value in attributes.items()
            },
        )


class MailNotices:
    """Sends notices by SES to people who want them and whose address is known. Each mail has a link
    to unsubscribe without signing in, for people and for mail programs (RFC 8058).

    Parameters
    ----------
    client: botocore's `sesv2` client.
    sender: the From address, a verified identity.
    web_url: address of the web app.
    address_of: returns a person's e-mail address; None if they want no mail.
    token_of: returns the token of the link to unsubscribe.
    """

    channel = "mail"

    def __init__(
        self,
        client: Any,
        sender: str,
        web_url: str,
        address_of: Callable[[str], str | None],
        token_of: Callable[[str], str],
    ) -> None:
        self._client = client
        self._sender = sender
        self._web_url = web_url
        self._address_of = address_of
        self._token_of = token_of

    def notify(self, notice: Notice) -> None:
        address = self._address_of(notice.user)
        if address is None:
            return
        what = WHAT[notice.kind]
        subject = f"{what} in {notice.name}" if notice.name else what
        end = unsubscribe_url(self._web_url, self._token_of(notice.user))
        text = (
            f"{subject}.\n\n{room_url(self._web_url, notice.room)}\n\n"
            f"You asked for these mails. To end them: {end}\n"
        )
        _sent(
            self._client.send_email,
            FromEmailAddress=self._sender,
            Destination={"ToAddresses": [address]},
            Content={
                "Simple": {
                    "Subject": {"Data": subject, "Charset": "UTF-8"},
                    "Body": {"Text": {"Data": text, "Charset": "UTF-8"}},
                    "Headers": [
                        {"Name": "List-Unsubscribe", "Value": f"<{end}>"},
                        {"Name": "List-Unsubscribe-Post", "Value": "List-Unsubscribe=One-Click"},
                    ],
                }
            },
        )
