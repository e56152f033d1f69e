"""The page in a real browser: Chromium, driven by Selenium."""

import base64
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from im2latex_cli.serve.app import Server
from im2latex_cli.services.documents import open_document
from im2latex_cli.services.serve import Answers
from im2latex_cli.settings.sections import DecodeSettings, RuntimeSettings, ServeSettings
from im2latex_cli.settings.tree import Settings

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
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
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
