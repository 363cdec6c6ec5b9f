"""Sessions, nicknames, subjects and tickets. Only hashes, pseudonyms and sealed texts are
written.

    pk                    sk
    session#TOKEN         -                    user, session, until
    ticket#TICKET         -                    user, session, until
    nickname#PSEUDONYM    -                    user, reserved
    subject#PSEUDONYM     -                    user
    person#USER           session#TOKEN        session, until
    person#USER           ticket#TICKET        session
    person#USER           nickname#PSEUDONYM
    person#USER           email                k, c

A person's items are also stored under the person, so that a Query finds them. `until` is the time
with its fraction; `expires`, the same in whole seconds, is for DynamoDB, which deletes late: every
read checks `until` itself.
"""

import math
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

from adapters.dynamodb.table import ConditionFailed, Item, Table, encode_item
from domain.errors import Throttled
from domain.ports.accounts import Session
from domain.protocol.types import Sealed

RESERVED = 60.0
"""Seconds that a claimed nickname waits for its first session."""

ATTEMPTS = 4
"""Attempts to take a nickname that another person takes at the same time."""

GRACE = 3_600.0
"""Seconds that DynamoDB has to delete expired items before `drop_expired` does."""

EXISTS = {"ConditionExpression": "attribute_exists(pk)"}


def _key(kind: str, name: str) -> dict[str, str]:
    return {"pk": f"{kind}#{name}", "sk": "-"}


def _mirror(user: str, kind: str, name: str) -> dict[str, str]:
    return {"pk": f"person#{user}", "sk": f"{kind}#{name}"}


def _until(expires: float) -> dict[str, Any]:
    return {"until": expires, "expires": math.ceil(expires)}


def _session(item: Item) -> Session:
    return Session(item["user"], item["session"], float(item["until"]))


