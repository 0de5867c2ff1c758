"""docs/clients.md names every option, and its examples run."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest
from support.member import Visitors
from support.process import RelayProcess

from python_clients.programs import run_program
from relay.client.party import PartyOptions
from relay.client.policy import Policy

from .test_listen_send import run

PAGE = (Path(__file__).parents[2] / "docs" / "clients.md").read_text()
EXAMPLES = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
IN_TRIO = """
import os, textwrap, trio, relay
os.environ["RELAY_URL"] = {url!r}
async def main():
    with trio.move_on_after(0.5):
        await run()
EXAMPLE = textwrap.indent({example!r}, "    ")
scope = {{"trio": trio, "relay": relay}}
exec("from relay import PartySocket\\nasync def run():\\n" + EXAMPLE, scope)
run = scope["run"]
trio.run(main)
"""
ENDED = "socket.add_event_listener('open', lambda event: socket.close()); socket.wait()"
WITHOUT_TRIO = """
import os
os.environ["RELAY_URL"] = {url!r}
{example}
"""


@pytest.mark.parametrize(
    "name", sorted({field.name for field in fields(Policy)} | PartyOptions.__annotations__.keys())
)
def test_every_option_is_explained(name: str) -> None:
    assert re.search(rf"^\|.*`{name}`.*\|", PAGE, re.MULTILINE)


def test_defaults_are_those_of_the_code() -> None:
    defaults = {field.name: field.default for field in fields(Policy)}
    rows = re.findall(r"^\| `(\w+)` \| ([0-9.]+|`False`) \|", PAGE, re.MULTILINE)
    assert len(rows) > 7
    for name, value in rows:
        if name in defaults:
            assert str(defaults[name]).removesuffix(".0") == value.strip("`"), name


@pytest.mark.parametrize("example", EXAMPLES)
def test_examples_run(example: str, relay: RelayProcess) -> None:
    """Each as it stands, against another relay; what would wait for long is cut short."""
    host, port = relay.address
    here = example.replace("127.0.0.1:8787", f"{host}:{port}").replace("socket.wait()", ENDED)
    here = here.replace("channel.wait()", "channel.close()")
    template = IN_TRIO if "async with" in example else WITHOUT_TRIO
    assert run_program(template.format(url=f"ws://{host}:{port}", example=here)) == ""


def test_the_readme_is_true(base_url: str, visit: Visitors) -> None:
    """Its line of Python, which goes on until it is ended, and its line for a shell."""
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    (program,) = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)
    (command,) = re.findall(r"^relay (send .*)$", readme, re.MULTILINE)
    member = visit.join("room")
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as running:
        try:
            member.receive_total(2)
            event = member.receive_event()
            assert (event["alias"], event["message"]) == ("Eve", "hi")
            assert run(base_url, *shlex.split(command)).returncode == 0
            assert running.stdout is not None
            assert b"alias='Ann', " in running.stdout.readline()
        finally:
            running.kill()
