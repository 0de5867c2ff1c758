"""The flags of the command line, made from the settings, and a help that groups them."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import click

from relay.settings.config import SETTINGS
from relay.settings.describe import default_text
from relay.settings.rules import OneOf, Range
from relay.settings.setting import Group, Setting
from relay.settings.units import SWITCH

_SOURCES: Final = "Sources"


class SettingsCommand(click.Command):
    """A command with a flag for every setting but secret ones. What was given is in the context's object: texts by name."""

    def __init__(self, name: str | None, **attributes: Any) -> None:
        attributes["params"] = [*attributes.get("params", ()), *_options()]
        super().__init__(name, **attributes)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The settings by their groups, then the rest."""
        records: dict[str, list[tuple[str, str]]] = {group: [] for group in (*Group, _SOURCES)}
        for param in self.get_params(ctx):
            setting = SETTINGS.get(param.name or "")
            record = param.get_help_record(ctx)
            if record is not None:
                records[setting.about.group if setting else _SOURCES].append(record)
        for group, rows in records.items():
            with formatter.section(group):
                formatter.write_dl(rows)


def given_flags(ctx: click.Context) -> Mapping[str, str]:
    """The flags of this call: texts by name of setting."""
    return ctx.ensure_object(dict)


def _options() -> Iterator[click.Option]:
    for setting in SETTINGS.values():
        if not setting.about.is_secret:
            yield from _options_of(setting)


def _options_of(setting: Setting) -> Iterator[click.Option]:
    if setting.kind is SWITCH:
        off = f"--no-{setting.flag[2:]}"
        yield _option(setting, setting.flag, is_flag=False, flag_value="true", metavar=f"/ {off}")
        yield _option(setting, off, is_flag=True, flag_value="false", default=None, hidden=True)
    else:
        yield _option(setting, setting.flag, metavar=_metavar(setting))


def _option(setting: Setting, flag: str, **attributes: Any) -> click.Option:
    def note(ctx: click.Context, param: click.Parameter, text: str | None) -> None:
        if text is not None:
            ctx.ensure_object(dict)[setting.name] = text

    return click.Option(
        [flag],
        type=str,
        expose_value=False,
        callback=note,
        help=f"{_meaning(setting)}  [{default_text(setting)}]",
        **attributes,
    )


def _metavar(setting: Setting) -> str:
    rule = setting.rule
    return f"[{'|'.join(rule.words)}]" if isinstance(rule, OneOf) else setting.kind.metavar


def _meaning(setting: Setting) -> str:
    rule = setting.rule
    zero = f" 0: {rule.zero}." if isinstance(rule, Range) and rule.zero else ""
    return f"{setting.about.help}{zero}"