class DynamoAccounts:
    """Implements the Accounts port."""

    def __init__(self, table: Table) -> None:
        self._table = table

    # Nicknames

    def claim_nickname(self, pseudonym: str, user: str, now: float) -> bool:
        for attempt in range(ATTEMPTS):
            held = self._table.get(_key("nickname", pseudonym))
            if held is not None and held["user"] != user and self._keeps(held, now):
                return False
            if self._take_nickname(pseudonym, user, now, held):
                return True
            self._table.wait(attempt)
        raise Throttled

    def _keeps(self, held: Item, now: float) -> bool:
        sessions = self._of(held["user"], "session#")
        return held["reserved"] > now or any(one["until"] > now for one in sessions)

    def _take_nickname(self, pseudonym: str, user: str, now: float, held: Item | None) -> bool:
        """Takes it if it is unchanged since it was read: a person who enters claims it first, so a
        session that began in the meantime shows as a later reservation."""
        condition: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(pk)"}
        if held is not None:
            condition = {
                "ConditionExpression": "#user = :user AND reserved = :reserved",
                "ExpressionAttributeNames": {"#user": "user"},
                "ExpressionAttributeValues": encode_item(
                    {":user": held["user"], ":reserved": held["reserved"]}
                ),
            }
        item = {**_key("nickname", pseudonym), "user": user, "reserved": now + RESERVED}
        try:
            self._write((item, condition), (_mirror(user, "nickname", pseudonym), {}))
        except ConditionFailed:
            return False
        return True

    def nickname_holder(self, pseudonym: str) -> str | None:
        held = self._table.get(_key("nickname", pseudonym))
        return None if held is None else str(held["user"])

    # Sessions

    def put_session(self, token: str, session: Session) -> None:
        more = {"session": session.session, **_until(session.expires)}
        self._write(
            ({**_key("session", token), "user": session.user, **more}, {}),
            ({**_mirror(session.user, "session", token), **more}, {}),
        )

    def prolong(self, token: str, expires: float) -> None:
        item = self._table.get(_key("session", token))
        if item is None:
            return
        longer = {
            "UpdateExpression": "SET #until = :until, expires = :expires",
            "ExpressionAttributeNames": {"#until": "until"},
            "ExpressionAttributeValues": encode_item(
                {":until": expires, ":expires": math.ceil(expires)}
            ),
            **EXISTS,
        }
        mirror = _mirror(item["user"], "session", token)
        with suppress(ConditionFailed):  # it ended in the meantime
            self._transact(
                {"Update": {"Key": encode_item(_key("session", token)), **longer}},
                {"Update": {"Key": encode_item(mirror), **longer}},
            )

    def session(self, token: str, now: float) -> Session | None:
        item = self._table.get(_key("session", token))
        return _session(item) if item is not None and item["until"] > now else None

    def sessions_of(self, user: str) -> dict[str, Session]:
        return {
            mirror["sk"].removeprefix("session#"): _session({**mirror, "user": user})
            for mirror in self._of(user, "session#")
        }

    def end_session(self, token: str) -> Session | None:
        item = self._table.get(_key("session", token))
        if item is None:
            return None
        session = _session(item)
        tickets = self._of(session.user, "ticket#")
        self._delete(one for one in tickets if one["session"] == session.session)
        self._release(session.user)
        # Last, so that a retry finds what a failure left.
        try:
            self._transact(
                {"Delete": {"Key": encode_item(_key("session", token)), **EXISTS}},
                {"Delete": {"Key": encode_item(_mirror(session.user, "session", token))}},
            )
        except ConditionFailed:
            return None
        return session

    def end_sessions_of(self, user: str) -> None:
        self._delete([*self._of(user, "session#"), *self._of(user, "ticket#")])
        self._release(user)

    def forget(self, user: str) -> None:
        self.end_sessions_of(user)
        for mirror in self._of(user, "nickname#"):
            with suppress(ConditionFailed):  # another person's by now
                self._table.delete(
                    {"pk": mirror["sk"], "sk": "-"},
                    condition="#user = :user",
                    names={"#user": "user"},
                    values={":user": user},
                )
            # Last, so that a retry finds what a failure left.
            self._table.delete({"pk": mirror["pk"], "sk": mirror["sk"]})
        self._table.delete({"pk": f"person#{user}", "sk": "email"})

    def _of(self, user: str, kind: str) -> list[Item]:
        """Returns a person's items of one kind, for example `session#`."""
        condition = "pk = :pk AND begins_with(sk, :kind)"
        return list(self._table.query(condition, values={":pk": f"person#{user}", ":kind": kind}))

    def _delete(self, mirrors: Iterable[Item]) -> None:
        """Deletes a person's items, and the items that they refer to."""
        keys = [{"pk": one["pk"], "sk": one["sk"]} for one in mirrors]
        self._table.write_many(deletes=[{"pk": key["sk"], "sk": "-"} for key in keys])
        # Last, so that a retry finds what a failure left.
        self._table.write_many(deletes=keys)

    def _release(self, user: str) -> None:
        """Frees the nickname's reservation, so that it is free once no session lives."""
        for mirror in self._of(user, "nickname#"):
            try:
                self._table.update(
                    {"pk": mirror["sk"], "sk": "-"},
                    "SET reserved = :none",
                    names={"#user": "user"},
                    values={":none": 0, ":user": user},
                    condition="#user = :user",
                )
            except ConditionFailed:  # another person's by now
                self._table.delete({"pk": mirror["pk"], "sk": mirror["sk"]})

    # Tickets

    def put_ticket(self, ticket: str, session: Session, life: float = 60.0) -> None:
        more = {"session": session.session, **_until(session.expires)}
        self._write(
            ({**_key("ticket", ticket), "user": session.user, **more}, {}),
            ({**_mirror(session.user, "ticket", ticket), **more}, {}),
        )

    def take_ticket(self, ticket: str, now: float) -> Session | None:
        # One delete, even if the ticket has expired: only one of two callers gets the item, and a
        # ticket that is used too late is gone. The item under the person expires.
        item = self._table.delete(_key("ticket", ticket))
        return _session(item) if item is not None and item["until"] > now else None

    # Sign-in

    def claim_subject(self, pseudonym: str, user: str) -> str:
        key = _key("subject", pseudonym)
        try:
            self._table.put({**key, "user": user}, condition="attribute_not_exists(pk)", held=True)
        except ConditionFailed as taken:
            # An engine older than 2023 does not return the item with the refusal.
            held = taken.item or self._table.get(key)
            assert held is not None, "subjects are never deleted"
            return str(held["user"])
        return user

    def put_email(self, user: str, sealed: Sealed) -> None:
        self._table.put({"pk": f"person#{user}", "sk": "email", **sealed})

    def email(self, user: str) -> Sealed | None:
        item = self._table.get({"pk": f"person#{user}", "sk": "email"})
        return None if item is None else {"k": item["k"], "c": item["c"]}

    # Both

    def _write(self, *puts: tuple[Item, dict[str, Any]]) -> None:
        """Puts items in one transaction, each under its condition."""
        self._transact(*({"Put": {"Item": encode_item(item), **more}} for item, more in puts))

    def _transact(self, *requests: dict[str, dict[str, Any]]) -> None:
        items = [
            {kind: {"TableName": self._table.name, **more} for kind, more in request.items()}
            for request in requests
        ]
        self._table.call("transact_write_items", TransactItems=items)

    def drop_expired(self, now: float, more: Callable[[], bool]) -> int:
        """Reads the whole table; only for a schedule."""
        over = encode_item({":over": math.floor(now - GRACE)})
        dropped = 0
        for item in self._table.every(
            FilterExpression="expires < :over",
            ExpressionAttributeValues=over,
            ProjectionExpression="pk, sk",
        ):
            if not more():
                break
            with suppress(ConditionFailed):  # it was prolonged in the meantime
                self._table.delete(
                    item, condition="expires < :over", values={":over": math.floor(now - GRACE)}
                )
                dropped += item["sk"] == "-"
        return dropped
