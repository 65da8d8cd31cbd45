"""Opens pages of `fleet report --format html` in Chromium, uses them as a reader would, and looks for
what a page must not do: complain, load anything, or let an instance's text come to life.

Arguments: the program, a directory to work in, and one for the screenshots.
"""

import base64
import json
import os
import subprocess
import sys
import time

from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-dev-shm-usage", "--window-size=1280,900",
]

TEN_THOUSAND = """
speed = 5.0
[[group]]
name = "web"
size = 10000
zones = ["us-east-1a", "us-east-1b", "us-east-1c"]
[[outcome]]
instances = [17, 4711, 9999]
after = "9s"
exit = 1
stderr = "no space left"
[[outcome]]
instances = [5000]
status = "Undeliverable"
[[outcome]]
after = "20s"
stdout = "up"
"""

HOSTILE = r"""
speed = 50.0
[[group]]
name = "web"
size = 4
[[outcome]]
instances = [0, 1]
exit = 1
stdout = "</script><script>window.owned = 1</script><img src=x onerror='window.owned = 1'>"
stderr = "<!-- <svg onload=\"window.owned = 1\"> \u202efdp.exe \u001b[2J"
[[outcome]]
stdout = "%s"
""" % ("x" * 24_000)


class Page:
    """A page that is open, with everything that it tried."""

    def __init__(self, profile):
        options = webdriver.ChromeOptions()
        options.binary_location = os.environ.get("FLEET_TEST_CHROMIUM", "/usr/bin/chromium")
        for flag in [*FLAGS, f"--user-data-dir={profile}"]:
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        service = webdriver.ChromeService(executable_path=os.environ.get("FLEET_TEST_CHROMEDRIVER", "/usr/bin/chromedriver"))
        self.driver = webdriver.Chrome(options=options, service=service)
        self.driver.set_page_load_timeout(60)

    def open(self, path):
        # What the browser's own first page did is no concern of ours.
        self.driver.get("about:blank")
        for kind in ["browser", "performance"]:
            self.driver.get_log(kind)
        self.driver.get("file://" + path)
        self.wait(lambda: self.one("#instances").is_displayed())

    def one(self, selector):
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def all(self, selector):
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def wait(self, is_so):
        WebDriverWait(self.driver, 30, poll_frequency=0.02).until(lambda _: is_so())

    def shows(self, text):
        self.wait(lambda: self.text("#shown") == text)

    def run(self, script, *args):
        return self.driver.execute_script(script, *args)

    def text(self, selector):
        """At once: what is redrawn meanwhile would be stale."""
        return self.run("return document.querySelector(arguments[0]).textContent", selector)

    def column(self, n):
        script = "return [...document.querySelectorAll(arguments[0])].map((it) => it.textContent)"
        return self.run(script, f"#rows tbody tr[data-row] td:nth-child({n})")

    def click_row(self):
        self.run("document.querySelector('#rows tbody tr[data-row] td').click()")

    def search(self, text):
        box = self.one("#search")
        box.clear()
        box.send_keys(text)

    def must_be_clean(self):
        """Nothing on the console, nothing asked of anybody, and no text has become markup."""
        console = self.driver.get_log("browser")
        assert not console, console
        messages = [json.loads(it["message"])["message"] for it in self.driver.get_log("performance")]
        urls = [it["params"]["request"]["url"] for it in messages if it["method"] == "Network.requestWillBeSent"]
        assert urls and all(it.startswith("file://") for it in urls), urls
        assert self.run("return window.owned") is None
        assert len(self.all("script")) == 2 and not self.all("img, iframe, svg[onload], [onerror]")

    def must_have_the_totals_of(self, path):
        """What is drawn and what the table holds are what the report in JSON says."""
        with open(path.removesuffix(".html") + ".json", encoding="utf-8") as file:
            totals = json.load(file)["totals"]
        script = "return [...document.querySelectorAll('.legend li')].map((it) => [it.dataset.outcome, it.textContent])"
        legend = {outcome: int(text.split()[0]) for outcome, text in self.run(script)}
        assert legend == totals, (legend, totals)
        for outcome, n in totals.items():
            self.run("document.querySelector(arguments[0]).click()", f".legend li[data-outcome={outcome}]")
            self.wait(lambda: self.text("#shown").startswith(f"{n} of "))
            self.one("#all").click()
            self.wait(lambda: " of " not in self.text("#shown"))

    def shoot(self, folder, name):
        for scheme in ["light", "dark"]:
            features = [{"name": "prefers-color-scheme", "value": scheme}]
            self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
            colour = self.run("return getComputedStyle(document.body).backgroundColor")
            brightness = int(colour.split("(")[1].split(",")[0])
            assert (brightness > 128) == (scheme == "light"), colour
            self.driver.save_screenshot(os.path.join(folder, f"{name}-{scheme}.png"))
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})

    def shoot_whole(self, folder, name):
        height = self.run("return document.documentElement.scrollHeight")
        self.driver.set_window_size(1280, height + 140)
        self.shoot(folder, name)
        self.driver.set_window_size(1280, 900)


