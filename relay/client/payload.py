"""Values and JSON text; and the text of a frame that sends: `@@uid@@` in front when there is one recipient, then the payload."""

import json
from typing import Any, Final

import msgspec

from relay.client.checks import check_text

ADDRESS_MARK: Final = "@@"

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder()


def encode_message(message: Any, uid: str | None = None) -> str:
    """The text that sends `message`; everyone gets it when `uid` is None or empty.

    `message` is what msgspec encodes as JSON: None, bool, int, float, str, list, dict, dataclasses, Structs, datetimes, UUIDs,
    enums and more. Raises TypeError for bytes and what cannot be encoded, and ValueError for a `uid` that no address can hold.
    """
    return address(uid) + _encode(message)


def address(uid: str | None) -> str:
    """What stands in front of a payload for one recipient, and nothing for everyone. Raises TypeError, ValueError."""
    if uid is None or uid == "":
        return ""
    check_text("uid", uid)
    if ADDRESS_MARK in uid:
        raise ValueError(f"uid: expected text without {ADDRESS_MARK}, got some with it")
    return f"{ADDRESS_MARK}{uid}{ADDRESS_MARK}"


def decode_json(text: str) -> Any:
    """The value of a JSON text. Raises ValueError unless it is one JSON value.

    What is JSON and msgspec refuses all the same (half a surrogate pair, numbers beyond a double) is left to the slower decoder;
    there, as in JavaScript, a number beyond all bounds is infinite.
    """
    try:
        return _decoder.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError):
        pass
    except RecursionError:
        raise ValueError("expected values that are nested less deeply") from None
    try:
        return json.loads(text, parse_int=_parse_int, parse_constant=_refuse_constant)
    except RecursionError:
        raise ValueError("expected values that are nested less deeply") from None
    except ValueError:
        raise ValueError("expected one JSON value, got other text") from None


def _parse_int(digits: str) -> float:
    try:
        return int(digits)
    except ValueError:  # Python reads no integers of more than some thousand digits
        return float(digits)


def _refuse_constant(name: str) -> None:
    """NaN and Infinity, which Python reads and JSON does not have."""
    raise ValueError(name)


def _encode(message: Any) -> str:
    if isinstance(message, bytes | bytearray | memoryview):
        raise TypeError(f"message: expected what JSON can hold, got {type(message).__name__}")
    try:
        return _encoder.encode(message).decode()
    except UnicodeEncodeError:
        raise TypeError("message: expected text in Unicode, got half a surrogate pair") from None
    except RecursionError:
        raise TypeError("message: expected values that are nested less deeply") from None
    except (TypeError, ValueError, msgspec.MsgspecError) as exc:
        raise TypeError(f"message: expected what JSON can hold: {exc}") from None
