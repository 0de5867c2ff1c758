"""The machine that this program runs on, beside the one that was measured."""

import platform

import msgspec

from relay.bench.machine import memory_gib, processor
from relay.bench.usage import cores
from relay.plan.prices import Machine
from relay.plan.quantities import show_bytes

_SAME_MEMORY = 0.01
"""Kernels keep more or less of it to themselves."""


class Difference(msgspec.Struct, frozen=True):
    """What is another thing `here` than it was where the prices were `measured`."""

    name: str
    measured: str | int
    here: str | int

    def __str__(self) -> str:
        show = show_bytes if self.name == "memory" else str
        return f"{self.name} {show(self.here)}, not {show(self.measured)}"  # type: ignore[arg-type]


def this_machine() -> Machine:
    """Raises OSError or AttributeError where the system does not tell of itself as Linux does."""
    return Machine(
        processor=processor(),
        kernel=f"{platform.system()} {platform.release()}",
        cores=cores(),
        memory=round(memory_gib() * 2**30),
    )


def differences(measured: Machine) -> list[Difference]:
    """None are known where the system does not tell of itself."""
    try:
        here = this_machine()
    except (OSError, AttributeError):
        return []
    found = {
        "processor": measured.processor != here.processor,
        "kernel": measured.kernel != here.kernel,
        "cores": measured.cores != here.cores,
        "memory": abs(measured.memory / here.memory - 1) > _SAME_MEMORY,
    }
    return [
        Difference(name, getattr(measured, name), getattr(here, name))
        for name, differs in found.items()
        if differs
    ]