def report(program, work, name, world, *flags):
    path = os.path.join(work, name)
    call = [program, "run", f"--sim={world}", "--asg", "web", *flags, "--report", path + ".html", "--report", path + ".json",
            "--quiet", "--", "true"]
    env = {"PATH": os.environ["PATH"], "HOME": work, "XDG_STATE_HOME": os.path.join(work, "state")}
    done = subprocess.run(call, env=env, capture_output=True, text=True, timeout=240)
    assert done.returncode in (0, 1), (call, done.returncode, done.stderr)
    return path + ".html"


def world(work, name, text):
    path = os.path.join(work, name + ".toml")
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


def two_hundred(page, path, shots):
    page.open(path)
    page.shows("200 instances")
    assert page.text("h1").startswith("189 of 200 instances succeeded"), page.text("h1")
    page.shoot_whole(shots, "two-hundred")
    # Who failed stands first; a click on a head sorts by it, a second one the other way round.
    assert page.column(5)[:6] == ["failed"] * 6
    head = page.one("th[data-column=took] button")
    head.click()
    page.wait(lambda: page.column(7)[0] == "2.0s")
    head.click()
    page.wait(lambda: page.column(7)[:2] == ["40s", "40s"])
    assert page.one("th[data-column=took]").get_attribute("aria-sort") == "descending"
    # Output is searched as well as names.
    page.search("No Space LEFT")
    page.shows("6 of 200 instances")
    page.click_row()
    page.wait(lambda: page.one("#detail").is_displayed())
    first = page.text("#detail h2")
    assert first == page.column(1)[0] + " failed", first
    assert "df: /: No space left on device" in page.text("#detail pre:last-of-type")
    page.one("body").send_keys(Keys.ARROW_DOWN)
    page.wait(lambda: page.text("#detail h2") == page.column(1)[1] + " failed")
    page.shoot(shots, "two-hundred-open")
    page.one("body").send_keys(Keys.ESCAPE)
    page.wait(lambda: not page.one("#detail").is_displayed())
    page.one("#all").click()
    page.shows("200 instances")
    # The legend and the groups are ways to the rows that they count.
    page.one(".legend li[data-outcome=undeliverable]").click()
    page.shows("3 of 200 instances")
    page.one("#all").click()
    page.one(".groups details[open] button").click()
    page.shows("6 of 200 instances")
    page.search("there is no such thing")
    page.shows("0 of 200 instances")
    page.one("#all").click()
    page.shows("200 instances")
    # The timeline says whose line it is, and a click opens that.
    page.run("document.getElementById('timeline').scrollIntoView()")
    webdriver.ActionChains(page.driver).move_to_element(page.one("#timeline")).perform()
    page.wait(lambda: page.text("#under").startswith("i-"))
    webdriver.ActionChains(page.driver).click(page.one("#timeline")).perform()
    page.wait(lambda: page.one("#detail").is_displayed())
    page.one("body").send_keys(Keys.ESCAPE)
    # On paper and on a telephone.
    pdf = page.driver.execute_cdp_cmd("Page.printToPDF", {"printBackground": True})
    with open(os.path.join(shots, "two-hundred.pdf"), "wb") as file:
        file.write(base64.b64decode(pdf["data"]))
    page.driver.set_window_size(500, 900)
    wide = page.run("return document.documentElement.scrollWidth - innerWidth")
    assert wide <= 0, f"it is {wide} pixels wider than a telephone"
    page.run("scrollTo(0, 0)")
    page.shoot(shots, "telephone")
    page.driver.set_window_size(1280, 900)
    page.must_be_clean()


