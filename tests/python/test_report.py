"""The HTML reports in a real headless Chromium: what an auditor sees in light and dark, on paper, on a narrow screen, and
with a keyboard. Screenshots are kept in target/screenshots."""

import base64
import functools
import json
import pathlib
import re
import sys
import tempfile
import unittest

import browser
import support

HERE = pathlib.Path(__file__).parent
SCREENSHOTS = support.ROOT / "target" / "screenshots"
PAGES = ("verify", "coverage")
MISSING = "Chromium is not installed: NOTHING about the look and the use of the reports was tested (apt-get install chromium)"

# Another plan of somebody's, at the same hour as ours, that takes one of our servers; and one without VSS.
STRANGERS = support.stack("legacy") + """
[role.LegacyBackup]
preset = "backup-service"

[vault.legacy]

[plan.legacy]
windows_vss = true

[plan.legacy.rule.evening]
vault    = "legacy"
schedule = "cron(30 18 ? * * *)"
timezone = "Asia/Tokyo"

[plan.legacy.selection.one]
role  = "LegacyBackup"
match = { all = { Name = "sql-1" } }

[plan.images]

[plan.images.rule.weekly]
vault    = "legacy"
schedule = "cron(0 6 ? * 1 *)"

[plan.images.selection.erp]
role  = "LegacyBackup"
match = { like = { Name = "erp-2*" } }
"""

# The contrast of every text that is seen, with what is behind it: the worst come back.
CONTRAST = """(() => {
  const parse = colour => (colour.match(/[\\d.]+/g) || []).map(Number);
  const light = channels => {
    const [r, g, b] = channels.map(c => c / 255).map(c => c <= .04045 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4);
    return .2126 * r + .7152 * g + .0722 * b;
  };
  const behind = element => {
    for (let one = element; one; one = one.parentElement) {
      const [r, g, b, a = 1] = parse(getComputedStyle(one).backgroundColor);
      if (a === 1) return [r, g, b];
      if (a > 0) throw new Error('half transparent: ' + one.outerHTML.slice(0, 100));
    }
    throw new Error('no background');
  };
  const found = [];
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement;
    if (!texts.currentNode.data.trim() || !element.checkVisibility() || element.closest('title, desc, style')) continue;
    const style = getComputedStyle(element);
    const ink = parse(element.closest('svg') ? style.fill : style.color);
    const [one, other] = [light(ink), light(behind(element))].sort((a, b) => b - a);
    found.push([(one + .05) / (other + .05), texts.currentNode.data.trim().slice(0, 40)]);
  }
  return [found.length, found.filter(([ratio]) => ratio < 4.5)];
})()"""

# What of the page is wider than its window, outside of what scrolls by itself.
OVERFLOW = """(() => {
  const root = document.scrollingElement;
  const wide = [...document.querySelectorAll('body *')]
    .filter(one => one.checkVisibility() && !one.closest('.table, .skip') && one.getBoundingClientRect().right > innerWidth + 1)
    .map(one => one.outerHTML.slice(0, 120));
  return [root.scrollWidth - innerWidth, wide];
})()"""

OPEN_ALL = "document.querySelectorAll('details').forEach(one => one.open = true)"
CLOSE_ALL = "document.querySelectorAll('details').forEach(one => one.open = false)"


def setUpModule():
    if browser.binary() is None:
        print(f"\n*** SKIPPED: {MISSING} ***\n", file=sys.stderr)
        raise unittest.SkipTest(MISSING)


def make_reports(folder):
    """A sandbox with a month of backups, and its two pages."""
    vssctl = support.Vssctl(folder)
    vssctl.write((support.ROOT / "vss.toml").read_text())
    vssctl.write(STRANGERS, "legacy.toml")
    vssctl.run("apply", "--yes", "--allow", "broad-selection")
    vssctl.run("sandbox", "load", str(HERE / "report_fleet.toml"))
    vssctl.run("--file", "legacy.toml", "apply", "--yes", "--allow", "broad-selection,backed-up-twice")
    for name in PAGES:
        for form in ("html", "json"):
            vssctl.write(vssctl.run(name, "--format", form, expect=8).stdout, f"{name}.{form}")


def on_each_page(test):
    @functools.wraps(test)
    def run(self):
        for name in PAGES:
            with self.subTest(page=name):
                test(self, name)

    return run


