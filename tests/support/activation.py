"""Starting a process as systemd does: sockets at descriptor 3 and up, and variables that name the process itself."""

from __future__ import annotations

import fcntl
import json
import os
import socket
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

# Puts the descriptors named on its command line to 3 and up, and becomes what follows them. With {pid} in a value stands its
# own process id, which stays when it becomes another program.
_LAUNCHER = """
import json, os, sys
descriptors, variables = json.loads(sys.argv[1])
for target, descriptor in enumerate(descriptors, 3):
    os.dup2(descriptor, target)
os.environ.update({k: v.replace("{pid}", str(os.getpid())) for k, v in variables.items()})
os.execv(sys.argv[2], sys.argv[2:])
"""


def launcher(descriptors: Sequence[int], variables: Mapping[str, str]) -> tuple[str, ...]:
    """What to put in front of a command, which must begin with a path. The descriptors must be passed on to it."""
    return (sys.executable, "-c", _LAUNCHER, json.dumps([descriptors, variables]))


@contextmanager
def moved(descriptors: Sequence[int]) -> Iterator[list[int]]:
    """Copies of these far from 3, so that putting one in its place does not close the next."""
    copies = [fcntl.fcntl(descriptor, fcntl.F_DUPFD, 200) for descriptor in descriptors]
    try:
        yield copies
    finally:
        for descriptor in copies:
            os.close(descriptor)


def listening(family: socket.AddressFamily, address: Any) -> socket.socket:
    """A socket that a manager has opened for a service."""
    sock = socket.socket(family)
    sock.bind(address)
    sock.listen()
    return sock
