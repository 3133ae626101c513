"""Looking at a page in a browser: once it has come to rest, whether it moved, fits and is accessible."""

from typing import Any

from axe_playwright_python.sync_playwright import Axe

# Counts what the page asks for, and adds up what moves by itself, not after a click (web.dev/cls: up to 0.1 is good,
# more than 0.25 is poor).
WATCH = """
window.asking = 0; window.answered = 0; window.shifted = 0;
const ended = () => { window.asking--; window.answered = performance.now(); };
const send = XMLHttpRequest.prototype.send, ask = window.fetch;
XMLHttpRequest.prototype.send = function (...given) {
  window.asking++; this.addEventListener("loadend", ended); return send.apply(this, given);
};
window.fetch = (...given) => { window.asking++; return ask(...given).finally(ended); };
new PerformanceObserver(list => list.getEntries().forEach(one => {
  if (!one.hadRecentInput) window.shifted += one.value;
})).observe({ type: "layout-shift", buffered: true });
"""
# What an answer brings may ask for more; after a tenth of a second in which nothing does, and two frames, all is there.
REST = """() => new Promise(rest => {
  window.answered = performance.now();
  const look = () => !window.asking && performance.now() - window.answered > 100
    ? requestAnimationFrame(() => requestAnimationFrame(rest)) : setTimeout(look, 20);
  look();
})"""
# Links whose words stand one letter below the other: nobody reads them, and nothing scrolls.
SQUEEZED = """() => [...document.querySelectorAll("main a")].some(one => {
  const box = one.getBoundingClientRect();
  return one.textContent.trim().length > 6 && one.checkVisibility() && box.width < 24 && box.height > 80;
})"""
MOST_SHIFTED = 0.25  # a customer's page in Finnish reaches 0.11
PAPER = {"width": 703, "height": 1017}  # an upright A4 between its margins, at 96 dots an inch


def opened(page: Any, url: str) -> None:
    page.goto(url)
    page.evaluate(REST)


def moved(page: Any) -> list[str]:
    shifted = page.evaluate("window.shifted")
    return [f"its first view moves by {shifted:.2f}"] if shifted > MOST_SHIFTED else []


def serious(page: Any) -> list[str]:
    """What axe finds, two places of each kind."""
    return [
        f"{one['id']}: {node['html'][:160]}"
        for one in Axe().run(page).response["violations"]
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"][:2]
    ]


def cut_off(page: Any) -> list[str]:
    """Where it is wider than what it is seen on."""
    found = []
    for medium, size, words in (
        ("screen", {"width": 390, "height": 844}, "scrolls sideways on a phone"),
        ("print", PAPER, "is cut off on paper"),
    ):
        page.emulate_media(media=medium)
        page.set_viewport_size(size)
        if not page.evaluate("document.documentElement.scrollWidth <= innerWidth"):
            found.append(words)
        if page.evaluate(SQUEEZED):
            found.append(f"squeezes words into letters in {medium}")
    page.emulate_media(media="screen")
    page.set_viewport_size({"width": 1440, "height": 900})
    return found
