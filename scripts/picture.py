"""Take the picture of the README: `.venv/bin/python scripts/picture.py [FILE]`.

Serves the demonstration from a folder that is thrown away, moves half of the users to the
canonical service, lets a minute pass, and photographs the look page as it then is.
"""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parents[1]
PICTURE = ROOT / "docs" / "look.png"
SIZE = {"width": 1360, "height": 1240}
MINUTE_S = 62
START_S = 60
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def main() -> None:
    """Take the picture; ends with a message if there is no Chromium."""
    picture = Path(sys.argv[1]) if len(sys.argv) > 1 else PICTURE
    chromium = shutil.which("chromium")
    if chromium is None:
        sys.exit("no chromium on this machine: install it, as .ci/run does")
    picture.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder)) as (url, environ):
        flask(environ, "rollout", "shadow", "100")
        flask(environ, "rollout", "set", "50", "--force", "--reason", "a leap")
        photograph(chromium, url, picture)


def photograph(chromium: str, url: str, picture: Path) -> None:
    """Open the page, let it live for a minute, and write what it then shows."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        page = browser.new_page(viewport=SIZE, device_scale_factor=1.5, color_scheme="light")
        page.goto(url)
        page.wait_for_timeout(MINUTE_S * 1000)
        page.screenshot(path=picture, full_page=True)
        browser.close()


@contextmanager
def serving(folder: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """Run the demonstration; yield its address and the environment of its command line."""
    environ = {
        **os.environ,
        "SHIM_INSTANCE": str(folder),
        "SHIM_BOOST_INTERVAL_S": "17",  # out of step with farming, so that a boost shows the rest
        "PORT": str(free_port()),
    }
    url = f"http://127.0.0.1:{environ['PORT']}/"
    with (folder / "output").open("wb") as output:
        command = [sys.executable, "-m", "flask", "demo", "run"]
        server = subprocess.Popen(command, cwd=ROOT, env=environ, stdout=output, stderr=output)  # noqa: S603 # our own command
    try:
        wait_for(url, server, folder / "output")
        yield url, environ
    finally:
        server.terminate()
        server.wait()


def wait_for(url: str, server: subprocess.Popen[bytes], output: Path) -> None:
    """Return when the page answers; end with what the server said if it does not."""
    until = time.monotonic() + START_S
    while server.poll() is None and time.monotonic() < until:
        try:
            urllib.request.urlopen(url, timeout=5).close()  # noqa: S310 # our own address
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.2)
        else:
            return
    sys.exit(f"the demonstration does not answer:\n{output.read_text()}")


def flask(environ: dict[str, str], *command: str) -> None:
    """Run a command of the command line; raises CalledProcessError if it fails."""
    subprocess.run([sys.executable, "-m", "flask", *command], cwd=ROOT, env=environ, check=True)  # noqa: S603 # our own command


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


if __name__ == "__main__":
    main()
