"""Starts nginx with nchan on a port that is free: binds it, and hands the listening socket over.

nginx cannot be told to find a port. It does take over listening sockets that the variable NGINX names, which it uses to replace
itself; so the port is bound before nginx starts, and nobody else can have it in between.
"""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

TEMPLATE = Path(__file__).parent / "nchan.conf"


def main(nginx: str, module: str, directory: str) -> None:
    """Become nginx; what it must write to disk goes into `directory`, which is there."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    listener.setblocking(False)  # nginx takes that for granted, and would wait in accept
    listener.set_inheritable(True)
    port = listener.getsockname()[1]
    filled = {"@MODULE@": module, "@DIRECTORY@": directory, "@PORT@": str(port)}
    text = TEMPLATE.read_text()
    for placeholder, value in filled.items():
        text = text.replace(placeholder, value)
    configuration = Path(directory, f"{port}.conf")
    configuration.write_text(text)
    print(f"listening on http://127.0.0.1:{port}", flush=True)
    environment = os.environ | {"NGINX": f"{listener.fileno()};"}
    command = [nginx, "-p", directory, "-c", str(configuration), "-e", f"{directory}/start.log"]
    os.execve(nginx, command, environment)


if __name__ == "__main__":
    main(*sys.argv[1:])
