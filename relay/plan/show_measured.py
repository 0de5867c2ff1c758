"""What was measured, in words and as JSON: the prices of a machine, and a prediction beside what came of it."""

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from relay.plan.prices import Calibration
from relay.plan.quantities import counted, show_number, show_share

if TYPE_CHECKING:
    from relay.plan.verify import Verification

_LABEL_WIDTH: Final = 14
MISFIT_MOST: Final = 0.15
DISTURBANCE_MOST: Final = 0.1


def calibration_lines(calibration: Calibration) -> Iterator[str]:
    """The prices of a machine."""
    prices, memory = calibration.prices, calibration.memory
    yield f"{calibration.machine.processor}, {counted(calibration.machine.cores, 'core', 'cores')}, {calibration.machine.kernel}"
    for label, value, note in (
        (
            "wake-up",
            prices.turn,
            f"of the event loop; {prices.sleep:.1f} more from sleep, {prices.sleep + prices.wake:.1f} after 20 ms",
        ),
        ("round", prices.round, "one look for news"),
        ("read", prices.read, "from one socket"),
        ("message", prices.message, "parsed, checked, stamped"),
        (
            "send",
            prices.send,
            f"to one member; {prices.cold:.2f} more among 10 000, {prices.after_pause:.2f} more after a pause",
        ),
        ("KiB in", prices.byte_in * 1024, ""),
        (
            "KiB out",
            prices.byte_out * 1024,
            f"to one member; {prices.byte_chill * 1024:.3f} more after a pause",
        ),
        (
            "handshake",
            prices.handshake,
            f"from accept to the own join; {prices.visit:.1f} more alone, and to leave",
        ),
    ):
        yield f"{label:<{_LABEL_WIDTH}}{value:>9.3f} µs   {note}".rstrip()
    held = f"a connection in the process, {memory.channel:.0f} B a channel, {memory.kernel:.0f} B a socket in the kernel"
    yield f"{'memory':<{_LABEL_WIDTH}}{memory.connection:>9.0f} B    {held}"
    yield f"The prices fit their measurements within {show_share(calibration.misfit, 3)}."


def doubts(calibration: Calibration) -> Iterator[str]:
    """Why the prices may be wrong, and by how much; nothing when they count."""
    if calibration.disturbance > DISTURBANCE_MOST:
        yield (
            f"The machine was not quiet when it was measured: others had {show_share(calibration.disturbance)} of the two cores."
            " Measure again when it is."
        )
    if calibration.misfit > MISFIT_MOST:
        yield (
            f"The prices miss one of their own measurements by {show_share(calibration.misfit)}: plans may be as far off."
            " Measure again on a quiet machine, or with more --passes."
        )


NEARNESS: Final = {"processor": 0.15, "memory": 0.1}
"""How near plans should come, as shares of what is measured."""


def verification_lines(verification: "Verification", planned: int) -> Iterator[str]:
    """Predicted against measured; `planned` connections are those of one process of the plan."""
    workload = verification.workload
    if workload.connections < planned - workload.channel_size:
        yield f"Of {show_number(planned)} connections of a process no more may be opened here:"
    connections = counted(workload.connections, "connection", "connections")
    messages = counted(workload.messages_per_second, "message", "messages")
    yield (
        f"Verified with one process: {connections}, channels of {show_number(workload.channel_size)},"
        f" {messages} a second, evenly spaced."
    )
    yield f"{'':<{_LABEL_WIDTH}}{'predicted':>15}{'measured':>15}{'ratio':>8}"
    for each in verification.figures:
        predicted = show_number(each.predicted, 4)
        measured = "-" if each.measured is None else show_number(each.measured, 4)
        ratio = f"{each.ratio:.2f}" if each.measured else "-"
        yield f"{each.name:<{_LABEL_WIDTH}}{predicted:>15}{measured:>15}{ratio:>8}   {each.unit}"
    if verification.trouble:
        yield f"Not valid: {verification.trouble}."
        return
    for each in verification.figures:
        if abs(each.ratio - 1) > NEARNESS.get(each.name, math.inf):
            yield (
                f"The {each.name} is not within {show_share(NEARNESS[each.name])} of what was measured, as plans should be."
                " Calibrate again when nothing else runs here, with more --passes, or on the machine that is planned for, and"
                " keep the headroom."
            )


def verification_to_json(verification: "Verification") -> dict[str, Any]:
    """The same as plain data."""
    return {
        "connections": verification.workload.connections,
        "figures": {
            each.name: {"predicted": each.predicted, "measured": each.measured, "unit": each.unit}
            for each in verification.figures
        },
        "lost": verification.lost,
        "dropped": verification.dropped,
        "generator_utilisation": verification.generator_utilisation,
        "disturbance": verification.disturbance,
        "is_valid": verification.is_valid,
    }
