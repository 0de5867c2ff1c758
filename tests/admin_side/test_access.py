"""Who is answered: the token, how often it may be guessed, and what pages of other sites get."""

from __future__ import annotations

import pytest
from support.fixtures import StartRelay
from support.process import RelayProcess
from support.reload import SettingsFile

from relay.admin.access import GUESSES_AT_ONCE, GUESSES_PER_SECOND, Access
from relay.requests import Refusal, Request

from .conftest import ADMIN, TOKEN, AskAt, Operator, error_of

PEER = bytes((192, 0, 2, 1))
GUARDED = ["/metrics", "/api/stats", "/api/channels", "/api/blocks", "/nope"]
ORDERS = ["/api/kick", "/api/block", "/api/unblock", "/api/drain"]
OPEN = ["/ready", "/health", "/version", "/"]


@pytest.fixture
def guarded(start_relay: StartRelay, tmp_path_factory: pytest.TempPathFactory) -> RelayProcess:
    file = SettingsFile(
        tmp_path_factory.mktemp("config") / "relay.toml", f'admin_token = "{TOKEN}"\n'
    )
    return start_relay(*ADMIN, *file.flags)


def request(**headers: str) -> Request:
    found = Request()
    for name, value in headers.items():
        found.on_header(name.replace("_", "-").encode(), value.encode("latin-1"))
    return found


def status_of(access: Access, found: Request, now: float = 0.0, peer: bytes = PEER) -> int:
    """What the token check says."""
    try:
        access.check_token(found, peer, now)
    except Refusal as refusal:
        return refusal.status
    return 200


def is_own_site(access: Access, **headers: str) -> bool:
    try:
        access.check_site(request(**headers))
    except Refusal:
        return False
    return True


# --- the token, over the wire --------------------------------------------------------------------------------------------------


def test_without_a_token(guarded: RelayProcess, ask_at: AskAt) -> None:
    stranger = ask_at(guarded)
    for target in GUARDED:
        response = stranger.ask(target)
        assert response.status == 401
        assert response.headers["www-authenticate"] == 'Bearer realm="relay"'
        assert error_of(response) == "a token is needed here"
    for target in ORDERS:
        assert stranger.order(target, {}).status == 401
    for target in OPEN:
        assert stranger.ask(target).status == 200


def test_with_the_token(guarded: RelayProcess, ask_at: AskAt) -> None:
    operator = ask_at(guarded, TOKEN)
    assert [operator.ask(target).status for target in GUARDED] == [200, 200, 200, 200, 404]
    assert operator.order("/api/unblock", {"address": "192.0.2.1"}).status == 200


def test_with_a_wrong_token_and_too_many_of_them(guarded: RelayProcess, ask_at: AskAt) -> None:
    stranger = ask_at(guarded, TOKEN[:-1] + "x")
    answers = [stranger.ask("/api/stats") for _ in range(2 * int(GUESSES_AT_ONCE))]
    assert [answer.status for answer in answers[: int(GUESSES_AT_ONCE)]] == [401] * 10
    assert answers[0].headers["www-authenticate"] == 'Bearer realm="relay"'
    assert error_of(answers[0]) == "the token is wrong"
    refused = [answer for answer in answers if answer.status == 429]
    assert refused
    assert refused[0].headers["retry-after"] == "1"
    assert error_of(refused[0]) == "too many wrong tokens"
    assert TOKEN not in guarded.errors + guarded.output


def test_wrong_tokens_are_counted(guarded: RelayProcess, ask_at: AskAt) -> None:
    ask_at(guarded, "x" * 16).ask("/api/stats")
    ask_at(guarded).ask("/api/stats")
    counters = ask_at(guarded, TOKEN).read("/api/stats")["workers"][0]["counters"]
    assert counters["refused_admin_token"] == 2


