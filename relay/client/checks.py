"""Checks of arguments that several modules take. Each raises TypeError or ValueError, which names the argument."""

import inspect
import ssl
import threading
from math import inf, nan

NORMAL_CLOSURE = 1000
_CLOSE_REASON_BYTES_MAX = 123


def check_number(name: str, value: object, low: float, high: float = inf) -> None:
    """Within a range, of which both ends are part; NaN is in none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{name}: expected a number, not {value!r}")
    try:
        number = float(value)
    except OverflowError:
        number = nan
    if not low <= number <= high:
        limits = f"at least {low:g}" if high == inf else f"from {low:g} to {high:g}"
        raise ValueError(f"{name}: expected a number {limits}, not {_shown(value)}")


def checked_timeout(name: str, value: float | None) -> float | None:
    """Seconds as `threading` takes them: None and what is longer than it can count are no limit."""
    if value is None:
        return None
    check_number(name, value, 0)
    return value if value <= threading.TIMEOUT_MAX else None


def check_flag(name: str, value: object) -> None:
    if not isinstance(value, bool):
        raise TypeError(f"{name}: expected True or False, not {value!r}")


def check_text(name: str, value: object) -> None:
    """Text that UTF-8 can hold, and so a URL or a frame."""
    if not isinstance(value, str):
        raise TypeError(f"{name}: expected a string, not {type(value).__name__}")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError(f"{name}: expected text in Unicode, got half a surrogate pair") from None


def check_function(name: str, value: object, expected: str = "a function") -> None:
    """Nobody would await what an async one returns."""
    if not callable(value):
        raise TypeError(f"{name}: expected {expected}, not {type(value).__name__}")
    called = value if inspect.isroutine(value) else getattr(value, "__call__", value)  # noqa: B004
    if inspect.iscoroutinefunction(value) or inspect.iscoroutinefunction(called):
        raise TypeError(f"{name}: expected a plain function, not an async one")


def check_ssl_context(name: str, value: object) -> None:
    if value is not None and not isinstance(value, ssl.SSLContext):
        raise TypeError(f"{name}: expected an ssl.SSLContext, not {type(value).__name__}")


def check_close(code: object, reason: object) -> None:
    """What a client may put into a close frame (RFC 6455 section 7.4)."""
    if isinstance(code, bool) or not isinstance(code, int):
        raise TypeError(f"code: expected a number, not {type(code).__name__}")
    if code != NORMAL_CLOSURE and not 3000 <= code <= 4999:
        raise ValueError(f"code: expected 1000, or 3000 to 4999, not {_shown(code)}")
    check_text("reason", reason)
    assert isinstance(reason, str)
    if len(reason.encode()) > _CLOSE_REASON_BYTES_MAX:
        raise ValueError(f"reason: expected at most {_CLOSE_REASON_BYTES_MAX} bytes of UTF-8")


def _shown(number: float) -> str:
    try:
        return repr(number)
    except ValueError:  # Python writes no integers of more than some thousand digits
        return "one of too many digits"