class Reports(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        make_reports(cls.folder)
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        for name in PAGES:
            (SCREENSHOTS / f"{name}.html").write_bytes((cls.folder / f"{name}.html").read_bytes())
        cls.page = cls.enterClassContext(browser.browser())

    def open(self, name, width=1280, scheme="light", kind="screen"):
        self.page.size(width)
        self.page.media(scheme, kind)
        self.page.open(self.folder / f"{name}.html")

    def picture(self, name):
        height = self.page.evaluate("document.documentElement.scrollHeight")
        width = self.page.evaluate("innerWidth")
        clip = {"x": 0, "y": 0, "width": width, "height": min(height, 12_000), "scale": 1}
        picture = self.page.call("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip)
        (SCREENSHOTS / f"{name}.png").write_bytes(base64.b64decode(picture["data"]))

    @on_each_page
    def test_a_page_asks_for_nothing_and_the_console_is_empty(self, name):
        self.open(name)
        self.page.evaluate(OPEN_ALL)
        self.assertEqual(self.page.requests(), [])
        self.assertEqual(self.page.complaints(), [])
        self.assertEqual(self.page.evaluate("document.scripts.length"), 0)
        self.assertEqual(self.page.evaluate("performance.getEntriesByType('resource').length"), 0)

    def test_nothing_that_slips_in_could_run_or_load(self):
        self.open("verify")
        self.page.evaluate(
            "document.body.append(Object.assign(document.createElement('img'), {src: 'http://127.0.0.1:9/x.png'}),"
            "Object.assign(document.createElement('script'), {textContent: 'document.title = \"run\"'}));"
            "new Promise(done => setTimeout(done, 200))"
        )
        self.assertNotEqual(self.page.evaluate("document.title"), "run")
        blocked = [str(entry) for entry in self.page.complaints()]
        self.assertGreaterEqual(sum("Content Security Policy" in entry for entry in blocked), 2, blocked)

    def test_the_page_says_what_the_json_says(self):
        self.open("verify")
        report = json.loads((self.folder / "verify.json").read_text())
        counts = {}
        for instance in report["findings"]:
            counts[instance["verdict"]] = counts.get(instance["verdict"], 0) + 1
        shown = self.page.evaluate("[...document.querySelectorAll('.counts li')].map(one => one.textContent)")
        shown = {word: int(count) for count, word in (one.split(" ", 1) for one in shown)}
        self.assertEqual({word: count for word, count in shown.items() if count}, counts)
        self.assertGreaterEqual(set(counts), {"consistent", "crash-only", "pending"})
        text = self.page.evaluate("document.body.textContent")
        for instance in report["findings"]:
            self.assertIn(instance["id"], text)
        self.assertIn("Simulated account.", text)

    @on_each_page
    def test_text_is_readable_in_light_dark_and_print(self, name):
        for scheme, kind in (("light", "screen"), ("dark", "screen"), ("dark", "print")):
            with self.subTest(scheme=scheme, kind=kind):
                self.open(name, scheme=scheme, kind=kind)
                self.page.evaluate(OPEN_ALL)
                checked, poor = self.page.evaluate(CONTRAST)
                self.assertGreater(checked, 100)
                self.assertEqual(poor, [])
                background = self.page.evaluate("getComputedStyle(document.body).backgroundColor")
                dark = scheme == "dark" and kind == "screen"
                self.assertEqual(background == "rgb(255, 255, 255)", not dark)

    @on_each_page
    def test_no_page_is_wider_than_its_window(self, name):
        # 320 is 1280 at 400 %; 640 is 1280 at 200 %.
        for width in (320, 360, 640, 1280):
            with self.subTest(width=width):
                self.open(name, width=width)
                for state in (CLOSE_ALL, OPEN_ALL):
                    self.page.evaluate(state)
                    self.assertEqual(self.page.evaluate(OVERFLOW), [0, []])

    @on_each_page
    def test_a_keyboard_reaches_the_evidence_and_opens_it(self, name):
        self.open(name)
        self.page.press("Tab", 9)
        self.assertEqual(self.page.evaluate("document.activeElement.className"), "skip")
        self.assertTrue(self.page.evaluate("document.activeElement.getBoundingClientRect().left >= 0"))
        self.page.press("Enter", 13, "\r")
        self.assertEqual(self.page.evaluate("location.hash"), "#main")
        for _ in range(60):
            self.page.press("Tab", 9)
            if self.page.evaluate("!!document.activeElement.closest('.instance summary')"):
                break
        self.assertEqual(self.page.evaluate("document.activeElement.tagName"), "SUMMARY")
        outline = self.page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        self.assertEqual(outline, "solid")
        is_open = "document.activeElement.parentElement.open"
        self.assertFalse(self.page.evaluate(is_open))
        self.page.press("Enter", 13, "\r")
        self.assertTrue(self.page.evaluate(is_open))
        # A table that scrolls by itself is the next stop: it can be scrolled with the arrow keys.
        self.page.press("Tab", 9)
        self.assertTrue(self.page.evaluate("!!document.activeElement.closest('details[open] [tabindex], details[open] a')"))

    @on_each_page
    def test_paper_has_everything_open_and_nothing_dark(self, name):
        self.open(name, scheme="dark", kind="print")
        self.page.evaluate(CLOSE_ALL)
        hidden = self.page.evaluate(
            "[...document.querySelectorAll('details > .inside')].filter(one => one.offsetHeight === 0 || !one.checkVisibility()).length"
        )
        self.assertEqual(hidden, 0)
        self.assertGreater(self.page.evaluate("document.querySelectorAll('details > .inside').length"), 3)
        pdf = self.page.call("Page.printToPDF", printBackground=False, preferCSSPageSize=True)["data"]
        (SCREENSHOTS / f"{name}.pdf").write_bytes(base64.b64decode(pdf))

    @on_each_page
    def test_the_page_has_landmarks_names_and_headings_in_order(self, name):
        self.open(name)
        self.page.evaluate(OPEN_ALL)
        self.assertEqual(self.page.evaluate("document.documentElement.lang"), "en")
        self.assertRegex(self.page.evaluate("document.title"), r"^Backup .*windows-backup, 123456789012, \d{4}-\d\d-\d\d$")
        levels = self.page.evaluate("[...document.querySelectorAll('h1,h2,h3,h4,h5')].map(one => +one.tagName[1])")
        self.assertEqual((levels[0], levels.count(1)), (1, 1))
        self.assertTrue(all(later - earlier <= 1 for earlier, later in zip(levels, levels[1:])), levels)
        for landmark in ("header", "nav", "main", "footer"):
            self.assertGreaterEqual(self.page.evaluate(f"document.querySelectorAll('body > {landmark}, main > {landmark}').length"), 1)
        lost = "[...document.querySelectorAll('a[href^=\"#\"]')].filter(one => !document.getElementById(one.hash.slice(1))).length"
        self.assertEqual(self.page.evaluate(lost), 0)
        double = "(() => { const all = [...document.querySelectorAll('[id]')].map(one => one.id); return all.length - new Set(all).size; })()"
        self.assertEqual(self.page.evaluate(double), 0)
        tables = "[...document.querySelectorAll('table')].filter(one => !one.caption || [...one.querySelectorAll('th')].some(th => !th.scope)).length"
        self.assertEqual(self.page.evaluate(tables), 0)
        nodes = self.page.call("Accessibility.getFullAXTree")["nodes"]
        nameless = [
            node["role"]["value"]
            for node in nodes
            if not node.get("ignored")
            and node["role"]["value"] in {"image", "img", "link", "heading", "table", "region"}
            and not node.get("name", {}).get("value")
        ]
        self.assertEqual(nameless, [])

    def test_the_chart_and_its_table_have_the_same_numbers(self):
        self.open("verify")
        said = self.page.evaluate("[...document.querySelectorAll('.chart g > title')].map(one => one.textContent)")
        rows = self.page.evaluate(
            "[...document.querySelectorAll('figure + details tbody tr')].map(row => [...row.cells].map(cell => cell.textContent))"
        )
        names = self.page.evaluate(
            "[...document.querySelectorAll('figure + details thead th')].slice(1).map(cell => cell.textContent)"
        )
        in_table = {row[0]: {name: int(count) for name, count in zip(names, row[1:]) if count != "0"} for row in rows[:-1]}
        in_chart = {
            day: {word: int(count) for count, word in re.findall(r"(\d+) ([^,]+)", counts)}
            for day, counts in (one.split(": ", 1) for one in said)
        }
        self.assertEqual({day: counts for day, counts in in_table.items() if counts}, in_chart)
        self.assertGreater(len(in_chart), 25)
        # The heights of the bars are the numbers, to a tenth.
        bars = self.page.evaluate(
            "[...document.querySelectorAll('.chart g')].map(one => [...one.querySelectorAll('rect')].map(bar => bar.height.baseVal.value))"
        )
        totals = [sum(counts.values()) for counts in in_chart.values()]
        scale = max(sum(bar) for bar in bars) / max(totals)
        for heights, counts in zip(bars, in_chart.values()):
            self.assertEqual(len(heights), len(counts))
            for height, count in zip(heights, counts.values()):
                self.assertAlmostEqual(height, count * scale, delta=0.2)

    @on_each_page
    def test_screenshots_for_people(self, name):
        for label, width, scheme, state in (
            ("light", 1280, "light", CLOSE_ALL),
            ("dark", 1280, "dark", CLOSE_ALL),
            ("narrow", 360, "light", CLOSE_ALL),
            ("open", 1280, "light", OPEN_ALL),
        ):
            self.open(name, width=width, scheme=scheme)
            self.page.evaluate(state)
            self.picture(f"{name}-{label}")
            self.assertGreater((SCREENSHOTS / f"{name}-{label}.png").stat().st_size, 10_000)


if __name__ == "__main__":
    unittest.main()
