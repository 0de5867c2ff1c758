"""Imports point one way: what decides knows no I/O, what relays knows no HTTP, and only the server puts things together."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "relay"
IO = {"trio", "socket", "ssl", "selectors", "asyncio"}
WIRE = {
    "httptools",
    "relay._core",
    "relay.admission",
    "relay.channel",
    "relay.http",
    "relay.hub",
    "relay.protocol",
    "relay.server",
}
COMMAND = {"click", "relay.cli", "relay.settings.flags"}
SERVING = {"relay.channel", "relay.hub", "relay.http", "relay.server", "relay.cli"}
OPERATING = {
    "socket",
    "httptools",
    "click",
    "relay.http",
    "relay.server",
    "relay.cli",
    "relay.admission",
}
FORBIDDEN = {
    "settings/units": IO
    | WIRE
    | COMMAND
    | {"relay.settings.rules", "relay.settings.setting", "relay.settings.config"},
    "settings/rules": IO
    | WIRE
    | COMMAND
    | {"relay.settings.setting", "relay.settings.config", "relay.settings.sources"},
    "settings/namespaces": IO
    | WIRE
    | COMMAND
    | {"relay.settings.setting", "relay.settings.config", "relay.settings.sources"},
    "settings/setting": IO | WIRE | COMMAND | {"relay.settings.config", "relay.settings.sources"},
    "settings/config": IO | WIRE | COMMAND | {"relay.settings.sources", "relay.settings.describe"},
    "settings/admin": IO
    | WIRE
    | COMMAND
    | {"relay.settings.setting", "relay.settings.config", "relay.settings.sources"},
    "settings/toml_lines": IO | {"relay"},
    "settings/sources": IO | WIRE | COMMAND | {"relay.settings.describe"},
    "settings/describe": IO | WIRE | COMMAND,
    "settings/flags": IO | WIRE | {"relay.cli", "relay.settings.sources"},
    "protocol": IO | SERVING | {"httptools", "relay._core"},
    "options": IO | SERVING | {"httptools", "relay.settings.config", "relay.admission"},
    "addresses": IO | SERVING | {"httptools", "relay.settings.config", "relay.admission"},
    "keys": IO | SERVING | {"httptools", "relay.settings.config", "relay.admission"},
    "origins": IO | SERVING | {"httptools", "relay.settings.config", "relay.admission"},
    "requests": IO | SERVING | {"relay.settings.config", "relay.admission"},
    "limits": IO | SERVING | {"httptools", "relay.admission"},
    "admission": IO | SERVING | {"httptools"},
    "report": IO | {"relay"},
    "channel": {
        "socket",
        "httptools",
        "click",
        "relay.http",
        "relay.admission",
        "relay.hub",
        "relay.server",
        "relay.cli",
    },
    "wording": IO | SERVING | {"httptools", "relay.settings.config", "relay.admission"},
    "hub": {
        "relay.admission",
        "socket",
        "httptools",
        "click",
        "relay.http",
        "relay.server",
        "relay.cli",
    },
    "faults": IO | {"relay"},
    "systemd": (IO - {"socket"}) | {"relay", "httptools", "click"},
    "static": IO | SERVING | {"httptools", "click", "relay.settings", "relay.admission"},
    "pages": IO | SERVING | {"httptools", "click", "relay.settings", "relay.admission"},
    "bodies": IO | SERVING | {"relay.settings.config", "relay.admission"},
    "incoming": {"httptools", "click", "relay.admission", *SERVING},
    "routes": IO | SERVING | {"httptools"},
    "publish": IO | (SERVING - {"relay.channel"}) | {"httptools"},
    "http": {"click", "relay.channel", "relay.hub", "relay.server", "relay.cli"},
    "public": {
        "click",
        "httptools",
        "relay.channel",
        "relay.hub",
        "relay.server",
        "relay.cli",
        "relay.admission",
    },
    "listeners": SERVING | {"trio", "httptools", "click", "relay.settings.config"},
    "cycles": (IO - {"trio"}) | {"relay"},
    "vitals": IO | {"relay"},
    "memory": IO | {"relay"},
    "headroom": IO | {"relay"},
    "terminal": IO | {"relay"},
    "admin/access": IO | SERVING | {"httptools", "click", "relay.admission"},
    "admin/orders": IO | SERVING | {"httptools", "click", "relay.admission"},
    "admin/watch": OPERATING | {"relay.channel", "relay.hub", "relay._core"},
    "admin/snapshot": IO | SERVING | {"httptools", "click", "relay.admission"},
    "admin/metrics": IO | SERVING | {"httptools", "click", "relay.admission", "relay._core"},
    "admin/census": OPERATING | {"relay.hub"},
    "admin/operations": OPERATING | {"prometheus_client"},
    "admin/api": OPERATING | {"trio", "relay._core", "relay.hub"},
    "admin/routes": OPERATING | {"trio", "relay.channel", "relay.hub"},
    "admin/listener": (OPERATING - {"socket", "relay.http"}) | {"relay.channel", "relay.hub"},
    "admin/side": (OPERATING - {"socket"}) | {"trio"},
    "server": COMMAND | {"prometheus_client"},
}


def imported(path: Path) -> set[str]:
    """Every module that a file imports, anywhere in it; of `from a import b` both `a` and `a.b`."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return names


