# SPDX-License-Identifier: MIT
"""A headless Chromium, spoken to by DevTools over a pipe. Standard library.

    with Chromium() as browser:
        tab = browser.open("file:///...", 1366, 768)
        tab.key("ArrowRight")
        tab.value("document.title")
"""
import base64
import json
import os
import select
import shutil
import signal
import subprocess
import tempfile
import time

NAMES = ("chromium", "chromium-browser", "google-chrome",
         "google-chrome-stable")
SECONDS = 120  # for one answer, on a slow and busy machine

# What a real keyboard sends: code and the Windows key code, for each key.
KEYS = {"ArrowRight": 39, "ArrowLeft": 37, "ArrowUp": 38,
        "ArrowDown": 40, "PageDown": 34, "PageUp": 33,
        "Home": 36, "End": 35, "Tab": 9, "Enter": 13, "Escape": 27}


def find():
    for name in NAMES:
        path = shutil.which(name)
        if path:
            return path
    return None


class Chromium:
    def __init__(self, *arguments):
        self.arguments = arguments
        self.number = 0
        self.buffer = b""
        self.events = []

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix="reveil-page-")
        to_read, self.to_write = os.pipe()
        self.from_read, from_write = os.pipe()

        def descriptors():
            # 3 and 4 are the browser's; the copies stay clear of them.
            read, write = os.dup(to_read), os.dup(from_write)
            while read < 5 or write < 5:
                read, write = os.dup(read), os.dup(write)
            os.dup2(read, 3)
            os.dup2(write, 4)

        self.process = subprocess.Popen(
            [find(), "--headless=new", "--remote-debugging-pipe",
             "--user-data-dir=" + self.folder, "--no-first-run",
             "--disable-gpu", "--disable-dev-shm-usage", "--no-sandbox",
             "--disable-background-networking", "--hide-scrollbars",
             "--disable-component-update", *self.arguments],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, preexec_fn=descriptors,
            close_fds=False, start_new_session=True)
        os.close(to_read)
        os.close(from_write)
        return self

    def __exit__(self, *_):
        try:
            self.send("Browser.close")
            self.process.wait(10)
        except (OSError, TimeoutError, RuntimeError,
                subprocess.TimeoutExpired):
            pass
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
        os.close(self.to_write)
        os.close(self.from_read)
        shutil.rmtree(self.folder, ignore_errors=True)

    def read(self, deadline):
        while b"\0" not in self.buffer:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.from_read], [], [],
                                              left)[0]:
                raise TimeoutError("Chromium does not answer")
            data = os.read(self.from_read, 1 << 20)
            if not data:
                raise RuntimeError("Chromium has ended")
            self.buffer += data
        message, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(message)

    def send(self, method, parameters=None, session=None):
        self.number += 1
        message = {"id": self.number, "method": method,
                   "params": parameters or {}}
        if session:
            message["sessionId"] = session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self.to_write, data):]
        deadline = time.monotonic() + SECONDS
        while True:
            answer = self.read(deadline)
            if answer.get("id") == self.number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]
            self.events.append(answer)

    def open(self, url, width=1366, height=768, **media):
        target = self.send("Target.createTarget", {"url": "about:blank"})
        session = self.send("Target.attachToTarget", {
            "targetId": target["targetId"], "flatten": True})["sessionId"]
        tab = Tab(self, session, target["targetId"])
        for domain in ("Page", "Runtime", "Network", "Log"):
            tab.send(domain + ".enable")
        tab.size(width, height)
        tab.media(**media)
        tab.go(url)
        return tab


class Tab:
    def __init__(self, browser, session, target):
        self.browser = browser
        self.session = session
        self.target = target

    def send(self, method, **parameters):
        return self.browser.send(method, parameters, self.session)

    def close(self):
        self.browser.send("Target.closeTarget", {"targetId": self.target})

    def go(self, url):
        self.send("Page.navigate", url=url)
        deadline = time.monotonic() + SECONDS
        while self.value("location.href") == "about:blank" or \
                self.value("document.readyState") != "complete":
            if time.monotonic() > deadline:
                raise TimeoutError(url)
            time.sleep(.02)

    def size(self, width, height, zoom=1):
        """zoom 2 is what ctrl-+ to 200 % does: half the CSS pixels."""
        self.send("Emulation.setDeviceMetricsOverride",
                  width=round(width / zoom), height=round(height / zoom),
                  deviceScaleFactor=zoom, mobile=False)

    def media(self, scheme="light", motion="no-preference", kind=""):
        self.send("Emulation.setEmulatedMedia", media=kind, features=[
            {"name": "prefers-color-scheme", "value": scheme},
            {"name": "prefers-reduced-motion", "value": motion}])

    def value(self, expression):
        result = self.send("Runtime.evaluate", expression=expression,
                           returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in result:
            details = result["exceptionDetails"]
            raise RuntimeError(details.get("exception", {}).get(
                "description") or details["text"])
        return result["result"].get("value")

    def wait(self, expression):
        """Until the expression is true; the value it has then."""
        deadline = time.monotonic() + SECONDS
        while True:
            value = self.value(expression)
            if value:
                return value
            if time.monotonic() > deadline:
                raise TimeoutError(expression)
            time.sleep(.02)

    def key(self, key, shift=False):
        event = {"key": key, "modifiers": 8 if shift else 0}
        if key in KEYS:
            event.update(code=key, windowsVirtualKeyCode=KEYS[key])
            if key == "Enter":
                event["text"] = "\r"
        else:
            event.update(text=key, windowsVirtualKeyCode=ord(key.upper()))
            event["code"] = "Space" if key == " " else "Key" + key.upper()
        self.send("Input.dispatchKeyEvent", type="keyDown", **event)
        event.pop("text", None)
        self.send("Input.dispatchKeyEvent", type="keyUp", **event)

    def click_at(self, x, y):
        for kind in ("mouseMoved", "mousePressed", "mouseReleased"):
            self.send("Input.dispatchMouseEvent", type=kind, x=x, y=y,
                      button="none" if kind == "mouseMoved" else "left",
                      clickCount=0 if kind == "mouseMoved" else 1)

    def click(self, selector):
        """A real click in the middle of an element that can be seen."""
        x, y = self.value(
            "(() => { const e = document.querySelector("
            f"{json.dumps(selector)}); e.scrollIntoView({{block: 'nearest'}});"
            " const r = e.getBoundingClientRect();"
            " return [r.x + r.width / 2, r.y + r.height / 2]; })()")
        self.click_at(x, y)

    def picture(self, path, whole=False):
        data = self.send("Page.captureScreenshot", format="png",
                         captureBeyondViewport=whole)["data"]
        with open(path, "wb") as file:
            file.write(base64.b64decode(data))

    def pdf(self):
        return base64.b64decode(self.send("Page.printToPDF")["data"])
