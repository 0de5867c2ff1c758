"""A tab that shows the page of the channels, used as people use it: by keys, by clicks, by what can be read in it."""

from __future__ import annotations

import base64
import json
from typing import Any, Self

from browser.chromium import Chromium, Page
from clients.hosts import HostError

# Waiting is done in the page, by its own timers; how long, `Page.call` bounds.
WAIT = """new Promise(resolve => {
  const look = () => {
    let found = null
    try { found = (() => (%s))() } catch { /* the page is not that far */ }
    found ? resolve(found) : setTimeout(look, 10)
  }
  look()
})"""

KEYS = {
    "Enter": (13, "\r"),
    "Tab": (9, ""),
    "Escape": (27, ""),
    " ": (32, " "),
    "ArrowUp": (38, ""),
    "ArrowDown": (40, ""),
    "ArrowLeft": (37, ""),
    "ArrowRight": (39, ""),
    "Home": (36, ""),
    "End": (35, ""),
}
SHIFT = 8


# Keeps the page's sockets within reach, so that a test can let it receive what no relay would send at its bidding.
TAP = """window.sockets = []
window.WebSocket = class extends WebSocket {
  constructor(...all) { super(...all); sockets.push(this) }
}"""


class Tab(Page):
    """`complaints` are what Chromium's console, its network and its policies objected to; `requests` all URLs it asked for."""

    def __init__(self, chromium: Chromium, target_id: str, session_id: str) -> None:
        super().__init__(chromium, target_id, session_id)
        self.complaints: list[str] = []
        self.dialogs: list[str] = []
        self.requests: list[str] = []

    def watch(self) -> Self:
        for domain in ("Log", "Network", "Accessibility"):
            self.call(f"{domain}.enable")
        # Each tab believes that it is in front, so that none of them is slowed down.
        self.call("Emulation.setFocusEmulationEnabled", enabled=True)
        return self.resize(1200, 800)

    def resize(self, width: int, height: int, *, is_phone: bool = False) -> Self:
        """In CSS pixels; a phone has a touch screen."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=2 if is_phone else 1,
            mobile=is_phone,
        )
        self.call("Emulation.setTouchEmulationEnabled", enabled=is_phone)
        return self

    def prefer(self, **features: str) -> Self:
        """Media features, as in `prefers_color_scheme="dark"`."""
        pairs = [
            {"name": name.replace("_", "-"), "value": value} for name, value in features.items()
        ]
        self.call("Emulation.setEmulatedMedia", features=pairs)
        return self

    def forget(self) -> None:
        """Take from the browser what the page left in it for later visits."""
        self.evaluate("location.protocol === 'http:' && localStorage.clear()")

    def handle_event(self, method: str, params: dict[str, Any]) -> None:
        super().handle_event(method, params)
        if method == "Log.entryAdded":
            self.complaints.append(params["entry"]["text"] + " " + params["entry"].get("url", ""))
        elif method == "Page.javascriptDialogOpening":
            self.dialogs.append(params["message"])
        elif method == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])

    def prepare(self, script: str) -> Self:
        """Run this in every document of the tab before its own scripts."""
        self.call("Page.addScriptToEvaluateOnNewDocument", source=script)
        return self

    def tap(self) -> Self:
        return self.prepare(TAP)

    def receive(self, *events: dict[str, Any]) -> None:
        """Let the page, which was tapped, receive these."""
        texts = json.dumps([json.dumps(event, separators=(",", ":")) for event in events])
        self.evaluate(f"{texts}.forEach(data => sockets.at(-1).onmessage({{ data }}))")

    # --- looking -----------------------------------------------------------------------------------------------------------

    def evaluate(self, expression: str) -> Any:
        """The value of an expression, awaited if it is a promise."""
        result = self.call(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True
        )
        if "exceptionDetails" in result:
            raise HostError(json.dumps(result["exceptionDetails"]))
        return result["result"].get("value")

    def wait_for(self, expression: str) -> Any:
        """The value of the expression once it is true; fails with what the page shows."""
        try:
            return self.evaluate(WAIT % expression)
        except AssertionError:
            shown = self.evaluate("document.body.innerText")
            raise AssertionError(f"never true: {expression}\nthe page shows: {shown}") from None

    def text(self, selector: str) -> str:
        return self.evaluate(f"document.querySelector({json.dumps(selector)}).innerText")

    def texts(self, selector: str) -> list[str]:
        return self.evaluate(
            f"[...document.querySelectorAll({json.dumps(selector)})].map(found => found.textContent)"
        )

    def wait_for_text(self, selector: str, text: str) -> None:
        """Wait until something that matches has this in its text."""
        place = f"[...document.querySelectorAll({json.dumps(selector)})]"
        self.wait_for(f"{place}.some(found => found.textContent.includes({json.dumps(text)}))")

    def wait_for_texts(self, selector: str, texts: list[str]) -> None:
        """Wait until all that matches has these texts."""
        place = f"[...document.querySelectorAll({json.dumps(selector)})]"
        found = f"JSON.stringify({place}.map(found => found.textContent))"
        self.wait_for(f"{found} === JSON.stringify({json.dumps(texts)})")

    def screenshot(self) -> bytes:
        self.call("Page.bringToFront")
        return base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"])

    # --- doing -------------------------------------------------------------------------------------------------------------

    def show(self, url: str) -> Self:
        """Load the page at this URL."""
        self.call("Page.navigate", url=url)
        self.wait_for("document.readyState === 'complete' && document.body.dataset.view !== 'none'")
        return self

    def enter(self, url: str) -> Self:
        """Load the page of a channel and wait until it has joined."""
        return self.show(url).wait_until_joined()

    def wait_until_joined(self) -> Self:
        self.wait_for(
            "document.getElementById('status').textContent === 'Connected'"
            " && document.getElementById('own-uid').textContent"
        )
        return self

    def click(self, selector: str) -> None:
        """A click with a pointer, on whatever is in front at its middle."""
        x, y = self.wait_for(
            f"(found => {{ found.scrollIntoView({{block: 'nearest'}}); const box = found.getBoundingClientRect();"
            " return box.width && [box.x + box.width / 2, box.y + box.height / 2] })"
            f"(document.querySelector({json.dumps(selector)}))"
        )
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def press(self, key: str, *, shift: bool = False) -> None:
        code, text = KEYS[key]
        common = {
            "key": key,
            "code": {" ": "Space"}.get(key, key),
            "windowsVirtualKeyCode": code,
            "modifiers": SHIFT if shift else 0,
        }
        self.call("Input.dispatchKeyEvent", type="keyDown", text=text, **common)
        self.call("Input.dispatchKeyEvent", type="keyUp", **common)

    def type(self, text: str) -> None:
        """Into what has the focus."""
        self.call("Input.insertText", text=text)

    def fill(self, selector: str, text: str) -> None:
        """Replace what is in a field."""
        self.evaluate(
            f"(field => {{ field.focus(); field.select() }})(document.querySelector({json.dumps(selector)}))"
        )
        if text:
            self.type(text)
        else:
            self.evaluate("document.execCommand('delete')")

    def say(self, text: str, *, mode: str = "text", to: str | None = None) -> None:
        """Send; `to` is a member's name as the list has it."""
        self.click(f".mode label:has([value={mode}])")
        if to is not None:
            self.choose_recipient(to)
        self.fill("#text", text)
        self.press("Enter")

    def choose_recipient(self, name: str) -> None:
        self.wait_for(
            f"[...document.querySelectorAll('#members button')].some(found => found.firstChild.textContent === {json.dumps(name)}"
            " && (found.click(), true))"
        )

    # --- what the log says -------------------------------------------------------------------------------------------------

    def hears(self, text: str) -> None:
        """Wait until a message's body is this."""
        self.wait_for(
            "[...document.querySelectorAll('.message .body')]"
            f".some(found => found.firstChild.textContent === {json.dumps(text)})"
        )

    def messages(self) -> list[str]:
        """The bodies of all messages in the log."""
        return self.evaluate(
            "[...document.querySelectorAll('.message .body')].map(found => found.firstChild.textContent)"
        )