@pytest.mark.parametrize("module", FORBIDDEN)
def test_imports_point_one_way(module: str) -> None:
    assert not imported(PACKAGE / f"{module}.py") & FORBIDDEN[module]


def test_every_module_of_the_server_has_a_rule() -> None:
    """A new file must say where it belongs."""
    packages = ("settings", "admin")
    ruled = {*FORBIDDEN, "__init__", "__main__", "_version", "cli"}
    ruled |= {f"{package}/__init__" for package in packages}
    modules = {path.stem for path in PACKAGE.glob("*.py")}
    for package in packages:
        modules |= {f"{package}/{path.stem}" for path in PACKAGE.glob(f"{package}/*.py")}
    assert modules == ruled


@pytest.mark.parametrize(
    "path", sorted((PACKAGE / "client").glob("*.py")), ids=lambda path: path.stem
)
def test_clients_know_nothing_of_the_server(path: Path) -> None:
    own = ("relay.client", "relay._version")
    assert not {
        name
        for name in imported(path)
        if name.split(".")[0] in {"relay", "click", "httptools"} and not name.startswith(own)
    }


@pytest.mark.parametrize(
    "path", sorted((PACKAGE / "bench").glob("*.py")), ids=lambda path: path.stem
)
def test_the_load_generator_knows_nothing_of_what_it_loads(path: Path) -> None:
    """It must measure any server alike, and a change to this one must not change the measure."""
    own = ("relay.bench", "relay._load", "relay._version")
    names = {name for name in imported(path) if name.split(".")[0] in {"relay", "click", "trio"}}
    assert not {name for name in names if not name.startswith(own)}


@pytest.mark.parametrize(
    "path", sorted((PACKAGE / "plan").glob("*.py")), ids=lambda path: path.stem
)
def test_plans_know_nothing_of_the_server(path: Path) -> None:
    """They start it as a user would, and measure it from outside."""
    own = ("relay.plan", "relay.bench", "relay._load", "relay._version")
    names = {name for name in imported(path) if name.split(".")[0] in {"relay", "click", "trio"}}
    assert not {name for name in names if not name.startswith(own)}


@pytest.mark.parametrize(
    "path", sorted((PACKAGE / "commands").glob("*.py")), ids=lambda path: path.stem
)
def test_commands_that_are_clients_know_nothing_of_the_server(path: Path) -> None:
    own = (
        "relay.client",
        "relay.commands",
        "relay.bench",
        "relay.plan",
        "relay.settings.units",
    )
    names = {name for name in imported(path) if name.split(".")[0] in {"relay", "httptools"}}
    assert not {name for name in names if not name.startswith(own)}


def test_the_core_knows_neither_trio_nor_http() -> None:
    sources = (PACKAGE.parent / "_core").glob("*.p[xy][ix]")
    imports = {
        line
        for path in sources
        for line in path.read_text().splitlines()
        if line.startswith(("import ", "from "))
    }
    assert not [
        line
        for line in imports
        if any(word in line for word in ("trio", "httptools", "asyncio", "relay."))
    ]