def test_a_new_token_holds_at_once(start_relay: StartRelay, ask_at: AskAt, tmp_path) -> None:  # type: ignore[no-untyped-def]
    file = SettingsFile(tmp_path / "relay.toml")
    server = start_relay(*ADMIN, *file.flags)
    assert ask_at(server).ask("/api/stats").status == 200
    file.change(server, f'admin_token = "{TOKEN}"\n')
    assert ask_at(server).ask("/api/stats").status == 401
    assert ask_at(server, TOKEN).ask("/api/stats").status == 200
    file.change(server, f'admin_token = "{TOKEN}2"\n')
    assert ask_at(server, TOKEN).ask("/api/stats").status == 401
    assert ask_at(server, TOKEN + "2").ask("/api/stats").status == 200
    assert TOKEN not in server.errors
    file.change(server, "")
    assert ask_at(server).ask("/api/stats").status == 200


def test_a_token_that_is_needed_stays(start_relay: StartRelay, ask_at: AskAt, tmp_path) -> None:  # type: ignore[no-untyped-def]
    file = SettingsFile(tmp_path / "relay.toml", f'admin_token = "{TOKEN}"\n')
    server = start_relay("--admin", "0.0.0.0:0", *file.flags)
    assert "admin_token" in file.spoil(server, "")
    assert_it_still_asks(server)


def assert_it_still_asks(server: RelayProcess) -> None:
    port = server.admin_address[1]
    for token, status in ((TOKEN, 200), ("", 401)):
        operator = Operator(("127.0.0.1", port), token)
        assert operator.ask("/api/stats", f"Host: relay.example:{port}").status == status
        operator.close()


# --- the token, in every form --------------------------------------------------------------------------------------------------

WRONG = ["", "Bearer", "Bearer ", TOKEN, f"Basic {TOKEN}", f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}",
         f"Bearer {TOKEN} {TOKEN}", f"Bearer, {TOKEN}", f"Bearer {TOKEN}, Bearer {TOKEN}", "Bearer \xe9" * 9]  # fmt: skip


@pytest.mark.parametrize("shown", WRONG)
def test_what_is_not_the_token(shown: str) -> None:
    assert status_of(access(TOKEN), request(authorization=shown)) == 401


@pytest.mark.parametrize("shown", [f"Bearer {TOKEN}", f"bearer  {TOKEN}", f"BEARER {TOKEN} "])
def test_what_is(shown: str) -> None:
    assert status_of(access(TOKEN), request(authorization=shown)) == 200


def test_one_address_that_guesses_does_not_lock_out_another() -> None:
    guarded = access(TOKEN)
    wrong, right = request(authorization="Bearer x"), request(authorization=f"Bearer {TOKEN}")
    found = [status_of(guarded, wrong) for _ in range(int(GUESSES_AT_ONCE) + 1)]
    assert found == [401] * int(GUESSES_AT_ONCE) + [429]
    assert status_of(guarded, right) == 429, "or a guess would be told from a wrong one"
    assert status_of(guarded, right, peer=bytes((192, 0, 2, 2))) == 200
    assert status_of(guarded, right, now=1.0) == 200


def test_many_addresses_that_guess_are_limited_together() -> None:
    guarded = access(TOKEN)
    wrong = request(authorization="Bearer x")
    peers = [
        bytes((10, 0, number >> 8, number & 255)) for number in range(int(GUESSES_PER_SECOND) + 1)
    ]
    found = [status_of(guarded, wrong, peer=peer) for peer in peers]
    assert found == [401] * int(GUESSES_PER_SECOND) + [429]


def test_a_crowd_that_guesses_does_not_lock_out_who_has_shown_the_token() -> None:
    guarded = access(TOKEN)
    wrong, right = request(authorization="Bearer x"), request(authorization=f"Bearer {TOKEN}")
    stranger = bytes((192, 0, 2, 2))
    assert status_of(guarded, right) == 200
    for number in range(int(GUESSES_PER_SECOND)):
        assert status_of(guarded, wrong, peer=bytes((10, 0, 0, number))) == 401
    assert status_of(guarded, right) == 200
    assert status_of(guarded, right, peer=stranger) == 429
    guesses = [status_of(guarded, wrong) for _ in range(int(GUESSES_AT_ONCE) + 1)]
    assert guesses == [401] * int(GUESSES_AT_ONCE) + [429], "its own guesses are limited as ever"
    guarded.configure(TOKEN + "2")
    assert status_of(guarded, request(authorization=f"Bearer {TOKEN}2"), peer=stranger) == 429


