# SPDX-License-Identifier: Apache-2.0
"""A browser loads the sample site from knot: page, style, script and pictures, and has nothing to complain of.

The browser is Debian's Chromium (tests/support/browser.py); without it the cases are skipped. The last class serves pages
that are broken, from this process, and requires that each fault is seen.
"""
import http.server
import pathlib
import sys
import threading
import unittest

import browser
import programs

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import knot_support  # noqa: E402

NOWHERE = "/nowhere"  # the site has a link to it, to show its page of what is missing
SITE = programs.SOURCE / "docs/examples/site"


@unittest.skipIf(browser.ABSENT, browser.ABSENT)
class Browsing(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.chromium = cls.enterClassContext(browser.Browser())

    def is_whole(self, page):
        self.assertEqual((page["status"], page["broken"], page["complaints"]), (200, [], []), page)


@unittest.skipIf(programs.SANITIZED, "the browser sees the release build")
class SampleSite(Browsing):
    def check(self, native):
        with knot_support.Knot(SITE, native=native) as server:
            address = f"http://{knot_support.HOST}:{server.port}"
            page = self.chromium.visit(address + "/")
            self.is_whole(page)
            self.assertTrue(page["title"])
            kinds = {"styles": page["styles"], "scripts": page["scripts"], "pictures": page["pictures"]}
            self.assertTrue(all(kinds.values()), kinds)
            self.assertGreaterEqual(len(page["resources"]), 3)
            self.is_whole(self.chromium.reload())
            self.assertEqual({link: self.chromium.status_of(link) for link in page["links"]},
                             {link: 404 if link.endswith(NOWHERE) else 200 for link in page["links"]})
            missing = self.chromium.visit(address + NOWHERE)
            self.assertEqual(missing["status"], 404)
            self.assertTrue(missing["text"].strip(), "the page of a missing file is empty")

    def test_knot(self):
        self.check(native=False)

    def test_knot_on_kernel_threads(self):
        self.check(native=True)


class BrokenPages(http.server.BaseHTTPRequestHandler):
    pages = {
        "/whole": "<title>t</title><link rel=icon href=data:,><script src=/s.js></script>text",
        "/picture": "<link rel=icon href=data:,><img src=/s.js>",
        "/missing-script": "<link rel=icon href=data:,><script src=/none.js></script>",
        "/empty-style": "<link rel=icon href=data:,><link rel=stylesheet href=/empty.css>",
        "/error": "<link rel=icon href=data:,><script>undefined_function()</script>",
        "/s.js": "let x = 1;",
        "/empty.css": " ",
    }

    def do_GET(self):
        text = self.pages.get(self.path)
        kind = {"js": "text/javascript", "css": "text/css"}.get(self.path.rpartition(".")[2], "text/html")
        self.send_response(200 if text else 404)
        self.send_header("Content-Type", kind)
        self.end_headers()
        self.wfile.write((text or "").encode())

    def log_message(self, *_):
        pass


@unittest.skipIf(programs.SANITIZED, "the browser sees the release build")
class Faults(Browsing):
    """The checks above can fail."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), BrokenPages)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        cls.addClassCleanup(server.server_close)
        cls.addClassCleanup(thread.join)
        cls.addClassCleanup(server.shutdown)
        cls.address = f"http://127.0.0.1:{server.server_address[1]}"

    def test_a_whole_page_passes(self):
        self.is_whole(self.chromium.visit(self.address + "/whole"))

    def test_broken_pages_are_seen(self):
        for path in ("/picture", "/missing-script", "/empty-style", "/error", "/no-page"):
            with self.subTest(path), self.assertRaises(AssertionError):
                self.is_whole(self.chromium.visit(self.address + path))


if __name__ == "__main__":
    unittest.main()
