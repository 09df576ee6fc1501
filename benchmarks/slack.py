"""How soon commands are acknowledged: many at once against `helmkeel serve` in a process of its own, and a Slack of our own.

python -m benchmarks.slack [COMMANDS]
"""

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx

from service.settings import ROOT
from tests.service.slack import payloads as p
from tests.service.slack.fake import TOKEN, FakeSlack, fake_slack


def measure(slack: FakeSlack, commands: int) -> None:
    """Start the service, send the commands, and print how it went."""
    text = (ROOT / "examples" / "job-description.txt").read_text(encoding="utf-8")[:3000]
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {
            "HELMKEEL_SLACK_BOT_TOKEN": TOKEN,
            "HELMKEEL_SLACK_SIGNING_SECRET": p.SECRET,
            "HELMKEEL_SLACK_API_URL": slack.api_url,
            "HELMKEEL_DATABASE": f"sqlite:///{folder}/kept.db",
        }
        port = 8765
        helmkeel = Path(sys.executable).with_name("helmkeel")
        process = subprocess.Popen([helmkeel, "serve", "--port", str(port)], env=environment, stderr=subprocess.DEVNULL)
        try:
            address = f"http://127.0.0.1:{port}"
            for _ in range(600):
                try:
                    httpx.get(f"{address}/readyz").raise_for_status()
                    break
                except httpx.HTTPError:
                    time.sleep(0.1)
            asyncio.run(p.send_at_once(port, [p.command(text, slack.hook("warm"))]))
            slack.wait("hook")
            began = time.monotonic()
            seconds = asyncio.run(p.send_at_once(port, [p.command(text, slack.hook(str(n))) for n in range(commands)]))
            slack.wait("hook", commands + 1)
            answered = time.monotonic() - began
        finally:
            process.terminate()
            process.wait()
    print(f"{commands} commands of {len(text):,} characters at once, {os.cpu_count()} cores")
    print(f"acknowledged: median {seconds[len(seconds) // 2] * 1000:.0f} ms, slowest {seconds[-1] * 1000:.0f} ms")
    print(f"all answered after {answered:.1f} s")


if __name__ == "__main__":
    with fake_slack() as slack:
        measure(slack, int(sys.argv[1]) if len(sys.argv) > 1 else 200)