@pytest.mark.parametrize(("others", "status"), [(254, 200), (255, 200), (256, 429)])
def test_so_many_are_known(others: int, status: int) -> None:
    guarded = access(TOKEN)
    wrong, right = request(authorization="Bearer x"), request(authorization=f"Bearer {TOKEN}")
    assert status_of(guarded, right) == 200
    for number in range(others):
        assert status_of(guarded, right, peer=bytes((10, 1, number >> 8, number & 255))) == 200
    for number in range(int(GUESSES_PER_SECOND)):
        status_of(guarded, wrong, peer=bytes((10, 0, 0, number)))
    assert status_of(guarded, right) == status


def test_a_token_that_is_missing_is_no_guess() -> None:
    guarded = access(TOKEN)
    assert [status_of(guarded, request()) for _ in range(50)] == [401] * 50
    assert status_of(guarded, request(authorization=f"Bearer {TOKEN}")) == 200


# --- pages of other sites ------------------------------------------------------------------------------------------------------


def access(token: str = "") -> Access:
    return Access(token)


@pytest.mark.parametrize(
    "host",
    ["localhost", "localhost:8788", "LOCALHOST:1", "127.0.0.1", "127.0.0.1:8788", "127.1.2.3:8788", "[::1]", "[::1]:8788"],
)  # fmt: skip
def test_names_of_this_machine(host: str) -> None:
    assert is_own_site(access(), host=host)
    assert is_own_site(access(), host=host, origin=f"http://{host}")
    assert is_own_site(access(), host=host, origin=f"https://{host.upper()}")


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:8788", "localhost.evil.example", "127.0.0.1.evil.example:8788",
     "10.0.0.1:8788", "[2001:db8::1]:8788", "0.0.0.0:8788", "localhost@evil.example", "[::1", "127.0.0.1, evil"],
)  # fmt: skip
def test_names_that_a_stranger_may_own(host: str) -> None:
    assert not is_own_site(access(), host=host)
    assert not is_own_site(access(), host=host, origin=f"http://{host}")
    assert is_own_site(access(TOKEN), host=host), "the token is what keeps them out then"


def test_a_client_that_is_too_old_for_a_name() -> None:
    assert is_own_site(access())


@pytest.mark.parametrize("token", ["", TOKEN])
@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://127.0.0.1", "http://127.0.0.1:1", "", "file://", "http://localhost:8788"]
)  # fmt: skip
def test_other_origins(token: str, origin: str) -> None:
    assert not is_own_site(access(token), host="127.0.0.1:8788", origin=origin)


def test_an_origin_without_a_host() -> None:
    assert not is_own_site(access(), origin="http://evil.example")
    assert not is_own_site(access(), origin="null")


def test_over_the_wire(operator: Operator) -> None:
    host, port = operator.address
    for target in ("/", "/metrics", "/api/stats"):
        own = operator.ask(target, f"Origin: http://{host}:{port}")
        assert own.status == 200
        assert operator.ask(target, "Origin: http://evil.example").status == 403
        rebound = operator.ask(target, f"Host: evil.example:{port}")
        assert rebound.status == 403
        assert "set admin_token" in error_of(rebound)
    assert operator.ask("/ready", f"Host: evil.example:{port}").status == 200


@pytest.mark.parametrize("target", ORDERS)
@pytest.mark.parametrize(
    "media_type",
    ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/jsonp", ""],
)  # fmt: skip
def test_an_order_of_a_type_that_a_form_may_have(
    operator: Operator, target: str, media_type: str
) -> None:
    response = operator.order(target, {}, f"Content-Type: {media_type}")
    assert response.status == 415
    assert error_of(response) == "expected the header Content-Type: application/json"


def test_an_order_of_another_origin(operator: Operator) -> None:
    for line in ("Origin: http://evil.example", "Origin: null", "Host: evil.example"):
        assert operator.order("/api/drain", {}, line).status == 403
    assert operator.ask("/ready").status == 200


def test_the_type_of_an_order_may_have_parameters(operator: Operator) -> None:
    line = "Content-Type: Application/JSON; charset=utf-8"
    assert operator.order("/api/unblock", {"address": "192.0.2.1"}, line).status == 200
