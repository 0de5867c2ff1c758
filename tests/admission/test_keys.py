"""Keys and what they open: as they are shown, as namespaces ask for them, and as a first member brings them."""

from __future__ import annotations

import pytest

from relay.keys import Keys, Lock, Namespaces, find_keys
from relay.options import parse_options
from relay.protocol import ChannelKey, Options

OPEN_TO_ALL: tuple[list[str], list[str]] = ([], [])


def keys(query: bytes = b"", **headers: bytes) -> Keys:
    """Keys as a request shows them; `x_join_key` stands for the header x-join-key."""
    named = {name.replace("_", "-").encode(): value for name, value in headers.items()}
    return find_keys(parse_options(query), named)


def lock(join_keys: list[str], send_keys: list[str]) -> Lock:
    found = Namespaces({"room": (join_keys, send_keys)}).find(b"room")
    assert found is not None
    return found


# --- as they are shown ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "key"),
    [
        (b"joinKey=secret", "secret"),
        (b"echo&joinKey=secret&as=Ann", "secret"),
        (b"joinKey=a+b%20c", "a b c"),
        (b"joinKey=a%2Bb%26c%3Dd%25", "a+b&c=d%"),
        (b"joinKey=a=b", "a=b"),
        (b"joinKey=%E6%97%A5%E6%9C%AC", "日本"),
        (b"joinKey=%zz", "%zz"),
        (b"joinKey=0", "0"),
        (b"joinKey=false", "false"),
        (b"joinKey=first&joinKey=second", "first"),
        (b"join%4Bey=secret", "secret"),
        (b"joinKey=" + b"k" * 10_000, "k" * 10_000),
    ],
)
def test_a_key_in_the_query(query: bytes, key: str) -> None:
    assert lock([key], []).admits(keys(query))
    assert lock([], [key]).lets_send(keys(query.replace(b"join", b"send")))


@pytest.mark.parametrize(
    "query",
    [b"", b"joinKey", b"joinKey=", b"joinkey=secret", b"join_key=secret", b"JOINKEY=secret",
     b"sendKey=secret", b"joinKey=Secret", b"joinKey=secret%20", b"joinKey=secre", b"joinKey=secrets",
     b"joinKey=wrong&joinKey=secret", b"joinKey=&joinKey=secret", b"joinKey=%00secret"],
)  # fmt: skip
def test_a_key_that_is_missing_or_wrong(query: bytes) -> None:
    assert not lock(["secret"], []).admits(keys(query))


def test_a_key_in_a_header() -> None:
    assert lock(["secret"], []).admits(keys(x_join_key=b"secret"))
    assert lock([], ["secret"]).lets_send(keys(x_send_key=b"secret"))
    assert not lock(["secret"], []).admits(keys(x_send_key=b"secret"))
    assert not lock(["a b"], []).admits(keys(x_join_key=b"a+b"))


@pytest.mark.parametrize("value", [b"a b", b"a b ", b" \ta b\t "])
def test_space_around_a_header_is_not_part_of_the_key(value: bytes) -> None:
    assert lock(["a b"], []).admits(keys(x_join_key=value))
    assert not lock([" a b"], []).admits(keys(x_join_key=value))


def test_a_header_of_nothing_but_space_is_no_key() -> None:
    assert keys(x_join_key=b" \t").join is None


@pytest.mark.parametrize("none", [b"", b"joinKey=&sendKey=", b"joinKey=undefined&sendKey=null"])
def test_the_query_wins_over_the_header_when_it_has_a_key(none: bytes) -> None:
    one = lock(["query"], ["query"])
    both = keys(b"joinKey=query&sendKey=query", x_join_key=b"header", x_send_key=b"header")
    assert one.admits(both)
    assert one.lets_send(both)
    other = lock(["header"], ["header"])
    header_only = keys(none, x_join_key=b"header", x_send_key=b"header")
    assert other.admits(header_only)
    assert other.lets_send(header_only)


@pytest.mark.parametrize("value", [b"", b"undefined", b"null"])
def test_what_a_variable_without_a_value_becomes_is_no_key(value: bytes) -> None:
    for shown in (keys(b"joinKey=" + value), keys(x_join_key=value), Keys(value, value)):
        assert shown.join is None
        assert shown.send is None


def test_options_have_the_keys_as_they_were_sent() -> None:
    options = parse_options(b"echo=1&joinKey=a%20b&sendKey=")
    assert options == Options(echo=True, join_key=b"a b", send_key=b"")
    assert parse_options(b"joinkey=a&sendKe=b") == parse_options(b"") == Options()


def test_nothing_that_is_printed_shows_a_key() -> None:
    query = b"joinKey=my-join-key&sendKey=my-send-key"
    shown = keys(query)
    printed = repr(
        (parse_options(query), shown, Lock.from_first_member(shown), lock(["my-join-key"], []))
    )
    for secret in ("my-join-key", "my-send-key", repr(shown.join), repr(shown.send)):
        assert secret not in printed
    assert repr(shown) == "Keys(join=shown, send=shown)"
    assert repr(keys()) == "Keys(join=not shown, send=not shown)"


# --- locks ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("total", [1, 2, 9])
def test_each_of_the_keys_opens(total: int) -> None:
    names = [f"key-{i}" for i in range(total)]
    one = lock(names, [])
    assert all(one.admits(Keys(name.encode())) for name in names)
    assert not one.admits(Keys(b"key-9"))


