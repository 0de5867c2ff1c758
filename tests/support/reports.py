"""The line with which a relay reports what its limits did."""

from __future__ import annotations

import re
from typing import TypeAlias

from support.member import Visitors
from support.process import RelayProcess

LINE = re.compile(r"limits(?P<dry>, as a dry run)?: (?P<counts>\d.*)")
Counts: TypeAlias = dict[str, int]


def counts_at_the_end(server: RelayProcess, visitors: Visitors) -> tuple[Counts, Counts]:
    """Stop the server: what its reports count, by the words for several; first what was done, then what passed in a dry run.

    Its visitors leave first, so that it need not wait for their closing handshakes.
    """
    visitors.close()
    assert server.stop() == 0
    done: Counts = {}
    passed: Counts = {}
    for line in LINE.finditer(server.errors):
        for part in line["counts"].split("; "):
            count, words = part.split(" ", 1)
            counts = passed if line["dry"] else done
            if count == "1":
                words = _of_many(words)
            counts[words] = counts.get(words, 0) + int(count)
    return done, passed


def _of_many(words: str) -> str:
    """What a report says of one, as it would of several: tests need not know beforehand how many there are."""
    words = re.sub(r"\b(connection|message|request|consumer|handshake)\b", r"\1s", words, count=1)
    words = re.sub(r"^address\b", "addresses", words)
    return re.sub(r"\bits\b", "their", words)
