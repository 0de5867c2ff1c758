"""The text of a frame that sends a message: `@@uid@@` in front when it has one recipient, then the payload in JSON."""

from typing import Any, Final

import msgspec

ADDRESS_MARK: Final = "@@"

_encoder = msgspec.json.Encoder()


def encode_message(message: Any, uid: str | None = None) -> str:
    """The text that sends `message`; everyone gets it when `uid` is None or empty.

    `message` is what msgspec encodes as JSON: None, bool, int, float, str, list, dict, dataclasses, Structs, datetimes, UUIDs,
    enums and more. Raises TypeError for bytes and what cannot be encoded, and ValueError for a `uid` that no address can hold.
    """
    return address(uid) + _encode(message)


def address(uid: str | None) -> str:
    """What stands in front of a payload for one recipient, and nothing for everyone. Raises TypeError, ValueError."""
    if uid is not None and not isinstance(uid, str):
        raise TypeError(f"uid: expected text or None, got {type(uid).__name__}")
    if not uid:
        return ""
    if ADDRESS_MARK in uid:
        raise ValueError(f"uid: expected text without {ADDRESS_MARK}, got some with it")
    return f"{ADDRESS_MARK}{uid}{ADDRESS_MARK}"


def check_json(text: str) -> None:
    """Raises ValueError unless the text is one JSON value, as the relay will have it."""
    try:
        msgspec.json.decode(text, type=msgspec.Raw)
    except msgspec.DecodeError as exc:
        raise ValueError(f"expected one JSON value: {exc}") from None
    except RecursionError:
        raise ValueError("expected values that are nested less deeply") from None


def _encode(message: Any) -> str:
    if isinstance(message, bytes | bytearray | memoryview):
        raise TypeError(f"message: expected what JSON can hold, got {type(message).__name__}")
    try:
        return _encoder.encode(message).decode()
    except UnicodeEncodeError:
        raise TypeError("message: expected text in Unicode, got half a surrogate pair") from None
    except RecursionError:
        raise TypeError("message: expected values that are nested less deeply") from None
    except (TypeError, msgspec.MsgspecError) as exc:
        raise TypeError(f"message: expected what JSON can hold: {exc}") from None
