"""One setting: what is known of it, and how a value for it is judged. `relay.settings.config` says which there are."""

import enum
from typing import Annotated, Any, Final, Literal, get_args, get_origin

import msgspec

from relay.settings.rules import OneOf, Rule, Unfit, unfit
from relay.settings.units import (
    AMOUNT,
    BYTE_RATE,
    DURATION,
    LIST,
    RATE,
    SIZE,
    SWITCH,
    TABLE,
    TEXT,
    WHOLE,
    Kind,
)

Bytes = Annotated[int, SIZE]
Seconds = Annotated[float, DURATION]
PerSecond = Annotated[float, RATE]
BytesPerSecond = Annotated[int, BYTE_RATE]
Amount = Annotated[float, AMOUNT]

_KINDS: Final = {str: TEXT, int: WHOLE, bool: SWITCH, list: LIST, dict: TABLE, Literal: TEXT}


class Group(enum.StrEnum):
    """How help and documentation group the settings, in their order."""

    LISTENING = "Listening"
    LIMITS = "Limits"
    ADDRESSES = "Addresses"
    ACCESS = "Access"
    BACKLOG = "Slow readers and big channels"
    TIME = "Time"


class SettingError(ValueError):
    """A setting has a value it cannot have; `path` leads to the part of the value that is wrong."""

    def __init__(self, name: str, text: str, *path: str) -> None:
        super().__init__(f"{name}: {text}")
        self.name = name
        self.text = text
        self.path = path


class About(msgspec.Struct, frozen=True):
    """What an annotation says of a setting. A `Literal` needs no rule: its words are.

    A secret setting has no flag, because all users of a machine see its command lines, and is never shown or quoted.
    """

    group: Group
    help: str
    rule: Rule | None = None
    needs_restart: bool = False
    is_secret: bool = False


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """A field of `Settings`."""

    name: str
    kind: Kind
    default: Any
    rule: Rule
    about: About

    @property
    def flag(self) -> str:
        """The name of its flag."""
        return f"--{self.name.replace('_', '-')}"

    @property
    def variable(self) -> str:
        """Its environment variable."""
        return f"RELAY_{self.name.upper()}"

    @property
    def range(self) -> str:
        """What it may be, in words."""
        return self.rule.describe(self.kind)

    @property
    def expected(self) -> str:
        """Its range, with an example where there are units."""
        example = f', such as "{self.kind.show(self.default)}"' if self.kind.has_unit else ""
        return f"{self.range}{example}"

    def read(self, given: object) -> Any:
        """The value of what a file, a variable or a flag gives: text, or a value already. Raises SettingError."""
        if not isinstance(given, str):
            return self.settle(given, given)
        try:
            given.encode()
            value = self.kind.parse(given)
        except ValueError as exc:
            raise SettingError(self.name, self._unfit_text(given)) from exc
        return self.settle(value, given)

    def settle(self, value: object, given: object) -> Any:
        """The value in its final form; errors quote what was `given` for it. Raises SettingError."""
        if type(value) not in self.kind.types:
            raise SettingError(self.name, self._unfit_text(given))
        try:
            settled = self.rule.settle(value, self.expected, given)
        except Unfit as exc:
            raise SettingError(self.name, str(exc), *exc.path) from exc
        return float(settled) if float in self.kind.types else settled

    def show(self, value: Any) -> str:
        """The value as it could be given."""
        return self.kind.show(value)

    def _unfit_text(self, given: object) -> str:
        return (
            f"expected {self.expected}"
            if self.about.is_secret
            else str(unfit(self.expected, given))
        )


def settings_of(struct: type[msgspec.Struct]) -> dict[str, Setting]:
    """The settings that a Struct's fields declare, in their order."""
    return {field.name: _setting(field) for field in msgspec.structs.fields(struct)}


def _setting(field: msgspec.structs.FieldInfo) -> Setting:
    base, *notes = get_args(field.type)
    about = notes[-1]
    kind = notes[0] if len(notes) > 1 else _KINDS[get_origin(base) or base]
    return Setting(
        name=field.name,
        kind=kind,
        default=field.default
        if field.default_factory is msgspec.NODEFAULT
        else field.default_factory(),
        rule=about.rule or OneOf(get_args(base)),
        about=about,
    )