def ten_thousand(page, path, shots):
    begin = time.monotonic()
    page.open(path)
    page.shows("10000 instances")
    loaded = time.monotonic() - begin
    page.shoot_whole(shots, "ten-thousand")
    # Few of them are in the page at once, and the last one can be reached.
    assert len(page.all("tr[data-row]")) < 200
    assert page.column(5)[:4] == ["failed"] * 3 + ["undeliverable"]
    page.run("const it = document.getElementById('rows'); it.scrollTop = it.scrollHeight")
    rows = page.run("return JSON.parse(document.getElementById('data').textContent).rows")
    worst_first = sorted(rows, key=lambda row: row[4])
    last = worst_first[-1][0]
    page.wait(lambda: page.column(1)[-1] == last)
    begin = time.monotonic()
    page.search("no space left")
    page.shows("3 of 10000 instances")
    page.one("#all").click()
    page.shows("10000 instances")
    page.one("th[data-column=id] button").click()
    page.wait(lambda: page.column(1) == sorted(page.column(1)))
    used = time.monotonic() - begin
    page.must_be_clean()
    size = os.path.getsize(path) / 1e6
    print(f"10,000 rows, {size:.1f} MB: open after {loaded:.1f} s, searched and sorted in {used:.1f} s")


def hostile(page, path, shots):
    page.open(path)
    page.shows("4 instances")
    assert "<script>window.owned" in page.text(".groups pre")
    page.click_row()
    page.wait(lambda: page.one("#detail").is_displayed())
    assert "</script><script>window.owned" in page.text("#detail pre")
    page.shoot(shots, "hostile")
    page.must_be_clean()
    # Even what got in would not run: the policy knows one script, and no place to send anything to.
    page.run("const it = document.createElement('script'); it.textContent = 'window.owned = 1'; document.body.append(it)")
    page.run("fetch('http://127.0.0.1:9/').catch(() => { window.refused = true })")
    page.wait(lambda: page.run("return window.refused") is True)
    assert page.run("return window.owned") is None
    said = " ".join(it["message"] for it in page.driver.get_log("browser"))
    assert said.count("Content Security Policy") >= 2, said


def main(program, work, shots):
    os.makedirs(shots, exist_ok=True)
    pages = {
        two_hundred: report(program, work, "two-hundred", os.path.join(ROOT, "examples/worlds/two-hundred.toml"),
                            "--max-errors", "10%", "--max-concurrency", "20%", "--waves", "5,100%"),
        hostile: report(program, work, "hostile", world(work, "hostile", HOSTILE), "--max-errors", "4"),
        ten_thousand: report(program, work, "ten-thousand", world(work, "ten-thousand", TEN_THOUSAND),
                             "--max-errors", "10", "--max-concurrency", "100%"),
    }
    page = Page(os.path.join(work, "profile"))
    try:
        for check, path in pages.items():
            page.open(path)
            page.must_have_the_totals_of(path)
            check(page, path, shots)
            print(f"{check.__name__}: the totals of the JSON, no complaint, no request, no markup of an instance's")
    finally:
        page.driver.quit()


main(*sys.argv[1:])
