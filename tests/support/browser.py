# SPDX-License-Identifier: Apache-2.0
"""A headless Chromium, driven through chromedriver (the WebDriver protocol: JSON over HTTP).

    with browser.Browser() as chromium:
        page = chromium.visit("http://127.0.0.1:8080/")
        page["status"], page["resources"], page["broken"], page["complaints"]

It talks to this machine only, and its profile is a folder that ends with it.
"""
import json
import os
import shutil
import signal
import subprocess
import tempfile
import urllib.request

import programs

SECONDS = 30
ARGUMENTS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
             "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
             "--window-size=1200,900")
ABSENT = None if shutil.which("chromium") and shutil.which("chromedriver") else (
    "needs chromium and chromedriver, which `./dev test --browser` installs")
# What a page is made of. A style sheet without rules, a picture without a size or an answer other than 200 is broken.
LOOK = """
const navigation = performance.getEntriesByType('navigation')[0];
const resources = performance.getEntriesByType('resource').map(
    entry => ({url: entry.name, kind: entry.initiatorType, status: entry.responseStatus, bytes: entry.decodedBodySize}));
const broken = resources.filter(entry => entry.status !== 200 || (entry.bytes === 0 && entry.kind !== 'fetch')).map(entry => entry.url);
for (const link of document.querySelectorAll('link[rel=stylesheet]'))
    if (!link.sheet || link.sheet.cssRules.length === 0) broken.push(link.href);
for (const image of document.images)
    if (!image.complete || image.naturalWidth === 0) broken.push(image.src);
const links = [...document.querySelectorAll('a[href]')].map(a => a.href.split('#')[0])
    .filter(href => href.startsWith(location.origin));
return {status: navigation.responseStatus, title: document.title, text: document.body.innerText, resources, broken,
        pictures: document.images.length, scripts: document.querySelectorAll('script[src]').length,
        styles: document.styleSheets.length, links: [...new Set(links)]};
"""


class Browser:
    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix="rondo-browser-")
        port = programs.free_port()
        self.address = f"http://127.0.0.1:{port}"
        self.driver = subprocess.Popen(["chromedriver", f"--port={port}"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                       stderr=subprocess.DEVNULL, env={**programs.environment(), "HOME": self.folder})
        try:
            if not programs.wait_until(self.is_ready, SECONDS):
                raise RuntimeError("chromedriver does not answer")
            self.address += "/session/" + self.start_session()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        try:
            self.call("DELETE", "")
        except OSError:
            pass  # it is killed below
        self.driver.kill()
        self.driver.wait()
        programs.wait_until(lambda: not self.kill_processes())
        shutil.rmtree(self.folder, ignore_errors=True)

    def kill_processes(self):
        """Kills what has this browser's folder on its command line; how many there were. Chromium's processes are in
        sessions of their own."""
        killed = 0
        for process in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{process}/cmdline", "rb") as words:
                    if self.folder.encode() in words.read():
                        os.kill(int(process), signal.SIGKILL)
                        killed += 1
            except (FileNotFoundError, ProcessLookupError):
                pass
        return killed

    def is_ready(self):
        try:
            return self.call("GET", "/status")["ready"]
        except OSError:
            return False

    def start_session(self):
        options = {"binary": shutil.which("chromium"), "args": [*ARGUMENTS, f"--user-data-dir={self.folder}/profile"]}
        wanted = {"browserName": "chrome", "goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"},
                  "timeouts": {"pageLoad": SECONDS * 1000, "script": SECONDS * 1000}}
        return self.call("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})["sessionId"]

    def call(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.address + path, data, {"Content-Type": "application/json"}, method=method)
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:
            return json.load(answer)["value"]

    def run(self, script):
        return self.call("POST", "/execute/sync", {"script": script, "args": []})

    def visit(self, url):
        self.complaints()  # what is left of an earlier page
        self.call("POST", "/url", {"url": url})
        return self.look()

    def reload(self):
        self.call("POST", "/refresh", {})
        return self.look()

    def look(self):
        """What LOOK finds, and what the console complained of."""
        return {**self.run(LOOK), "complaints": self.complaints()}

    def complaints(self):
        entries = self.call("POST", "/se/log", {"type": "browser"})
        return [entry["message"] for entry in entries if entry["level"] in ("SEVERE", "WARNING")]

    def status_of(self, url):
        return self.run(f"return fetch({json.dumps(url)}).then(answer => answer.status)")
