"""How much more memory this process may get: what the machine has to give, or what its control groups leave, if that is less.

Page cache counts as available in both, for the kernel gives it up when memory is short. Limits of control groups are those of
version 2 and of version 1 (cgroups(7)), each group's own and those of the groups around it.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

_MEMINFO: Final = Path("/proc/meminfo")
_GROUPS: Final = Path("/proc/self/cgroup")
_MOUNT: Final = Path("/sys/fs/cgroup")
_KIB: Final = 1024
_NO_LIMIT: Final = 2**60
"""Version 1 has no word for it, but a number beyond all machines."""


class _Files(NamedTuple):
    """What a version of control groups calls its figures: the limit, the use, and in its statistics the page cache."""

    mount: str
    limit: str
    use: str
    cache: tuple[str, ...]


_VERSION_1: Final = _Files(
    "memory",
    "memory.limit_in_bytes",
    "memory.usage_in_bytes",
    ("total_inactive_file", "total_active_file"),
)
_VERSION_2: Final = _Files("", "memory.max", "memory.current", ("inactive_file", "active_file"))


class MemoryRoom:
    """Looks for its control groups once, when it is made; a process that is moved to another keeps to those."""

    def __init__(
        self, meminfo: Path = _MEMINFO, groups: Path = _GROUPS, mount: Path = _MOUNT
    ) -> None:
        self._meminfo = meminfo
        self._groups = list(_limited_groups(groups, mount))

    def available_bytes(self) -> int | None:
        """None where nobody tells."""
        rooms = [_machine_room(self._meminfo)]
        rooms += [_group_room(directory, files) for directory, files in self._groups]
        return min((room for room in rooms if room is not None), default=None)


def _limited_groups(groups: Path, mount: Path) -> Iterator[tuple[Path, _Files]]:
    """Those around this process, up to the mount, that can have a limit."""
    for path, files in _memberships(groups):
        root = mount / files.mount
        directory = root / path.strip("/")
        for each in (directory, *directory.parents):
            if (each / files.limit).is_file():
                yield each, files
            if each == root:
                break


def _memberships(groups: Path) -> Iterator[tuple[str, _Files]]:
    """Lines are `number:controllers:path`; version 2 has no controllers."""
    try:
        lines = groups.read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if not controllers:
            yield path, _VERSION_2
        elif "memory" in controllers.split(","):
            yield path, _VERSION_1


def _machine_room(meminfo: Path) -> int | None:
    try:
        kib = _named(meminfo, "MemAvailable:")
    except (OSError, ValueError):
        return None
    return kib * _KIB if kib else None


def _group_room(directory: Path, files: _Files) -> int | None:
    """None without a limit, and where the group is gone."""
    try:
        text = (directory / files.limit).read_text().strip()
        limit = _NO_LIMIT if text == "max" else int(text)
        if limit >= _NO_LIMIT:
            return None
        use = int((directory / files.use).read_text())
        cache = _named(directory / "memory.stat", *files.cache)
        return max(limit - use + cache, 0)
    except (OSError, ValueError):
        return None


def _named(path: Path, *names: str) -> int:
    """The sum of the numbers behind these names, each at the start of a line."""
    words = (line.split(maxsplit=2) for line in path.read_text().splitlines())
    return sum(int(each[1]) for each in words if len(each) > 1 and each[0] in names)
