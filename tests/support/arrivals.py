"""Those who ask for an upgrade and may be refused: from a known address behind a proxy, with headers, again and again."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TypeAlias

from support.connection import LIMIT_SECONDS, Response
from support.member import Member, Visitors
from support.websocket import upgrade_head

Headers: TypeAlias = Mapping[str, str]
Attempt: TypeAlias = Callable[[], Response]

SWITCHING = 101


class Client:
    """Whoever a proxy on this machine forwards for. Its connections last until its visitors' context is left."""

    def __init__(self, visitors: Visitors, forwarded_for: str) -> None:
        self._visitors = visitors
        self._headers = {"X-Forwarded-For": forwarded_for}

    def call(self, target: str) -> Member:
        """A connection that has asked for an upgrade, its answer unread."""
        return self._visitors.call(upgrade_head(target, headers=self._headers))

    def ask(self, target: str) -> Response:
        """The answer to an upgrade; the connection stays when that was a switch."""
        return answer_of(self.call(target))

    def enter(self, target: str) -> Member:
        """A member whose own join has been read."""
        return self._visitors.enter(target, headers=self._headers)


def ask(visitors: Visitors, target: str, headers: Headers | None = None) -> Response:
    """The answer to an upgrade; the connection stays when that was a switch."""
    return answer_of(visitors.call(upgrade_head(target, headers=headers)))


def answer_of(caller: Member) -> Response:
    response = caller.receive_response()
    if response.status != SWITCHING:
        caller.expect_end()
        caller.close()
    return response


def seconds_to_wait(response: Response) -> int:
    """What a refusal asks for; a whole number, 1 or more (RFC 9110 section 10.2.3)."""
    text = response.headers["retry-after"]
    assert text.isdecimal(), response
    assert int(text) >= 1, response
    return int(text)


def come_again(refused: Response, attempt: Attempt) -> None:
    """Ask until it is let in. A request that was begun after the time the refusal named must not be refused."""
    is_time_up_at = time.monotonic() + seconds_to_wait(refused)
    while True:
        begun_at = time.monotonic()
        response = attempt()
        if response.status == SWITCHING:
            return
        assert response.status == refused.status, response
        assert begun_at < is_time_up_at, f"refused after the time it was told to wait: {response}"


def try_until_let_in(attempt: Attempt) -> None:
    """Ask until it is let in, which must be before the time limit."""
    give_up_at = time.monotonic() + LIMIT_SECONDS
    while (response := attempt()).status != SWITCHING:
        assert time.monotonic() < give_up_at, response
