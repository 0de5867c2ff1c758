"""What is left of what a process can run out of: the sums, the memory there is, and what a relay tells of itself."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.fixtures import StartRelay, VisitAt

from relay.headroom import LEAST_SECONDS, Load, LoadWindow, Mark, Use, resources, shares_left
from relay.memory import MemoryRoom

from .conftest import ADMIN, AskAt
from .test_figures import scrape, worker_of

GIB = 2**30
MEMINFO = "MemTotal:       16777216 kB\nMemFree:  1024 kB\nMemAvailable:    8388608 kB\n"
UNLIMITED_IN_VERSION_1 = "9223372036854771712"


# --- the sums ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("used", "left"), [(0, 1.0), (25, 0.75), (99, 0.01), (100, 0.0), (101, 0.0), (1000, 0.0)]
)
def test_below_at_and_above_the_limit(used: float, left: float) -> None:
    assert shares_left({"x": Use(used, 100)}) == {"x": pytest.approx(left)}


@pytest.mark.parametrize("use", [Use(None, 1.0), Use(5, None), Use(5, 0)])
def test_what_is_not_known_is_left_out(use: Use) -> None:
    assert shares_left({"x": use, "y": Use(1, 2)}) == {"y": 0.5}


def test_what_a_process_can_run_out_of() -> None:
    found = shares_left(resources(Load(0.2, 0.6), (30, 40), (10, 100), 1 * GIB, 4 * GIB))
    assert found == pytest.approx(
        {"processor": 0.4, "memory": 0.8, "connections": 0.25, "open_files": 0.9}
    )
    assert min(found, key=found.__getitem__) == "connections"


def test_a_young_process_on_a_machine_that_does_not_tell() -> None:
    found = shares_left(resources(None, (0, 40), (10, 100), GIB, None))
    assert found == pytest.approx({"connections": 1.0, "open_files": 0.9})


@pytest.mark.parametrize(("busy", "cpu", "used"), [(0.2, 0.6, 0.6), (0.9, 0.3, 0.9)])
def test_turns_or_processor_time_whichever_is_more(busy: float, cpu: float, used: float) -> None:
    assert Load(busy, cpu).used == used


def test_a_window_forgets_what_was_before_it() -> None:
    """Busy for a minute, and then not at all: ten seconds later nothing is left of that."""
    window = LoadWindow()
    for second in range(60):
        window.note(Mark(second, second * 0.9, second * 0.95))
    assert window.load_until(Mark(60, 54.0, 57.0)) == pytest.approx((0.9, 0.95))
    for second in range(60, 66):
        window.note(Mark(second, 54.0, 57.0))
    assert window.load_until(Mark(65, 54.0, 57.0)) == pytest.approx((0.45, 0.475))
    for second in range(66, 71):
        window.note(Mark(second, 54.0, 57.0))
    assert window.load_until(Mark(70, 54.0, 57.0)) == Load(0.0, 0.0)


@pytest.mark.parametrize(
    ("seconds", "load"),
    [
        (0.0, None),
        (LEAST_SECONDS - 0.125, None),
        (LEAST_SECONDS, Load(0.25, 0.5)),
        (LEAST_SECONDS + 0.125, Load(0.2, 0.4)),
    ],
)
def test_a_moment_is_no_window(seconds: float, load: Load | None) -> None:
    window = LoadWindow()
    assert window.load_until(Mark(5.0, 1.0, 1.0)) is None
    window.note(Mark(5.0, 1.0, 1.0))
    found = window.load_until(Mark(5.0 + seconds, 1.125, 1.25))
    assert found == (load and pytest.approx(load))


# --- memory --------------------------------------------------------------------------------------------------------------------


class Machine:
    """Files that tell of memory, as the kernel has them."""

    def __init__(self, root: Path) -> None:
        self.mount = root / "cgroup"
        self.meminfo = root / "meminfo"
        self.groups = root / "groups"
        self.meminfo.write_text(MEMINFO)

    def put(self, directory: str, **files: str) -> None:
        place = self.mount / directory
        place.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (place / f"memory.{name}").write_text(text)

    def room(self) -> int | None:
        return MemoryRoom(self.meminfo, self.groups, self.mount).available_bytes()


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_without_groups_it_is_what_the_machine_has(machine: Machine) -> None:
    assert machine.room() == 8 * GIB


def test_nobody_tells(machine: Machine) -> None:
    machine.meminfo.unlink()
    assert machine.room() is None
    machine.meminfo.write_text("MemTotal: 1 kB\n")
    assert machine.room() is None


@pytest.mark.parametrize(
    ("limit", "room"),
    [
        ("max", 8 * GIB),
        (str(2 * GIB), 2 * GIB - 1000 + 300),
        (str(1000), 300),
        (str(700), 0),
        (str(400), 0),
        (str(64 * GIB), 8 * GIB),
        ("a lot", 8 * GIB),
    ],
)
def test_a_group_of_version_2(machine: Machine, limit: str, room: int) -> None:
    """What is used, less the page cache, counts against the limit; the smallest room counts."""
    machine.groups.write_text("0::/app/relay\n")
    stat = "anon 700\ninactive_file 100\nactive_file 200\n"
    machine.put("app/relay", max=limit, current="1000", stat=stat)
    assert machine.room() == room


def test_a_group_around_it(machine: Machine) -> None:
    machine.groups.write_text("0::/app/relay\n")
    machine.put("app/relay", max="max", current="1", stat="")
    machine.put("app", max="5000", current="1000", stat="")
    assert machine.room() == 4000


def test_in_a_container_the_group_is_the_root(machine: Machine) -> None:
    machine.groups.write_text("0::/\n")
    machine.put("", max="5000", current="1000", stat="")
    assert machine.room() == 4000


@pytest.mark.parametrize(
    ("limit", "room"), [("5000", 4000 + 30), (UNLIMITED_IN_VERSION_1, 8 * GIB)]
)
def test_a_group_of_version_1(machine: Machine, limit: str, room: int) -> None:
    machine.groups.write_text("8:pids:/\n4:cpu,memory:/app\n0::/\n")
    stat = "inactive_file 1\ntotal_inactive_file 10\ntotal_active_file 20\n"
    machine.put("memory/app", limit_in_bytes=limit, usage_in_bytes="1000", stat=stat)
    assert machine.room() == room


def test_a_group_that_is_gone_does_not_count(machine: Machine) -> None:
    machine.groups.write_text("0::/app\n")
    machine.put("app", max="5000")
    assert machine.room() == 8 * GIB


# --- of a relay ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("members", "left"), [(0, 1.0), (3, 0.25), (4, 0.0)])
def test_the_connections_that_a_relay_has_room_for(
    start_relay: StartRelay, ask_at: AskAt, visit_at: VisitAt, channel: str, members: int, left: float
) -> None:  # fmt: skip
    server = start_relay(*ADMIN, "--max-connections", "4")
    operator, visitors = ask_at(server), visit_at(server)
    for _ in range(members):
        visitors.join(channel)
    headroom = worker_of(operator)["headroom"]
    assert headroom["connections"] == left
    assert 0 < headroom["memory"] < 1
    assert 0 < headroom["open_files"] < 1


def test_load_shows_within_the_window(
    start_relay: StartRelay, ask_at: AskAt, visit_at: VisitAt, channel: str
) -> None:
    """Messages until the loop is seen to have had work; it takes its time until it may tell, and longer without a load."""
    server = start_relay(*ADMIN, "--limits", "off")
    operator, visitors = ask_at(server), visit_at(server)
    sender = visitors.join(channel)
    visitors.join(channel)
    worker = worker_of(operator)
    while not worker["loop_utilisation"]:
        sender.send_text(*["1"] * 200)
        sender.settle_by_ping()
        worker = worker_of(operator)
    assert 0 < worker["loop_utilisation"] < 1
    assert 0 <= worker["headroom"]["processor"] <= 1 - worker["loop_utilisation"]


def test_metrics_tell_the_same(
    start_relay: StartRelay, ask_at: AskAt, visit_at: VisitAt, channel: str
) -> None:
    server = start_relay(*ADMIN, "--max-connections", "4")
    operator = ask_at(server)
    visit_at(server).join(channel)
    while worker_of(operator)["loop_utilisation"] is None:
        pass
    found, headroom = scrape(operator), worker_of(operator)["headroom"]
    assert found["relay_worker_headroom_ratio/connections/0"] == headroom["connections"] == 0.75
    told = {name for name in found if name.startswith("relay_worker_headroom_ratio")}
    assert told == {f"relay_worker_headroom_ratio/{name}/0" for name in headroom}
    assert 0 <= found["relay_worker_loop_utilisation_ratio/0"] < 1
