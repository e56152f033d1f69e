"""The page in a real browser: Chromium, driven by Selenium."""

import base64
import io
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pdf_files import BLANK, CUT_SHORT, EMPTY, ENCRYPTED, of_pages

from im2latex_cli import convert, normalize
from im2latex_cli.serve.app import Server
from im2latex_cli.services.serve import Answers, open_document
from im2latex_cli.settings.sections import DecodeSettings, RuntimeSettings, ServeSettings, Settings

webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not (CHROMIUM and DRIVER), reason="no chromium or chromedriver on PATH; install both"
    ),
]
SECONDS = 20
EVENT = """
const bytes = Uint8Array.from(atob(arguments[1]), (letter) => letter.charCodeAt(0));
const held = new DataTransfer();
if (bytes.length) held.items.add(new File([bytes], arguments[2], {type: arguments[3]}));
const target = document.getElementById("drop");
const options = {bubbles: true, cancelable: true};
if (arguments[0] === "paste")
  target.dispatchEvent(new ClipboardEvent("paste", {...options, clipboardData: held}));
else for (const kind of ["dragover", "drop"])
  target.dispatchEvent(new DragEvent(kind, {...options, dataTransfer: held}));
"""
NOTHING = """
const held = new DataTransfer();
held.items.add(new File([], "bad.pdf", {type: "application/pdf"}));
document.getElementById("drop").dispatchEvent(
  new DragEvent("drop", {bubbles: true, cancelable: true, dataTransfer: held}));
"""
PAINTED = """
const canvas = document.getElementById("canvas");
const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d");
copy.drawImage(canvas, 0, 0);
const data = copy.getImageData(0, 0, canvas.width, canvas.height).data;
let coloured = 0;
for (let at = 0; at < data.length; at += 4) coloured += data[at] !== data[at + 2];
return coloured;
"""


