"""Samples as py-spy and perf write them, and the picture that is made of them."""

from __future__ import annotations

import os
from collections import Counter
from xml.etree import ElementTree

import pytest

from benchmarks.flame import record
from benchmarks.flame.__main__ import TOOLS
from benchmarks.flame.__main__ import record as sample
from benchmarks.flame.record import RecordError
from benchmarks.flame.svg import flame_graph, heaviest, kind_of
from benchmarks.rows import ROWS

PUMP = "Server._pump (relay/server.py)"
TURN = "turn (relay/_core.cpython-311-x86_64-linux-gnu.so)"
SEND = "send (libc.so.6)"


def test_lines_of_one_function_are_one_frame() -> None:
    lines = [
        f"main (a.py:1);Server._pump (relay/server.py:{line});{TURN};{SEND} 3" for line in (8, 9)
    ]
    assert record.py_spy_stacks(lines) == {("main (a.py)", PUMP, TURN, SEND): 6}


def test_what_perf_tells_innermost_first_is_turned_over() -> None:
    sample = (
        "\n\tffffffff8200fea9 tcp_sendmsg_locked ([kernel.kallsyms])\n"
        "\tffffffff82010ddb tcp_sendmsg ([kernel.kallsyms])\n"
        "\t          10ab59 __send (/usr/lib/libc.so.6)\n\n"
    )
    found = record.perf_stacks((sample * 2).splitlines())
    assert found == {
        ("__send (libc.so.6)", "tcp_sendmsg (kernel)", "tcp_sendmsg_locked (kernel)"): 2
    }


def test_what_all_begin_with_is_cut() -> None:
    stacks = Counter(
        {("main", "run", PUMP, TURN): 50, ("run", PUMP, SEND): 47, ("lost",): 2, ("main", "odd"): 1}
    )
    assert record.trimmed(stacks) == {
        (PUMP, TURN): 50,
        (PUMP, SEND): 47,
        ("elsewhere", "lost"): 2,
        ("elsewhere", "odd"): 1,
    }


@pytest.mark.parametrize(("others", "is_cut"), [(4, True), (5, True), (6, False)])
def test_nearly_all_is_a_share(others: int, is_cut: bool) -> None:
    stacks = Counter({("main", PUMP): 100 - others, ("other",): others})
    assert (("main", PUMP) not in record.trimmed(stacks)) is is_cut


def test_of_the_kernel_nothing_is_cut() -> None:
    stacks = Counter(
        {("__send (libc.so.6)", "do_syscall_64 (kernel)"): 5, ("x", "do_syscall_64 (kernel)"): 5}
    )
    assert record.trimmed(stacks) == stacks


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("tcp_sendmsg (kernel)", "kernel"),
        (TURN, "core"),
        ("__pyx_f_turn (_core.cpython-311-x86_64-linux-gnu.so)", "core"),
        (PUMP, "python"),
        (SEND, "native"),
    ],
)
def test_whose_code_it_is(name: str, kind: str) -> None:
    assert kind_of(name) == kind


def test_a_box_is_as_wide_as_its_share() -> None:
    stacks = Counter({(PUMP, SEND): 3, (PUMP, TURN): 1})
    root = ElementTree.fromstring(flame_graph(stacks, "a <row>", "note"))
    widths = {
        title.text.partition(":")[0]: float(box.get("width"))
        for box in root.iter("{http://www.w3.org/2000/svg}rect")
        if (title := box.find("{http://www.w3.org/2000/svg}title")) is not None
    }
    assert widths[PUMP] == widths["all"] == pytest.approx(4 * widths[TURN], abs=0.5)
    assert widths[SEND] == pytest.approx(3 * widths[TURN], abs=0.5)


def test_the_heaviest_are_those_in_which_samples_were_taken() -> None:
    stacks = Counter({(PUMP, SEND): 3, (PUMP,): 1})
    assert heaviest(stacks, 1) == [(SEND, 0.75)]


def test_the_relay_is_sampled_by_whichever_tool_may() -> None:
    if "LD_PRELOAD" in os.environ:
        pytest.skip("a sanitizer is preloaded, and the tools are not built for one")
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("two processor cores are needed: one for the server, one for the load")
    try:
        _, stacks = sample(ROWS[0], [*TOOLS], seconds=1)
    except RecordError as error:
        if os.environ.get("CI"):
            pytest.fail(str(error))
        pytest.skip(str(error))
    frames = {frame for stack in stacks for frame in stack}
    assert any(kind_of(frame) == "core" for frame in frames), frames


def test_no_sample_is_no_picture() -> None:
    with pytest.raises(ValueError, match="no sample"):
        flame_graph(Counter(), "", "")


def test_a_tool_that_fails_says_why() -> None:
    command = ["sh", "-c", "echo first; echo may not look >&2; exit 3"]
    with pytest.raises(RecordError, match="sh: may not look"):
        record.watch(command, lambda: None)


def test_a_tool_that_is_missing_is_named() -> None:
    with pytest.raises(RecordError, match="no-such-tool is not installed"):
        record.tool("no-such-tool")
