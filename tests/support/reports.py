"""The line with which a relay reports what its limits did."""

from __future__ import annotations

import re

from support.member import Visitors
from support.process import RelayProcess

LINE = re.compile(r"limits(?P<dry>, as a dry run)?: (?P<counts>\d.*)")


def counts_at_the_end(
    server: RelayProcess, visitors: Visitors, *, is_dry_run: bool = False
) -> dict[str, int]:
    """Stop the server: what its last report counts, by the words it has for it; nothing when there was none.

    Its visitors leave first, so that it need not wait for their closing handshakes.
    """
    visitors.close()
    assert server.stop() == 0
    lines = list(LINE.finditer(server.errors))
    if not lines:
        return {}
    assert bool(lines[-1]["dry"]) == is_dry_run, lines[-1].string
    parts = (part.split(" ", 1) for part in lines[-1]["counts"].split("; "))
    return {words: int(count) for count, words in parts}
