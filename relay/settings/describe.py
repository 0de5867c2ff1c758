"""Settings in words: a file to begin with, what differs from the defaults, the documentation's tables."""

import json
import textwrap
from collections.abc import Iterator
from typing import Any, Final

from relay.settings.config import SETTINGS, Settings
from relay.settings.namespaces import count_keys
from relay.settings.setting import Group, Setting
from relay.settings.sources import Loaded
from relay.settings.units import LIST, TABLE, TEXT

COMMENT_COLUMNS: Final = 100

_HEAD: Final = """\
# Settings of relay serve. A setting behind # has its default; take the # away to change it.
"""
_NAMESPACES: Final = """
# {help}
# Each in a table of its own, below all other settings:
#[namespaces."team"]
#join_keys = []
#send_keys = ["a key that nobody guesses"]
"""


def settings_file(settings: Settings) -> str:
    """A commented TOML file that loads to these settings, without the secrets: keys and tokens are shown nowhere."""
    lines = [_HEAD.rstrip()]
    for group in Group:
        lines += ["", "", f"# --- {group} ---"]
        for setting in _settings_of(group):
            if setting.kind is not TABLE:
                lines += _file_lines(setting, getattr(settings, setting.name))
    return "\n".join(lines) + "\n\n" + _namespace_lines(settings)


def report(loaded: Loaded) -> list[str]:
    """A line for each setting that differs from its default: its value, as a file spells it, and where that comes from."""
    return [
        f"{_assignment(setting, value)}  ({loaded.origins[name]})"
        for name, setting in SETTINGS.items()
        if (value := getattr(loaded.settings, name)) != setting.default
    ]


def settings_tables() -> str:
    """Markdown: a table for each group."""
    return "\n\n".join(f"### {group}\n\n{_table(group)}" for group in Group) + "\n"


def default_text(setting: Setting) -> str:
    """The default, as it could be given, or "none"."""
    return setting.kind.show(setting.default) or "none"


def _settings_of(group: Group) -> list[Setting]:
    return [setting for setting in SETTINGS.values() if setting.about.group == group]


def _file_lines(setting: Setting, value: Any) -> Iterator[str]:
    notes = f"{setting.about.help} Values: {setting.range}."
    if setting.about.needs_restart:
        notes += " A change needs a restart."
    yield ""
    yield from textwrap.wrap(
        notes, COMMENT_COLUMNS, initial_indent="# ", subsequent_indent="# ", break_on_hyphens=False
    )
    is_default = value == setting.default
    if setting.about.is_secret and not is_default:
        yield f"# Left out: {_told(value)}."
        value, is_default = setting.default, True
    mark = "#" if is_default else ""
    yield f"{mark}{setting.name} = {_toml(setting, value)}"


def _namespace_lines(settings: Settings) -> str:
    lines = _NAMESPACES.format(help=SETTINGS["namespaces"].about.help)
    if settings.namespaces:
        lines += f"# Left out: {count_keys(settings.namespaces)}.\n"
    return lines


def _assignment(setting: Setting, value: Any) -> str:
    """A setting as a line of a file, or what may be told of a secret one."""
    if setting.about.is_secret:
        return f"{setting.name}: {_told(value)}"
    return f"{setting.name} = {_toml(setting, value)}"


def _told(secret: Any) -> str:
    """What may be told of a secret value."""
    return count_keys(secret) if isinstance(secret, dict) else "it is set"


def _toml(setting: Setting, value: Any) -> str:
    if setting.kind is LIST:
        return json.dumps(value)
    text = setting.kind.show(value)
    is_string = setting.kind is TEXT or setting.kind.has_unit
    return json.dumps(text, ensure_ascii=False) if is_string else text


def _table(group: Group) -> str:
    head = "| setting | default | range | meaning | while serving |\n|---|---|---|---|---|"
    return "\n".join([head, *map(_row, _settings_of(group))])


def _row(setting: Setting) -> str:
    changes = "needs a restart" if setting.about.needs_restart else "changes"
    cells = (
        f"`{setting.name}`",
        default_text(setting),
        setting.range,
        setting.about.help,
        changes,
    )
    return f"| {' | '.join(cells)} |"
