"""URLs and subprotocols that are given, or found out anew before every attempt by a function or an async one."""

import inspect
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias

import trio

from relay.client.faults import faults

Protocols: TypeAlias = str | Sequence[str] | None
UrlProvider: TypeAlias = str | Callable[[], str | Awaitable[str]]
ProtocolsProvider: TypeAlias = Protocols | Callable[[], Protocols | Awaitable[Protocols]]


class ProviderError(Exception):
    """There is no URL, or there are no subprotocols; `cause` is what a provider has raised."""

    def __init__(self, text: str, cause: Exception | None = None) -> None:
        super().__init__(text)
        self.cause = cause


async def resolve(url: object, protocols: object) -> tuple[str, tuple[str, ...]]:
    """Both at once. Raises ProviderError, the URL's when both fail."""
    results: dict[str, object] = {}
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_resolve_into, results, "url", url)
        nursery.start_soon(_resolve_into, results, "protocols", protocols)
    return _checked_url(results["url"]), _checked_protocols(results["protocols"])


async def _resolve_into(results: dict[str, object], key: str, provider: object) -> None:
    try:
        value = provider() if callable(provider) else provider
        results[key] = await value if inspect.isawaitable(value) else value
    except faults() as exc:
        results[key] = ProviderError(str(exc), exc if isinstance(exc, Exception) else None)


def _checked_url(value: object) -> str:
    if isinstance(value, ProviderError):
        raise value
    if not isinstance(value, str):
        raise ProviderError("Invalid URL")
    return value


def _checked_protocols(value: object) -> tuple[str, ...]:
    if isinstance(value, ProviderError):
        raise value
    if not value:
        return ()
    if isinstance(value, str):
        return (value,)
    if isinstance(value, list | tuple) and all(isinstance(name, str) for name in value):
        return tuple(value)
    raise ProviderError("Invalid protocols")