@pytest.mark.parametrize(
    ("join_keys", "send_keys", "shown", "admits", "lets_send"),
    [
        ([], [], Keys(), True, True),
        ([], [], Keys(b"x", b"x"), True, True),
        (["j"], [], Keys(), False, True),
        (["j"], [], Keys(b"j"), True, True),
        ([], ["s"], Keys(), True, False),
        ([], ["s"], Keys(None, b"s"), True, True),
        (["j"], ["s"], Keys(b"j"), True, False),
        (["j"], ["s"], Keys(None, b"s"), False, True),
        (["j"], ["s"], Keys(b"s", b"j"), False, False),
        (["j"], ["s"], Keys(b"j", b"s"), True, True),
    ],
)
def test_a_side_without_keys_is_open(
    join_keys: list[str], send_keys: list[str], shown: Keys, admits: bool, lets_send: bool
) -> None:
    one = lock(join_keys, send_keys)
    assert (one.admits(shown), one.lets_send(shown)) == (admits, lets_send)


@pytest.mark.parametrize(
    ("first", "second", "admits", "lets_send"),
    [
        (Keys(b"j", b"s"), Keys(b"j", b"s"), True, True),
        (Keys(b"j", b"s"), Keys(b"j"), True, False),
        (Keys(b"j", b"s"), Keys(), False, False),
        (Keys(b"j"), Keys(b"x"), False, True),
        (Keys(b"j"), Keys(b"j"), True, True),
        (Keys(None, b"s"), Keys(), True, False),
        (Keys(None, b"s"), Keys(b"x", b"s"), True, True),
    ],
)
def test_the_first_member_locks(first: Keys, second: Keys, admits: bool, lets_send: bool) -> None:
    one = Lock.from_first_member(first)
    assert one is not None
    assert one.admits(first)
    assert one.lets_send(first)
    assert (one.admits(second), one.lets_send(second)) == (admits, lets_send)


def test_a_first_member_without_keys_locks_nothing() -> None:
    assert Lock.from_first_member(Keys()) is None
    assert Lock.from_first_member(Keys(b"", b"undefined")) is None


# --- namespaces -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("channel", "owner"),
    [
        (b"team", "team"),
        (b"team:x", "team"),
        (b"team/x", "team"),
        (b"team/x:y", "team"),
        (b"team:", "team"),
        (b"team//", "team"),
        (b"team::x", "team"),
        (b"teams", None),
        (b"tea", None),
        (b"", None),
        (b"x:team", None),
        (b"/team", None),
        (b"Team", None),
        (b"team ", None),
        (b"team%3Ax", None),
        (b"team:a", "team:a"),
        (b"team:a/b", "team:a"),
        (b"team:ab", "team"),
        (b"team/a", "team"),
        (b"team:a:b", "team:a:b"),
        (b"team:a:b:c", "team:a:b"),
        (b"team:a:bc", "team:a"),
        (b"log", None),
        (b"log/", "log/"),
        (b"log/x", "log/"),
        (b"log:x", None),
        ("日本/x".encode(), "日本"),
        ("日本語".encode(), None),
        ((b"main", b"lobby"), "parties/main/lobby"),
        ((b"main", b"lobby:2"), "parties/main/lobby"),
        ((b"main", b"lobby2"), "parties/main"),
        ((b"main", b""), "parties/main"),
        ((b"maine", b"lobby"), None),
        ((b"main/lobby", b"x"), "parties/main/lobby"),
        (b"parties/main/lobby", "parties/main/lobby"),
    ],
)  # fmt: skip
def test_the_longest_name_at_a_boundary_owns(channel: ChannelKey, owner: str | None) -> None:
    owners = ("team", "team:a", "team:a:b", "log/", "日本", "parties/main", "parties/main/lobby")
    namespaces = Namespaces({name: ([name], []) for name in owners})
    found = namespaces.find(channel)
    opened_by = [name for name in owners if found is not None and found.admits(Keys(name.encode()))]
    assert opened_by == ([] if owner is None else [owner])


def test_a_longer_name_need_not_be_listed_later() -> None:
    for names in (["a", "a:b"], ["a:b", "a"]):
        namespaces = Namespaces({name: ([name], []) for name in names})
        assert namespaces.find(b"a:b:c") is namespaces.find(b"a:b")
        assert namespaces.find(b"a:c") is namespaces.find(b"a")


def test_without_namespaces_nothing_is_owned() -> None:
    assert Namespaces({}).find(b"team") is None
    assert Namespaces({}).find((b"main", b"lobby")) is None


def test_a_namespace_without_keys_is_owned_and_open() -> None:
    one = Namespaces({"team": OPEN_TO_ALL}).find(b"team:x")
    assert one is not None
    assert one.admits(Keys())
    assert one.lets_send(Keys())


def test_a_name_of_every_boundary() -> None:
    namespaces = Namespaces({"a" * length: OPEN_TO_ALL for length in range(1, 513)})
    assert namespaces.find(b":" * 512) is None
    assert namespaces.find(b"a" * 512) is not None
    assert namespaces.find(b"a" * 513) is None


def test_an_empty_name_owns_nothing() -> None:
    with pytest.raises(ValueError, match=r"^namespaces: expected a name .*, got ''$"):
        Namespaces({"": OPEN_TO_ALL})


@pytest.mark.parametrize("key", ["", "undefined", "null"])
def test_a_key_that_nobody_can_show(key: str) -> None:
    with pytest.raises(
        ValueError, match="namespaces: 'team': join_keys: expected keys that are not empty"
    ):
        Namespaces({"team": (["good", key], [])})
    with pytest.raises(ValueError, match="namespaces: 'team': send_keys: expected keys") as caught:
        Namespaces({"team": ([], ["good", key])})
    assert "good" not in str(caught.value)
