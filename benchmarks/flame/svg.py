"""A flame graph: a box per frame, as wide as its share of the samples, on top of the frame that called it (B. Gregg, 2016).

The pointer over a box tells its name and share. Colours say whose code it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from html import escape

from benchmarks.flame.record import Stacks

WIDTH, MARGIN, ROW, HEAD = 1200, 16, 18, 64
LEAST = 0.5  # narrower boxes are left out
CHARACTER = 6.3
KINDS = {"kernel": "kernel", "core": "the core", "python": "Python", "native": "other C"}
STYLE = """
.back { fill: #ffffff; } text { font: 11px ui-monospace, monospace; fill: #1c2024; pointer-events: none; }
.title { font: 600 15px system-ui, sans-serif; } .note { font: 12px system-ui, sans-serif; fill: #5d6670; }
rect { stroke: #ffffff; stroke-width: .6; } rect:hover { opacity: .7; }
.kernel { fill: #f2b38f; } .core { fill: #9cc4ff; } .python { fill: #a8dcb3; } .native { fill: #d3d8de; }
@media (prefers-color-scheme: dark) {
  .back { fill: #14171a; } text { fill: #e8eaed; } .note { fill: #9aa4af; } rect { stroke: #14171a; }
  .kernel { fill: #7d4526; } .core { fill: #1f4f94; } .python { fill: #245c34; } .native { fill: #414a54; }
}
"""


@dataclass
class Frame:
    """`samples` of it and of all it called."""

    name: str
    samples: int = 0
    calls: dict[str, Frame] = field(default_factory=dict)

    def depth(self) -> int:
        return 1 + max((call.depth() for call in self.calls.values()), default=0)


def tree(stacks: Stacks) -> Frame:
    root = Frame("all")
    for stack, count in stacks.items():
        frame = root
        frame.samples += count
        for name in stack:
            frame = frame.calls.setdefault(name, Frame(name))
            frame.samples += count
    return root


def kind_of(name: str) -> str:
    if name.endswith("(kernel)"):
        return "kernel"
    if "relay/_core." in name or "(_core." in name:
        return "core"
    return "python" if name.endswith(".py)") else "native"


def flame_graph(stacks: Stacks, title: str, note: str) -> str:
    """The whole picture. Raises ValueError when there is no sample."""
    root = tree(stacks)
    if not root.samples:
        raise ValueError("there is no sample")
    height = HEAD + root.depth() * ROW + MARGIN
    boxes = placed(root, MARGIN, height - MARGIN - ROW, (WIDTH - 2 * MARGIN) / root.samples)
    return "\n".join(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}">',
            f"<style>{STYLE}</style>",
            f'<rect class="back" width="{WIDTH}" height="{height}"/>',
            f'<text class="title" x="{MARGIN}" y="24">{escape(title)}</text>',
            f'<text class="note" x="{MARGIN}" y="44">{escape(note)}</text>',
            *legend(),
            *(box(frame, x, y, width, root.samples) for frame, x, y, width in boxes),
            "</svg>\n",
        )
    )


def legend() -> Iterator[str]:
    for i, (kind, name) in enumerate(KINDS.items()):
        x = WIDTH - MARGIN - (len(KINDS) - i) * 92
        yield f'<rect class="{kind}" x="{x}" y="14" width="12" height="12"/>'
        yield f'<text class="note" x="{x + 17}" y="24">{name}</text>'


def placed(
    frame: Frame, x: float, y: float, scale: float
) -> Iterator[tuple[Frame, float, float, float]]:
    width = frame.samples * scale
    if width < LEAST:
        return
    yield frame, x, y, width
    for call in sorted(frame.calls.values(), key=lambda call: call.name):
        yield from placed(call, x, y - ROW, scale)
        x += call.samples * scale


def box(frame: Frame, x: float, y: float, width: float, total: int) -> str:
    told = f"{frame.name}: {frame.samples / total:.1%}, {frame.samples} samples"
    letters = int((width - 6) / CHARACTER)
    text = frame.name if len(frame.name) <= letters else f"{frame.name[: max(letters - 2, 0)]}.."
    label = f'<text x="{x + 3:.1f}" y="{y + 13:.1f}">{escape(text)}</text>' if letters > 3 else ""
    return (
        f'<rect class="{kind_of(frame.name)}" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{ROW}">'
        f"<title>{escape(told)}</title></rect>{label}"
    )


def heaviest(stacks: Stacks, count: int) -> Iterable[tuple[str, float]]:
    """The frames in which most samples were taken, without what they called, and their shares."""
    own: dict[str, int] = {}
    for stack, samples in stacks.items():
        own[stack[-1]] = own.get(stack[-1], 0) + samples
    most = sorted(own.items(), key=lambda item: -item[1])[:count]
    return [(name, samples / stacks.total()) for name, samples in most]
