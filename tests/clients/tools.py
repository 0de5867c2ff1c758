"""The tools that these tests drive, and what happens where one is missing."""

from __future__ import annotations

import os
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import NoReturn

import pytest

NODE_MODULES = Path(__file__).parent.parent / "node_modules"
PACKAGES = ("itty-sockets", "partysocket", "ws")

HAS_WEBSOCKET = (
    "typeof WebSocket !== 'undefined' || "
    "process.allowedNodeEnvironmentFlags.has('--experimental-websocket')"
)


def environment() -> dict[str, str]:
    """This process's environment, without a sanitizer that is preloaded for the relay."""
    return {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}


def miss(reason: str) -> NoReturn:
    """Skip the test, or fail it where `CI` promises that every tool is there."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def find_tool(*names: str) -> str:
    """The path of the first of these programs that is installed."""
    for name in names:
        if path := shutil.which(name):
            return path
    miss(f"{names[0]} is not installed")


def find_node() -> str:
    """The path of Node, with the npm packages at hand."""
    node = find_tool("node", "nodejs")
    missing = [name for name in PACKAGES if not (NODE_MODULES / name).is_dir()]
    if missing:
        miss(f"npm packages are not installed in tests/node_modules: {', '.join(missing)}")
    return node


@cache
def has_native_websocket(node: str) -> bool:
    """Whether this Node has a WebSocket of its own (Node 20 on, there behind a flag)."""
    command = [node, "--print", HAS_WEBSOCKET]
    result = subprocess.run(command, env=environment(), stdout=subprocess.PIPE, timeout=30)
    return result.stdout.strip() == b"true"