class Browser:
    """A page that is open, and what a person does to it."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver

    def __getitem__(self, name: str) -> Any:
        return self.driver.find_element("id", name)

    def run(self, script: str, *arguments: Any) -> Any:
        return self.driver.execute_script(script, *arguments)

    def send(self, way: str, data: bytes, name: str = "x.png", kind: str = "image/png") -> None:
        self.run(EVENT, way, base64.b64encode(data).decode(), name, kind)

    def wait(self, until: Callable[["Browser"], Any]) -> Any:
        from selenium.webdriver.support.ui import WebDriverWait

        return WebDriverWait(self.driver, SECONDS, poll_frequency=0.05).until(lambda _: until(self))

    def reading(self) -> None:
        self.wait(lambda page: page["status"].text.startswith("Read in"))
        self.wait(lambda page: page["canvas"].size["width"] > 50)

    def press(self, *keys: str) -> Any:
        webdriver.ActionChains(self.driver).send_keys(*keys).perform()
        return self.driver.switch_to.active_element

    def complaints(self) -> list[dict[str, Any]]:
        return list(self.driver.get_log("browser"))

    def all(self, selector: str) -> list[Any]:
        return list(self.driver.find_elements("css selector", selector))

    def shows(self, text: str) -> None:
        self.wait(lambda page: text in page["status"].text)

    def resize(self, width: int, height: int, *, mobile: bool) -> None:
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": mobile}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)

    def touch(self, kind: str, *points: tuple[float, float]) -> None:
        at = [{"x": x, "y": y} for x, y in points]
        self.driver.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": kind, "touchPoints": at})

    def swipe(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        self.touch("touchStart", start)
        for step in range(1, 6):
            point = (a + (b - a) * step / 5 for a, b in zip(start, end, strict=True))
            self.touch("touchMove", tuple(point))  # type: ignore[arg-type]
        self.touch("touchEnd")

    def place(self, element: Any) -> tuple[float, float, float, float]:
        script = "const {x, y, width, height} = arguments[0].getBoundingClientRect();"
        return tuple(self.run(f"{script} return [x, y, width, height]", element))

    def asked(self, part: str) -> list[str]:
        script = "return performance.getEntriesByType('resource').map((one) => one.name)"
        return [name for name in self.run(script) if part in name]


@pytest.fixture(scope="module")
def url(serving, model_file: Path) -> Iterator[str]:
    settings = Settings(
        decode=DecodeSettings(beam=3, max_tokens=12),
        runtime=RuntimeSettings(device="cpu", threads=1),
    )
    app = Server(
        Answers(settings, str(model_file)), open_document, ServeSettings(), model="tiny"
    ).app()
    with serving(app) as url:
        yield url


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    profile = tmp_path_factory.mktemp("profile")
    for argument in ("headless=new", "no-sandbox", "disable-gpu", "disable-dev-shm-usage"):
        options.add_argument(f"--{argument}")
    options.add_argument(f"--user-data-dir={profile}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options, webdriver.ChromeService(DRIVER))
    yield driver
    driver.quit()


@pytest.fixture
def page(driver: Any, url: str) -> Browser:
    driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    driver.get("about:blank")
    driver.get_log("browser")
    driver.get(url)
    return Browser(driver)


@pytest.mark.parametrize("way", ["paste", "drop"])
def test_a_picture_is_read(page: Browser, png: bytes, way: str) -> None:
    assert not page["result"].is_displayed()
    page.send(way, png)
    page.reading()
    assert page["latex"].text
    assert page["preview"].is_displayed()
    assert page["sure"].text.endswith(" % sure")
    assert page["formula"].text or page["formula"].find_elements("css selector", "svg path")
    assert len(page["list"].find_elements("css selector", "li")) == 2
    full, part = page["bar"].size["width"], page.run("return bar.parentElement.clientWidth")
    assert 0 < full <= part
    assert page.complaints() == []


def test_a_bad_file_is_explained_and_the_next_is_read(page: Browser, png: bytes) -> None:
    page.send("drop", b"this is text", "notes.txt", "text/plain")
    page.wait(lambda page: "text/plain is no picture's" in page["status"].text)
    page.send("drop", b"this is text", "x.png")
    page.wait(lambda page: "not a picture this program knows" in page["status"].text)
    assert not page["result"].is_displayed()
    assert not page["preview"].is_displayed()
    answered = ("status of 415", "status of 422")
    assert all(any(one in c["message"] for one in answered) for c in page.complaints())
    page.send("paste", b"")
    page.wait(lambda page: page["status"].text == "The clipboard holds no picture.")
    page.send("paste", png)
    page.reading()


def test_the_attention_of_a_token_is_shown(page: Browser, png: bytes) -> None:
    page.send("paste", png)
    page.reading()
    tokens = page["tokens"].find_elements("css selector", "button")
    assert "".join(page["latex"].text.split()).startswith(tokens[0].text)
    assert page.run(PAINTED) == 0
    page.run("arguments[0].click()", tokens[-1])
    assert page.run(PAINTED) > 0
    assert page.complaints() == []


def test_copying(page: Browser, png: bytes) -> None:
    rights = {"permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"]}
    page.driver.execute_cdp_cmd("Browser.grantPermissions", rights)
    page.send("paste", png)
    page.reading()
    buttons = page.driver.find_elements("css selector", "#result button[data-copy], #list button")
    for button, pattern in zip(buttons[:2], ("{}", "$${}$$"), strict=True):
        page.run("arguments[0].click()", button)
        page.wait(lambda _, button=button: button.text == "Copied")
        held = page.driver.execute_async_script("navigator.clipboard.readText().then(arguments[0])")
        assert held == pattern.format(page["latex"].text)
    page.run("arguments[0].click()", buttons[2])
    page.wait(lambda _: buttons[2].text == "Copied")
    assert page.complaints() == []


def test_the_keyboard_alone(page: Browser, png: bytes, tmp_path: Path) -> None:
    from selenium.webdriver.common.keys import Keys

    focused = page.press(Keys.TAB)
    assert focused.get_attribute("id") == "file"
    assert (
        page.run("return getComputedStyle(document.getElementById('drop')).outlineStyle") != "none"
    )
    path = tmp_path / "x.png"
    path.write_bytes(png)
    focused.send_keys(str(path))  # what the file chooser does
    page.reading()
    seen = []
    for _ in range(20):
        focused = page.press(Keys.TAB)
        seen.append(focused.get_attribute("id") or focused.text)
        if focused.find_elements("xpath", "ancestor::*[@id='tokens']"):
            break
    assert {"formula", "latex", "Copy LaTeX", "Copy $$…$$", "Copy"} <= set(seen)
    tokens = page["tokens"].find_elements("css selector", "button")
    assert focused == tokens[0]
    assert "shown" in tokens[0].get_attribute("class")
    if len(tokens) > 1:
        assert page.press(Keys.ARROW_RIGHT) == tokens[1]
        assert page.press(Keys.END) == tokens[-1]
        assert page.press(Keys.HOME) == tokens[0]
    assert page.complaints() == []


def luminance(page: Browser, element: str, what: str) -> float:
    colour = page.run(f"return getComputedStyle(document.querySelector('{element}')).{what}")
    return sum(float(part) for part in colour[colour.index("(") + 1 : -1].split(",")[:3]) / 765


def test_dark_mode(page: Browser, png: bytes) -> None:
    dark = {"features": [{"name": "prefers-color-scheme", "value": "dark"}]}
    assert luminance(page, "body", "backgroundColor") == 1
    page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", dark)
    page.send("paste", png)
    page.reading()
    assert luminance(page, "body", "backgroundColor") < 0.2
    for element in ("h1", "#formula", "#latex", "#status"):
        assert luminance(page, element, "color") > 0.5
    assert page.complaints() == []


def test_phone_width(page: Browser, png: bytes) -> None:
    size = {"width": 320, "height": 640, "deviceScaleFactor": 2, "mobile": True}
    page.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    page.send("paste", png)
    page.reading()
    page.run("document.getElementById('latex').textContent = '\\\\alpha'.repeat(200)")
    assert page.run("return document.documentElement.scrollWidth") <= 320
    assert page.complaints() == []


PDF = ("paper.pdf", "application/pdf")
PHONE = (360, 640)


@pytest.fixture
def document(page: Browser, paper: bytes) -> Browser:
    """The page with a PDF of three pages, which have two, no and one formula."""
    page.resize(1280, 900, mobile=False)
    page.send("drop", paper, *PDF)
    page.shows("Page 1 of 3: 2 formulas.")
    return page


def test_a_pdf_page_by_page(document: Browser) -> None:
    page = document
    assert not page["result"].is_displayed()
    first, second = page.all(".box")
    ink = page.place(page["page"])
    left, top, width, height = page.place(first)
    assert left - ink[0] == pytest.approx(203.8 / 468 * ink[2], abs=6)
    assert top - ink[1] == pytest.approx(108.7 / 612 * ink[3], abs=6)
    assert 60 < width < 120
    assert 20 < height < 60
    second.click()
    page.reading()
    assert page["which"].text == "Formula 2 of 2"
    assert [one.get_attribute("aria-current") for one in (first, second)] == [None, "true"]
    page["next"].click()
    page.shows("Page 2 of 3: no displayed formula was found. Draw a rectangle")
    assert not page["result"].is_displayed()
    assert not page.all(".box")
    page["next"].click()
    page.shows("Page 3 of 3: 1 formula.")
    assert not page["next"].is_enabled()
    page.run("number.value = 99; number.dispatchEvent(new Event('change'))")
    page.shows("Page 3 of 3: 1 formula.")
    page.run("number.value = 1; number.dispatchEvent(new Event('change'))")
    page.shows("Page 1 of 3: 2 formulas.")
    assert page.complaints() == []


def test_pages_turned_in_a_hurry_end_at_the_last(document: Browser) -> None:
    for way in ("next", "next", "previous", "next"):
        document.run(f"document.getElementById('{way}').click()")
    document.shows("Page 3 of 3: 1 formula.")
    assert len(document.all(".box")) == 1
    assert document.complaints() == []


def test_a_document_by_keyboard(document: Browser) -> None:
    from selenium.webdriver.common.keys import Keys

    page = document
    page.run("document.getElementById('file').focus()")
    order = [page.press(Keys.TAB) for _ in range(6)]
    named = [
        one.get_attribute("id") or one.get_attribute("aria-label") or one.text for one in order
    ]
    assert named == ["number", "next", "All formulas", "draw", "larger", "Formula 1 of 2"]
    second = page.press(Keys.ARROW_DOWN)
    assert second.get_attribute("aria-label") == "Formula 2 of 2"
    assert page.run("return getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.press(Keys.ENTER)
    page.reading()
    assert page.driver.switch_to.active_element == second
    said = page.run("return document.getElementById('status').textContent")
    assert page["latex"].text in said
    assert page.press(Keys.TAB).get_attribute("id") in {"formula", "result"}
    assert page.complaints() == []


def part(page: Browser) -> list[float]:
    """Sides of the rectangle that was read last, in points of the page."""
    page.wait(lambda page: page["which"].text == "Your rectangle")
    (*_, last) = page.asked("/part?box=")
    return [float(side) for side in last.split("box=")[1].split("&")[0].split(",")]


def test_a_rectangle_by_mouse_over_formulas(document: Browser) -> None:
    page = document
    first = page.all(".box")[0]
    left, top, width, height = page.place(page["sheet"])
    mouse = webdriver.ActionChains(page.driver, duration=20)
    mouse.move_to_element(first).click_and_hold().move_by_offset(90, 40).release().perform()
    sides = part(page)
    x, y, wide, high = page.place(first)
    start = ((x + wide / 2 - left) / width * 468, (y + high / 2 - top) / height * 612)
    end = (start[0] + 90 / width * 468, start[1] + 40 / height * 612)
    assert sides == pytest.approx([*start, *end], abs=2)
    assert first.get_attribute("aria-current") is None  # dragged, not clicked
    first.click()
    page.wait(lambda page: page["which"].text == "Formula 1 of 2")
    assert not page["rectangle"].is_displayed()
    assert page.complaints() == []


def test_a_rectangle_by_keyboard(document: Browser) -> None:
    from selenium.webdriver.common.keys import Keys

    page = document
    page["draw"].send_keys(Keys.ENTER)
    assert page["draw"].get_attribute("aria-pressed") == "true"
    rectangle = page.driver.switch_to.active_element
    assert rectangle.get_attribute("id") == "rectangle"
    x, y, wide, high = page.place(rectangle)
    sheet = page.place(page["sheet"])
    page.press(*[Keys.ARROW_RIGHT] * 3, *[Keys.ARROW_UP] * 2)
    moved = page.place(rectangle)
    assert moved[0] - x == pytest.approx(0.03 * sheet[2], abs=1)
    assert page.run("return arguments[0].offsetTop", rectangle) < y - sheet[1]
    chain = webdriver.ActionChains(page.driver).key_down(Keys.SHIFT)
    chain.send_keys(Keys.ARROW_DOWN, Keys.ARROW_DOWN, Keys.ARROW_LEFT).key_up(Keys.SHIFT).perform()
    resized = page.place(rectangle)
    assert resized[2] - wide == pytest.approx(-0.01 * sheet[2], abs=1)
    assert resized[3] - high == pytest.approx(0.02 * sheet[2], abs=1)
    page.wait(
        lambda page: " wide, " in page.run("return document.getElementById('status').textContent")
    )
    page.press(*[Keys.ARROW_LEFT] * 100, *[Keys.ARROW_UP] * 100)
    page.press(Keys.ENTER)
    assert part(page)[:2] == [0, 0]
    assert page.driver.switch_to.active_element == rectangle
    assert page.press(Keys.ESCAPE).get_attribute("id") == "draw"
    assert not rectangle.is_displayed()
    errors = [one for one in page.complaints() if "status of 422" not in one["message"]]
    assert errors == []  # the corner of the page may be blank


def test_a_finger_taps_and_draws_at_phone_width(page: Browser, paper: bytes) -> None:
    page.resize(*PHONE, mobile=True)
    page.driver.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": True})
    try:
        page.send("drop", paper, *PDF)
        page.shows("Page 1 of 3: 2 formulas.")
        page.run("document.getElementById('sheet').scrollIntoView()")
        x, y, wide, high = page.place(page.all(".box")[1])
        page.touch("touchStart", (x + wide / 2, y + high / 2))
        page.touch("touchEnd")
        page.wait(lambda page: page["which"].text == "Formula 2 of 2")
        _, top, _, height = page.place(page["result"])
        assert 0 < top < PHONE[1]
        assert top + height <= PHONE[1] + 1
        assert page.place(page.all(".box")[1])[1] < top  # not behind the reading
        page["close"].click()
        before = page.run("return scrollY")
        page.run("document.getElementById('sheet').scrollIntoView()")
        page.swipe((180, 500), (180, 300))
        page.wait(lambda page: page.run("return scrollY") > before)
        assert not page["rectangle"].is_displayed()  # it scrolled
        page.run("document.getElementById('draw').click()")
        page.run("document.getElementById('sheet').scrollIntoView()")
        left, top, width, tall = page.place(page["sheet"])
        page.swipe((left + 20, top + 80), (left + 200, top + 180))
        sides = part(page)
        assert sides == pytest.approx(
            [20 / width * 468, 80 / tall * 612, 200 / width * 468, 180 / tall * 612], abs=4
        )
        assert page["draw"].get_attribute("aria-pressed") == "false"
        assert page.complaints() == []
    finally:
        page.driver.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": False})


def test_nothing_is_wider_than_a_phone(page: Browser, paper: bytes) -> None:
    def width() -> int:
        return int(page.run("return document.documentElement.scrollWidth"))

    page.resize(*PHONE, mobile=True)
    page.send("drop", paper, "a-very-long-name-" * 8 + ".pdf", PDF[1])
    page.shows("Page 1 of 3: 2 formulas.")
    assert width() <= PHONE[0]
    for _ in range(3):
        page.run("larger.click()")
    assert page["zoom"].text == "300 %"
    assert page.place(page["page"])[2] > 2.5 * PHONE[0]
    assert width() <= PHONE[0]
    page.run("arguments[0].click()", page.all(".box")[0])
    page.reading()
    page.run("start.click()")
    page.shows("All pages are read: 3 formulas.")
    page.run(
        "for (const code of document.querySelectorAll('code'))"
        " code.textContent = '\\\\alpha'.repeat(99)"
    )
    assert width() <= PHONE[0]
    assert page.complaints() == []


def test_the_list_of_all_formulas(document: Browser, tmp_path: Path) -> None:
    page = document
    rights = {"permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"]}
    page.driver.execute_cdp_cmd("Browser.grantPermissions", rights)
    allow = {"behavior": "allow", "downloadPath": str(tmp_path)}
    page.driver.execute_cdp_cmd("Browser.setDownloadBehavior", allow)
    page["start"].click()
    page.shows("All pages are read: 3 formulas.")
    places = [one.text for one in page.all("#formulas .link")]
    assert places == ["Page 1, formula 1", "Page 1, formula 2", "Page 3, formula 1"]
    codes = [one.text for one in page.all("#formulas code")]
    texts = {
        "md": "".join(f"$${code}$$\n\n" for code in codes)[:-1],
        "txt": "".join(f"{code}\n" for code in codes),
    }
    for form in ("md", "txt", "jsonl"):
        page.run("document.getElementById('form').value = arguments[0]", form)
        page["save"].click()
        saved = tmp_path / f"paper-formulas.{form}"
        page.wait(lambda _, saved=saved: saved.exists() and saved.stat().st_size)
        if form in texts:
            assert saved.read_text(encoding="utf-8") == texts[form]
    rows = [json.loads(line) for line in saved.read_text(encoding="utf-8").splitlines()]
    assert [row["path"] for row in rows] == [f"paper.pdf#page={n}" for n in (1, 1, 3)]
    assert [row["latex"] for row in rows] == codes
    assert all(row["unit"] == "pt" and len(row["box"]) == 4 for row in rows)
    page.run("document.getElementById('form').value = 'txt'")
    page["copy-all"].click()
    page.wait(lambda page: page["copy-all"].text == "Copied")
    held = page.driver.execute_async_script("navigator.clipboard.readText().then(arguments[0])")
    assert held == texts["txt"]
    page.all("#formulas .link")[2].click()
    page.wait(lambda page: page["which"].text == "Formula 1 of 1")
    assert page["number"].get_attribute("value") == "3"
    assert page.complaints() == []


def test_the_list_can_be_stopped_and_another_file_ends_it(document: Browser, png: bytes) -> None:
    page = document
    page.run("document.getElementById('start').click(); document.getElementById('stop').click()")
    page.wait(lambda page: page["progress"].text.startswith("Stopped. 0 formulas"))
    page["start"].click()
    page.send("paste", png)
    page.reading()
    assert not page["all"].is_displayed()
    assert page.complaints() == []


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (ENCRYPTED, "it is encrypted and needs a password. Save a copy without the password."),
        (CUT_SHORT, "it is damaged, cut short or has no pages"),
        (EMPTY, "has no pages"),
        (b"", "the file is empty"),
        (of_pages(10_000), "The document has 10,000 pages; 2,000 are the most."),
    ],
)
def test_a_bad_pdf_is_explained(document: Browser, content: bytes, said: str) -> None:
    page = document
    page.send("drop", content, "bad.pdf", PDF[1]) if content else page.run(NOTHING)
    page.shows(said)
    assert "wrong" in page["status"].get_attribute("class")
    assert not page["document"].is_displayed()
    assert not page["all"].is_displayed()
    answered = ("status of 413", "status of 422")
    assert all(any(one in c["message"] for one in answered) for c in page.complaints())


def test_a_blank_page_is_said_to_have_no_formula(page: Browser) -> None:
    page.send("drop", BLANK, *PDF)
    page.shows("no displayed formula was found")
    assert not page["pages"].is_displayed()
    assert page.complaints() == []


def test_a_picture_of_a_page_is_a_document_and_one_of_a_formula_is_not(
    page: Browser, typeset: Callable[..., Any], png: bytes
) -> None:
    held = io.BytesIO()
    typeset(r"x^2+y^2=\frac{1}{z}").save(held, "PNG")
    page.send("paste", held.getvalue())
    page.shows("1 formula. Choose one")
    assert not page["pages"].is_displayed()
    page.all(".box")[0].click()
    page.reading()
    page.send("paste", png)
    page.wait(lambda page: page["preview"].is_displayed())
    page.reading()
    assert not page["document"].is_displayed()
    assert not page["which"].is_displayed()
    assert page.complaints() == []


def test_a_document_that_the_server_deleted_is_sent_again(document: Browser) -> None:
    page = document
    key = page.asked("/documents/")[0].split("/documents/")[1].split("/")[0]
    page.driver.execute_async_script(
        "fetch(`documents/${arguments[0]}`, {method: 'DELETE'}).then(arguments[1])", key
    )
    page.all(".box")[0].click()
    page.reading()
    assert page["which"].text == "Formula 1 of 2"
    assert len(page.asked("/documents/")) > 3


def test_no_other_host_is_asked(document: Browser, url: str) -> None:
    page = document
    page.all(".box")[0].click()
    page.reading()
    page["start"].click()
    page.shows("All pages are read")
    messages = [json.loads(one["message"])["message"] for one in page.driver.get_log("performance")]
    asked = [
        one["params"]["request"]["url"]
        for one in messages
        if one["method"] == "Network.requestWillBeSent"
    ]
    assert sum(one.startswith(url) for one in asked) > 10
    own = (url, f"blob:{url}", "data:", "about:", "chrome:")
    assert [one for one in asked if not one.startswith(own)] == []


def test_everything_has_a_name_for_a_screen_reader(document: Browser) -> None:
    page = document
    page.all(".box")[0].click()
    page.reading()
    page["draw"].click()
    page["start"].click()
    page.shows("All pages are read")
    tree = page.driver.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    seen = [one for one in tree if not one.get("ignored")]
    roles = {
        "button",
        "link",
        "combobox",
        "spinbutton",
        "image",
        "application",
        "navigation",
        "img",
    }
    unnamed = [
        one
        for one in seen
        if one["role"]["value"] in roles and not one.get("name", {}).get("value")
    ]
    assert unnamed == []
    named = {(one["role"]["value"], one.get("name", {}).get("value")) for one in seen}
    assert ("image", "Page 1 of 3") in named
    assert ("button", "Formula 1 of 2") in named
    assert any(role == "application" and name.startswith("Rectangle, ") for role, name in named)
    assert any("math" in role.lower() for role, _ in named)  # the formula itself
    assert sum(one["role"]["value"] == "status" for one in seen) == 2


def test_the_styles_of_mathml_do_not_meet_the_policy(page: Browser) -> None:
    tokens = normalize(r"\begin{cases} a & b \\ c & d \end{cases}").tokens
    mathml = convert(tokens, "mathml").text
    assert " style=" in mathml
    reading = {"milliseconds": 1, "latex": "x", "confidence": 1, "warnings": [], "alternatives": []}
    reading |= {"svg": "<svg xmlns='http://www.w3.org/2000/svg'/>", "formats": {"mathml": mathml}}
    page.driver.execute_async_script(
        "const [reading, done] = arguments;"
        "import('/reading.js').then(({show}) => { show(reading); done(); })",
        reading,
    )
    assert page.all("#formula math mtable")
    assert page.complaints() == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_texts_of_a_document_have_contrast(document: Browser, scheme: str) -> None:
    page = document
    scheme_of = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", scheme_of)
    page["start"].click()
    page.shows("All pages are read")
    for element in (
        "#status",
        "#count",
        "#zoom",
        "#next",
        ".tools a",
        "#progress",
        ".link",
        "code",
    ):
        low, high = sorted(relative_luminance(page, one) for one in (element, "body"))
        assert (high + 0.05) / (low + 0.05) >= 4.5, element


def relative_luminance(page: Browser, element: str) -> float:
    """WCAG 2.2's relative luminance of a text's colour, for body of its background's."""
    what = "backgroundColor" if element == "body" else "color"
    colour = page.run(f"return getComputedStyle(document.querySelector('{element}')).{what}")
    parts = [float(part) / 255 for part in colour[colour.index("(") + 1 : -1].split(",")[:3]]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
