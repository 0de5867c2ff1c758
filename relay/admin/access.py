"""Who may ask the operator's side: a token, and what keeps a browser's pages of other sites out. Pure decisions.

A browser on the operator's machine runs the scripts of every site it visits, and reaches what listens on loopback. Three ways
lead in, and each is closed by itself:

- A page of another site sends a request (CSRF). It cannot choose the type of a body or leave its `Origin` out where it matters:
  what changes something is a POST of `application/json`, and an `Origin` that is not this listener's own is refused.
- It reads an answer. It cannot: no answer names an origin that may.
- Its own name is made to point at 127.0.0.1 (DNS rebinding), and then it is of the same origin. Its `Host` is still its name. So
  without a token only names are answered that no stranger can own. With a token the page would have to know that.
"""

import secrets
from typing import Final

from relay import _core
from relay.addresses import address_key
from relay.requests import Refusal, Request
from relay.settings.admin import is_loopback

GUESSES_PER_SECOND: Final = 100.0
GUESSES_PER_SECOND_AND_ADDRESS: Final = 1.0
GUESSES_AT_ONCE: Final = 10.0
KNOWN_ADDRESSES: Final = 256

_CHALLENGE: Final = b'WWW-Authenticate: Bearer realm="relay"'  # RFC 6750 section 3
_JSON: Final = b"application/json"


class Access:
    """Decides on requests by the token; without one, by the names that this machine goes by."""

    def __init__(self, token: str) -> None:
        # one address that guesses must not lock out the others, and many addresses must not guess without end
        self._guesses_of = _core.AddressLimiter(
            GUESSES_PER_SECOND_AND_ADDRESS, GUESSES_AT_ONCE, capacity=4096
        )
        self._guesses = _core.TokenBucket(GUESSES_PER_SECOND, GUESSES_PER_SECOND)
        # who has shown the token goes on when a crowd guesses: it could else keep every operator out for as long as it likes
        self._known: dict[int, None] = {}
        self._token = token.encode()

    def configure(self, token: str) -> None:
        """Ask for this token from now on; for none when it is empty."""
        if token.encode() != self._token:
            self._known.clear()
        self._token = token.encode()

    def check_site(self, request: Request) -> None:
        """Raises Refusal 403 for what a page of another site may have sent."""
        host = request.headers.get(b"host", b"").lower()
        origin = request.headers.get(b"origin")
        if not self._token and host and not _is_this_machine(host):
            text = "this name is not answered to; ask for localhost, or set admin_token"
            raise Refusal(403, text, reason="admin_host")
        if origin is not None and origin.lower().partition(b"://")[2] != (host or b"?"):
            raise Refusal(403, "pages of other origins may not ask here", reason="admin_origin")

    def check_token(self, request: Request, peer: bytes, now: float) -> None:
        """Raises Refusal: 401 without the token, or with another; 429 after too many of those. `peer` is a packed address."""
        if not self._token:
            return
        scheme, _, shown = request.headers.get(b"authorization", b"").partition(b" ")
        if scheme.lower() != b"bearer":
            raise Refusal(401, "a token is needed here", _CHALLENGE, reason="admin_token")
        address = address_key(peer)
        is_crowd_guessing = self._guesses.seconds_until(now) and address not in self._known
        if is_crowd_guessing or self._guesses_of.seconds_until(address, now):
            raise Refusal(429, "too many wrong tokens", b"Retry-After: 1", reason="admin_guesses")
        if not secrets.compare_digest(shown.strip(), self._token):
            self._guesses_of.try_consume(address, now)
            self._guesses.try_consume(now)
            raise Refusal(401, "the token is wrong", _CHALLENGE, reason="admin_token")
        self._remember(address)

    def _remember(self, address: int) -> None:
        """That it has shown the token; the address that did so the longest time ago is forgotten first."""
        self._known.pop(address, None)
        self._known[address] = None
        if len(self._known) > KNOWN_ADDRESSES:
            del self._known[next(iter(self._known))]


def require_json(request: Request) -> None:
    """Raises Refusal 415 for a body of a type that a form of any site could have."""
    media_type = request.headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
    if media_type != _JSON:
        text = "expected the header Content-Type: application/json"
        raise Refusal(415, text, reason="admin_request")


def _is_this_machine(host: bytes) -> bool:
    name = host.decode("latin-1")
    return is_loopback(name if name.endswith("]") else name.rpartition(":")[0] or name)
