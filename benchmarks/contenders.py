"""The servers that are measured, as the command that starts each."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

RELAY = (sys.executable, "-m", "relay")

# Limits are for strangers, joins would be most of what ten thousand openings cause, and the peer does neither.
FLAGS = {"--host": "127.0.0.1", "--port": "0", "--message-rate": "0", "--presence": "off"}

# Passed on when this revision knows them, so that older and newer ones can be compared.
LATER_FLAGS = {"--admin": "off", "--byte-rate": "0"}


@dataclass(frozen=True)
class Contender:
    name: str
    version: str
    command: Sequence[str]


def output_of(command: Sequence[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    return done.stdout.strip()


@cache
def offered_flags() -> frozenset[str]:
    """Every word of the help text, the flags of this revision among them."""
    return frozenset(output_of([*RELAY, "serve", "--help"]).split())


@cache
def relay_version() -> str:
    return output_of([*RELAY, "--version"])


def relay(changes: Mapping[str, str] | None = None) -> Contender:
    """This project's relay, with other flags than the usual ones where `changes` says so."""
    flags = FLAGS | {flag: value for flag, value in LATER_FLAGS.items() if flag in offered_flags()}
    flags |= changes or {}
    command = [*RELAY, "serve", *(part for flag in flags.items() for part in flag)]
    return Contender("relay", relay_version(), command)
