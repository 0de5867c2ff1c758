"""Where settings come from: a TOML file, then the environment, then flags; the later wins. Every error says where it was made.

Knows no click, so that a running server can load its settings again.
"""

import difflib
import os
import re
import stat
import tomllib
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from relay.settings.config import SETTINGS, Settings
from relay.settings.rules import spell
from relay.settings.setting import Setting, SettingError
from relay.settings.toml_lines import Path, find_lines, nearest_line
from relay.settings.units import show_size

MAX_FILE_BYTES: Final = 1024 * 1024
FILE_VARIABLE: Final = "RELAY_CONFIG"
OTHER_VARIABLES: Final = frozenset(
    {
        FILE_VARIABLE,
        "RELAY_URL",
        "RELAY_JOIN_KEY",
        "RELAY_SEND_KEY",
        "RELAY_BUILD",
        "RELAY_CALIBRATION",
    }
)
"""What begins like a setting's variable and is none: of the file, of clients, of the build."""

_PREFIX: Final = "RELAY_"
_VARIABLES: Final = {setting.variable: setting for setting in SETTINGS.values()}
_STEMS: Final = [name.removeprefix(_PREFIX) for name in (*_VARIABLES, *OTHER_VARIABLES)]
_PLACE: Final = re.compile(
    r"(?P<what>.*) \((?:at line (?P<line>\d+), column (?P<column>\d+)|at end of document)\)",
    re.DOTALL,
)


class ConfigError(Exception):
    """Settings cannot be used; each of `lines` says where, what and why."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines


class Loaded(msgspec.Struct, frozen=True):
    """Settings, and by name where those come from that were given."""

    settings: Settings
    origins: dict[str, str]


def load_settings(
    config_path: str | None,
    environ: Mapping[str, str],
    flags: Mapping[str, str],
    *,
    again: bool = False,
) -> Loaded:
    """Settings of the file (without a path: the one that `RELAY_CONFIG` names, if any), the environment and the flags.

    `flags` are texts by name of setting. `again` is for a process that has read the file before: then it must be a regular one,
    and nothing waits for it. Raises ConfigError with all that is wrong.
    """
    sources = _Sources()
    path = config_path if config_path is not None else environ.get(FILE_VARIABLE) or None
    if path is not None:
        sources.add_file(path, again=again)
    sources.add_environment(environ)
    for name, text in flags.items():
        sources.add(SETTINGS[name], text, SETTINGS[name].flag)
    return sources.load()


class _Sources:
    """What has been found so far: values, where each is from, and errors."""

    def __init__(self) -> None:
        self._values: dict[str, Any] = {}
        self._origins: dict[str, str] = {}
        self._errors: list[str] = []

    def add(self, setting: Setting, given: object, origin: str) -> None:
        """A setting as a variable or a flag gives it."""
        try:
            self._take(setting, given, origin)
        except SettingError as exc:
            self._errors.append(_error(origin, exc))

    def add_environment(self, environ: Mapping[str, str]) -> None:
        """All variables that are settings; one that only looks like it is an error."""
        for variable in sorted(environ):
            if variable in _VARIABLES:
                self.add(_VARIABLES[variable], environ[variable], variable)
            elif variable.startswith(_PREFIX) and variable not in OTHER_VARIABLES:
                hint = _hint(variable.removeprefix(_PREFIX).upper(), _STEMS, _PREFIX)
                self._errors.append(f"{variable}: unknown setting{hint}")

    def add_file(self, path: str, *, again: bool) -> None:
        """All settings of a TOML file."""
        try:
            text = _read_text(path, again=again)
            document = _parse(path, text)
        except ConfigError as exc:
            self._errors += exc.lines
            return
        lines = find_lines(text)
        for name, given in document.items():
            self._add_from_file(path, lines, name, given)

    def load(self) -> Loaded:
        """What all sources say together. Raises ConfigError."""
        if not self._errors:
            try:
                return Loaded(Settings(**self._values), self._origins)
            except SettingError as exc:  # of settings that do not go together
                self._errors.append(_error(self._origins[exc.name], exc))
        raise ConfigError(self._errors)

    def _add_from_file(self, path: str, lines: dict[Path, int], name: str, given: object) -> None:
        place = _place(path, lines, (name,))
        if name not in SETTINGS:
            self._errors.append(
                f"{place}: unknown setting {spell(name)}{_hint(name.lower(), SETTINGS)}"
            )
            return
        try:
            self._take(SETTINGS[name], given, place)
        except SettingError as exc:
            self._errors.append(_error(_place(path, lines, (name, *exc.path)), exc))

    def _take(self, setting: Setting, given: object, origin: str) -> None:
        self._values[setting.name] = setting.read(given)
        self._origins[setting.name] = origin


def _error(origin: str, exc: SettingError) -> str:
    """The line of an error; a variable and a flag name their setting themselves."""
    setting = SETTINGS[exc.name]
    text = exc.text if origin in (setting.flag, setting.variable) else str(exc)
    return f"{origin}: {text}"


def _place(path: str, lines: dict[Path, int], key: Path) -> str:
    return f"{path} line {nearest_line(lines, key)}"


def _hint(name: str, known: Iterable[str], prefix: str = "") -> str:
    """What may have been meant. A prefix that all share is given apart: it would make any two alike."""
    close = difflib.get_close_matches(name, list(known), 1)
    return f"; did you mean {prefix}{close[0]}?" if close else ""


def _read_text(path: str, *, again: bool) -> str:
    """The text of a file. Raises ConfigError."""
    try:
        with open(path, "rb", opener=_open_at_once if again else None) as file:
            # a pipe that was read before is empty now, which would mean that every setting has its default
            if again and not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise ConfigError([f"{path}: expected a regular file: nothing else is read again"])
            data = file.read(MAX_FILE_BYTES + 1)
    except OSError as exc:
        raise ConfigError([f"{path or spell(path)}: cannot be read: {exc.strerror}"]) from exc
    if len(data) > MAX_FILE_BYTES:
        raise ConfigError([f"{path}: expected at most {show_size(MAX_FILE_BYTES)}, got more"])
    try:
        return data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as exc:
        line = data.count(b"\n", 0, exc.start) + 1
        raise ConfigError([f"{path} line {line}: expected text in UTF-8"]) from exc


def _open_at_once(path: str, flags: int) -> int:
    """Opening a pipe would wait for someone who writes into it, and the server with it."""
    return os.open(path, flags | os.O_NONBLOCK)


def _parse(path: str, text: str) -> dict[str, Any]:
    """The document. Raises ConfigError."""
    try:
        return tomllib.loads(text)
    except RecursionError as exc:
        raise ConfigError([f"{path}: expected values that are nested less deeply"]) from exc
    except tomllib.TOMLDecodeError as exc:
        raise ConfigError([_syntax_error(path, text, str(exc))]) from exc
    except ValueError as exc:
        raise ConfigError([f"{path}: expected numbers of fewer digits"]) from exc


def _syntax_error(path: str, text: str, error: str) -> str:
    match = _PLACE.match(error)
    if match is None:
        return f"{path}: expected TOML, got something else"
    line, column = match["line"], match["column"]
    if line is None:
        line, column = str(text.count("\n") + 1), str(len(text.rpartition("\n")[2]) + 1)
    what = match["what"]
    if what.startswith(("Cannot ", "Duplicate ")):  # which go on with a name: of a namespace, maybe
        what = "this is there already"
    return f"{path} line {line}, column {column}: expected TOML: {what[:1].lower()}{what[1:]}"
