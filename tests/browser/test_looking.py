"""Looking at a page sees what is wrong there, what comes late included, and finds no fault with a plain one."""

import pytest

from tests.browser.looking import WATCH, cut_off, moved, opened, serious

pytestmark = [pytest.mark.browser]
PLACE = "http://look.example/"
PLAIN = "<!doctype html><html lang=en><title>Plain</title><main><h1>Plain</h1><p>All is well here.</p></main></html>"
WRONG = """<!doctype html><html lang=en><title>Wrong</title><main><h1>Wrong</h1><p>This moves down.</p></main><script>
  const main = document.querySelector("main");
  fetch("/late").then(answer => answer.text()).then(html => main.insertAdjacentHTML("afterbegin", html));
</script></html>"""
SQUEEZED = PLAIN.replace(
    "</p>", '</p><a href="/" style="display: block; width: 8px; word-break: break-all">Squeezed</a>'
)
LATE = '<div style="width: 2000px; height: 600px"><img src="data:,"></div>'


@pytest.fixture
def site(page):
    def answer(route) -> None:
        path = route.request.url.removeprefix(PLACE)
        if path == "late":
            page.wait_for_timeout(300)
        route.fulfill(
            body={"": PLAIN, "squeezed": SQUEEZED, "wrong": WRONG, "late": LATE}[path], content_type="text/html"
        )

    page.set_viewport_size({"width": 1440, "height": 900})
    page.add_init_script(WATCH)
    page.route(PLACE + "**", answer)
    return page


def test_a_plain_page_has_no_fault(site) -> None:
    opened(site, PLACE)
    assert (moved(site), serious(site), cut_off(site)) == ([], [], [])


def test_words_squeezed_into_letters_are_seen(site) -> None:
    opened(site, PLACE + "squeezed")
    assert cut_off(site) == ["squeezes words into letters in screen", "squeezes words into letters in print"]


def test_every_fault_is_seen_though_it_comes_late(site) -> None:
    opened(site, PLACE + "wrong")
    assert moved(site)
    assert any(one.startswith("image-alt") for one in serious(site))
    assert cut_off(site) == ["scrolls sideways on a phone", "is cut off on paper"]
