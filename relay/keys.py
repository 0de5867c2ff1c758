"""Who may join a channel and who may send in it: the keys a connection shows, and the locks they open.

A key is kept only as its digest. That makes all comparisons ones of equal length, in constant time, and keeps the keys themselves
out of memory, and so out of every log and traceback. The digest has no salt that a process chose: a lock must open for the same
key when another process takes its channel over.
"""

import hashlib
import hmac
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, TypeGuard

from relay.protocol import ChannelKey, Options

JOIN_KEY_HEADER: Final = b"x-join-key"
SEND_KEY_HEADER: Final = b"x-send-key"

_NO_KEYS: Final = frozenset({b"", b"undefined", b"null"})
_BOUNDARIES: Final = b":/"


class Keys:
    """What a connection has shown: the digests of its join key and of its send key, None for one that it did not show."""

    __slots__ = ("join", "send")

    def __init__(self, join_key: bytes | None = None, send_key: bytes | None = None) -> None:
        """From the keys as they were sent. An empty one is none, as is what JavaScript makes of a variable without a value."""
        self.join = _digest(join_key) if is_key(join_key) else None
        self.send = _digest(send_key) if is_key(send_key) else None

    def __repr__(self) -> str:
        return f"Keys(join={_shown(self.join)}, send={_shown(self.send)})"


def find_keys(options: Options, headers: Mapping[bytes, bytes]) -> Keys:
    """The keys of a request: each from its query, or else from its header (`headers` has names in lower case)."""
    join_header, send_header = headers.get(JOIN_KEY_HEADER), headers.get(SEND_KEY_HEADER)
    if options.join_key is options.send_key is join_header is send_header is None:
        return _NOTHING_SHOWN
    return Keys(_first(options.join_key, join_header), _first(options.send_key, send_header))


class Lock:
    """The join keys and the send keys of a channel, as digests. A side without any is open to everyone."""

    __slots__ = ("_join", "_send")

    def __init__(self, join: Iterable[bytes] = (), send: Iterable[bytes] = ()) -> None:
        self._join = tuple(join)
        self._send = tuple(send)

    @classmethod
    def from_first_member(cls, keys: Keys) -> "Lock | None":
        """The lock that the first member of an unreserved channel puts on it; None when it showed no key: open to everyone."""
        if keys.join is None and keys.send is None:
            return None
        return cls(_present(keys.join), _present(keys.send))

    def admits(self, keys: Keys) -> bool:
        """Whether a connection that showed these keys may join."""
        return _opens(self._join, keys.join)

    def lets_send(self, keys: Keys) -> bool:
        """Whether it may send. The two sides are apart: a send key does not let anyone in."""
        return _opens(self._send, keys.send)

    def __repr__(self) -> str:
        return f"Lock(join={len(self._join)} keys, send={len(self._send)} keys)"


class Namespaces:
    """The locks of the configuration, from join keys and send keys by name. The longest name that owns a channel has it.

    `team` owns `team` and whatever continues it with `:` or `/`, so `team:x` and `team/x:y`, not `teams`. A name that ends in
    `:` or `/` owns whatever begins with it: `team:` owns `team:` and `team:x`, neither `team` nor `team/x`. Names are compared as
    bytes, in UTF-8. Raises ValueError for an empty name, and for a key that nobody can show.
    """

    def __init__(self, namespaces: Mapping[str, tuple[Sequence[str], Sequence[str]]]) -> None:
        self._locks: dict[bytes, Lock] = {}
        for name, (join_keys, send_keys) in namespaces.items():
            if not name:
                raise ValueError("namespaces: expected a name of one character or more, got ''")
            lock = Lock(
                _digests(name, "join_keys", join_keys), _digests(name, "send_keys", send_keys)
            )
            self._locks[name.encode()] = lock
        # so a look-up costs as many steps as there are lengths, however many boundaries a name has
        self._lengths = sorted({len(name) for name in self._locks}, reverse=True)

    def find(self, channel: ChannelKey) -> Lock | None:
        """The lock of the namespace that owns this channel; None when none does, and ephemeral keys may apply.

        A party room is looked up as `parties/<party>/<room>`.
        """
        if not self._locks:
            return None
        name = channel if isinstance(channel, bytes) else b"parties/%b/%b" % channel
        for length in self._lengths:
            lock = self._locks.get(name[:length])
            if lock is not None and _is_boundary(name, length):
                return lock
        return None


def _is_boundary(name: bytes, length: int) -> bool:
    """Whether a namespace of this length, with which the name begins, ends where a part of the name does."""
    return length >= len(name) or name[length] in _BOUNDARIES or name[length - 1] in _BOUNDARIES


def is_key(value: bytes | None) -> TypeGuard[bytes]:
    """Whether this can be a key at all."""
    return value is not None and value not in _NO_KEYS


def _first(in_query: bytes | None, in_header: bytes | None) -> bytes | None:
    """Space around a header's value is not part of it (RFC 9110 section 5.5), and the parser leaves it at the end."""
    if is_key(in_query) or in_header is None:
        return in_query
    return in_header.strip(b" \t")


def _digest(key: bytes) -> bytes:
    return hashlib.blake2b(key, digest_size=32).digest()


def _digests(name: str, side: str, keys: Sequence[str]) -> list[bytes]:
    encoded = [key.encode() for key in keys]
    if not _NO_KEYS.isdisjoint(encoded):
        expected = "keys that are not empty, nor undefined or null, which mean that there is none"
        raise ValueError(f"namespaces: {name!r}: {side}: expected {expected}")
    return [_digest(key) for key in encoded]


def _opens(digests: tuple[bytes, ...], shown: bytes | None) -> bool:
    """Whether one of these is shown. All are compared, so that the time taken does not tell which, or that there is one."""
    if not digests:
        return True
    if shown is None:
        return False
    is_found = False
    for digest in digests:
        is_found |= hmac.compare_digest(digest, shown)
    return is_found


def _present(digest: bytes | None) -> tuple[bytes, ...]:
    return () if digest is None else (digest,)


def _shown(digest: bytes | None) -> str:
    return "not shown" if digest is None else "shown"


_NOTHING_SHOWN: Final = Keys()
