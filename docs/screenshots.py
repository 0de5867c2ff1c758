"""Takes the pictures of the documentation: `make screenshots`, or `python docs/screenshots.py NAME…` for some of them.

A real relay on this machine, a small load on it, and a headless Chromium that looks at it.
"""

from __future__ import annotations

import base64
import io
import re
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[1]
IMAGES: Final = ROOT / "docs/images"
sys.path.insert(0, str(ROOT / "tests"))  # how the tests start a relay and drive a browser

import trio  # noqa: E402
from browser.chromium import Chromium, Page  # noqa: E402
from rich.console import Console  # noqa: E402
from screenshot_load import RELAY_FLAGS, Load  # noqa: E402
from screenshot_talk import choose, talk  # noqa: E402
from support.process import RelayProcess  # noqa: E402

from relay.commands.screen import Screen  # noqa: E402
from relay.commands.top import Source  # noqa: E402

SHOWN_SECONDS: Final = 58
TOP_COLUMNS: Final = 98
WIDE: Final = (1440, 1000, 1.0)
PHONE: Final = (390, 844, 2.0)
MEDIUM: Final = (1200, 720, 1.0)
SMALL_PHONE: Final = (375, 720, 2.0)

DRAWN: Final = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"

View = tuple[int, int, float]


def open_tab(chromium: Chromium, url: str) -> Page:
    """One is in front at a time, and only that is drawn."""
    page = chromium.new_page()
    page.call("Page.navigate", url=url)
    return page


def set_view(page: Page, scheme: str, view: View) -> None:
    """Light or dark, in so many columns and rows of CSS pixels, with so many device pixels for each; drawn once."""
    width, height, scale = view
    page.call(
        "Emulation.setDeviceMetricsOverride",
        width=width,
        height=height,
        deviceScaleFactor=scale,
        mobile=scale > 1,
    )
    scheme_feature = {"name": "prefers-color-scheme", "value": scheme}
    page.call("Emulation.setEmulatedMedia", features=[scheme_feature])
    page.call("Runtime.evaluate", expression=DRAWN, awaitPromise=True)


def save(page: Page, name: str, *, whole: bool = False) -> None:
    """What the tab shows, or the whole page, as docs/images/NAME.png."""
    options: dict[str, Any] = {"format": "png", "captureBeyondViewport": whole}
    if whole:
        size = page.call("Page.getLayoutMetrics")["cssContentSize"]
        options["clip"] = {
            **{name: size[name] for name in ("x", "y", "width", "height")},
            "scale": 1,
        }
    picture = base64.b64decode(page.call("Page.captureScreenshot", **options)["data"])
    (IMAGES / f"{name}.png").write_bytes(picture)
    print(f"{name}.png  {len(picture) / 1000:.0f} kB")


def dashboard(chromium: Chromium) -> None:
    """The dashboard and `relay top`, after a minute of load."""
    with RelayProcess(*RELAY_FLAGS) as relay, Load(relay).running():
        host, port = relay.admin_address
        url = f"http://{host}:{port}/"
        page = open_tab(chromium, url)
        set_view(page, "light", WIDE)
        screen = trio.run(watch, Source(url, ""))
        save(page, "dashboard", whole=True)
        set_view(page, "dark", WIDE)
        save(page, "dashboard-dark", whole=True)
        set_view(page, "dark", PHONE)
        save(page, "dashboard-phone")
        page.close()
    save_terminal(screen, "top")


def page(chromium: Chromium) -> None:
    """The page of the channels: where one is chosen, and one by day, by night and on a phone."""
    with RelayProcess() as relay:
        host, port = relay.address
        home = f"http://{host}:{port}/"
        tab = choose(chromium, home)
        set_view(tab, "light", MEDIUM)
        save(tab, "page-start")
        tab.close()
        tab = talk(chromium, home)
        tab.call("Page.bringToFront")
        for name, scheme, view in (
            ("page", "light", MEDIUM),
            ("page-dark", "dark", MEDIUM),
            ("page-phone", "light", SMALL_PHONE),
        ):
            set_view(tab, scheme, view)
            save(tab, name)


async def watch(source: Source) -> Screen:
    """`relay top`, for as long as its sparklines reach back."""
    screen = Screen(1.0)
    for _ in range(SHOWN_SECONDS):
        screen.add(await source.look())
        await trio.sleep(1)
    return screen


def save_terminal(screen: Screen, name: str) -> None:
    """A terminal as docs/images/NAME.svg. The font that the library would have fetched from elsewhere is left out."""
    console = Console(record=True, width=TOP_COLUMNS, file=io.StringIO(), force_terminal=True)
    console.print(screen.picture(TOP_COLUMNS))
    svg = console.export_svg(title="relay top", unique_id=name)
    svg = re.sub(r"@font-face \{.*?\}\s*|<!--.*?-->\s*", "", svg, flags=re.DOTALL).replace(
        "Fira Code", "ui-monospace, Menlo, Consolas"
    )
    (IMAGES / f"{name}.svg").write_text(svg)
    print(f"{name}.svg  {len(svg) / 1000:.0f} kB")


SCENES: Final[dict[str, Callable[[Chromium], None]]] = {"dashboard": dashboard, "page": page}
"""What can be named on the command line."""


def main(names: list[str]) -> None:
    executable = shutil.which("chromium") or shutil.which("chromium-browser")
    if executable is None:
        sys.exit("screenshots: chromium is not installed")
    if unknown := {*names} - {*SCENES}:
        sys.exit(f"screenshots: {', '.join(sorted(unknown))}: expected some of {', '.join(SCENES)}")
    IMAGES.mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as directory,
        Chromium(executable, Path(directory) / "profile") as chromium,
    ):
        for name in names or SCENES:
            SCENES[name](chromium)


if __name__ == "__main__":
    main(sys.argv[1:])
