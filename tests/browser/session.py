"""Starts the Dagster UI and a headless Chromium, and takes every process of theirs down again."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.support.ui import WebDriverWait

CHROMIUM = Path("/usr/bin/chromium")
DRIVER = Path("/usr/bin/chromedriver")
COMMAND = [sys.executable, "-m", "dnalyaw_pipelines.cli"]
START_SECONDS = 150
PAGE_SECONDS = 60
STOP_SECONDS = 20

SWITCHES = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # Nothing but this machine is asked, whatever the page names.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    # The graph draws only what is in view.
    "--window-size=1800,2000",
)


def missing() -> str:
    """What this machine lacks for a browser test; empty when nothing."""
    absent = [str(path) for path in (CHROMIUM, DRIVER) if not os.access(path, os.X_OK)]
    return f"{', '.join(absent)} not found: apt-get install chromium chromium-driver" if absent else ""


@contextmanager
def dagster_ui(home: Path, folder: Path) -> Iterator[str]:
    """Serve a data home with ``dnalyaw ui``; yields the address once it answers."""
    port = _free_port()
    address = f"http://127.0.0.1:{port}"
    log = folder / "ui.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [*COMMAND, "ui", "--home", str(home), "--port", str(port)],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    try:
        _wait_for(process, f"{address}/server_info", log)
        yield address
    finally:
        _end_session(process)


@contextmanager
def chromium(folder: Path) -> Iterator[webdriver.Chrome]:
    """A headless Chromium with a profile of its own; on an error its page is kept as a picture."""
    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    for switch in (*SWITCHES, f"--user-data-dir={folder / 'profile'}"):
        options.add_argument(switch)
    driver = webdriver.Chrome(
        service=Service(str(DRIVER), log_output=str(folder / "chromedriver.log")), options=options
    )
    try:
        driver.set_page_load_timeout(PAGE_SECONDS)
        yield driver
    except BaseException:
        driver.save_screenshot(str(folder / "failed.png"))
        (folder / "failed.txt").write_text(text_of(driver))
        raise
    finally:
        driver.quit()


def text_of(driver: webdriver.Chrome) -> str:
    """What a person can read on the page."""
    return str(driver.execute_script("return document.body ? document.body.innerText : ''"))


def wait_for_text(driver: webdriver.Chrome, pattern: str) -> str:
    """Wait until the page shows the pattern; the text that matched."""

    def found(_: webdriver.Chrome) -> str | None:
        match = re.search(pattern, text_of(driver))
        return match.group() if match else None

    message = f"{driver.current_url} never showed {pattern!r}"
    return str(WebDriverWait(driver, PAGE_SECONDS, poll_frequency=0.2).until(found, message))


def click(driver: webdriver.Chrome, text: str) -> None:
    """Click the last element whose own text is `text`, through whatever lies above it."""
    # Found and clicked in one step: the page redraws itself between two. The UI may show a welcome dialog on top.
    script = """
        const path = `//*[normalize-space(text())="${arguments[0]}"]`
        const found = document.evaluate(path, document, null, XPathResult.ORDERED_NODE_SNAPSHOT_TYPE)
        if (!found.snapshotLength) return false
        found.snapshotItem(found.snapshotLength - 1).click()
        return true
    """
    message = f"{driver.current_url} has no {text!r} to click"
    WebDriverWait(driver, PAGE_SECONDS).until(lambda d: d.execute_script(script, text), message)


def processes_of(session: int) -> list[int]:
    """Every living process of a session, whatever its parent."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            state, _, _, its_session = (entry / "stat").read_text().rsplit(")", 1)[1].split()[:4]
        except OSError:
            # It ended while we looked.
            continue
        if int(its_session) == session and state != "Z":
            found.append(int(entry.name))
    return found


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    tail = "\n".join(log.read_text(errors="replace").splitlines()[-20:])
    raise AssertionError(f"dnalyaw ui did not serve {url} (status {process.poll()}):\n{tail}")


def _end_session(process: subprocess.Popen[bytes]) -> None:
    """Interrupt the command as Ctrl-C would, then kill what is left of its session."""
    for number, seconds in ((signal.SIGINT, STOP_SECONDS), (signal.SIGKILL, STOP_SECONDS)):
        for pid in processes_of(process.pid):
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                continue
        deadline = time.monotonic() + seconds
        while processes_of(process.pid) and time.monotonic() < deadline:
            process.poll()
            time.sleep(0.1)
        if not processes_of(process.pid):
            break
    process.wait(STOP_SECONDS)
