"""Draws messages and views of the app as pictures for docs/slack.md, from the very payloads that it sends.

`python -m tests.service.slack.picture` writes docs/images/slack/*.png (Debian packages chromium, fonts-lato and fonts-noto-color-emoji). It
draws only the blocks the app uses, about as Slack shows them.
"""

import subprocess
import tempfile
from html import escape
from pathlib import Path
from typing import Final

from service.settings import ROOT
from tests.service.slack.limits import Json
from tests.service.slack.said import everything

FOLDER: Final = ROOT / "docs" / "images" / "slack"
DRAWN: Final = {"answer": 980, "answer-of-a-thread": 1090, "window": 640, "home": 1000, "shared": 860}
"""What is drawn, and how many pixels of it: windows and the Home tab scroll."""

_STYLE: Final = """
body { margin: 0; padding: 16px 20px; width: 640px; font: 15px/1.47 Lato, sans-serif; color: #1d1c1d; background: #fff }
p, blockquote, h1, h2 { margin: 0 } .block { margin: 4px 0 }
h2 { font-size: 18px; line-height: 1.35; font-weight: 900; padding-top: 4px } hr { border: 0; border-top: 1px solid #ddd; margin: 12px 0 }
.context { font-size: 13px; color: #616061 } .fields { display: grid; grid-template-columns: 1fr 1fr; gap: 8px 16px }
blockquote { border-left: 4px solid #ddd; border-radius: 4px; padding-left: 12px; white-space: pre-wrap; overflow-wrap: anywhere }
p { white-space: pre-wrap; overflow-wrap: anywhere } code { background: #f6f6f6; border: 1px solid #ddd; border-radius: 3px; padding: 0 3px;
  color: #e01e5a; font-size: 12px }
.button { display: inline-block; border: 1px solid #bbb; border-radius: 8px; padding: 2px 10px; margin: 2px 8px 2px 0; font-size: 13px;
  font-weight: 700 } .primary { background: #007a5a; border-color: #007a5a; color: #fff }
.sender { display: flex; gap: 8px; align-items: baseline; padding-left: 44px; position: relative }
.sender b { font-weight: 900 } .sender small, .private { color: #616061; font-size: 12px } .message { padding-left: 44px }
.sender i { position: absolute; left: 0; top: 2px; width: 36px; height: 36px; border-radius: 8px; background: #1f3b4d; color: #fff;
  font: 900 18px/36px Lato; text-align: center } .app { background: #eee; border-radius: 3px; padding: 0 3px; font-size: 10px }
.private { padding-left: 44px } .modal { border-bottom: 1px solid #ddd; padding-bottom: 8px; margin-bottom: 8px; font-weight: 900;
  font-size: 18px }
"""


def page(said: Json) -> str:
    """Draw a message or view as an HTML page."""
    blocks = "".join(f'<div class="block">{_block(block)}</div>' for block in said["blocks"])
    if said.get("type") == "modal":
        body = f'<div class="modal">{_text(said["title"])}</div>{blocks}'
    elif said.get("type") == "home":
        body = blocks
    else:
        private = "" if "Shared by" in str(said) else '<div class="private">👁 Only visible to you</div>'
        sender = '<div class="sender"><i>H</i><b>Helmkeel</b><span class="app">APP</span><small>10:24 AM</small></div>'
        body = f'{private}{sender}<div class="message">{blocks}</div>'
    return f"<!doctype html><meta charset=utf-8><style>{_STYLE}</style><body>{body}"


def _block(block: Json) -> str:
    kind = block["type"]
    if kind == "header":
        return f"<h2>{_text(block['text'])}</h2>"
    if kind == "divider":
        return "<hr>"
    if kind == "section" and "fields" in block:
        return '<div class="fields">' + "".join(f"<p>{_text(field)}</p>" for field in block["fields"]) + "</div>"
    if kind == "section":
        return f"<p>{_text(block['text'])}</p>"
    if kind == "context":
        return '<p class="context">' + " ".join(_text(element) for element in block["elements"]) + "</p>"
    if kind == "actions":
        return "".join(f'<span class="button {e.get("style", "")}">{_text(e["text"])}</span>' for e in block["elements"])
    if kind == "rich_text":
        return "".join(_rich(part) for part in block["elements"])
    raise ValueError(f"a block that is not drawn: {kind}")


def _rich(part: Json) -> str:
    inner = ""
    for element in part["elements"]:
        text, style = escape(element["text"]), element.get("style", {})
        for name, tag in (("bold", "b"), ("italic", "i")):
            text = f"<{tag}>{text}</{tag}>" if style.get(name) else text
        inner += text
    return f"<blockquote>{inner}</blockquote>" if part["type"] == "rich_text_quote" else f"<p>{inner}</p>"


def _text(text: Json) -> str:
    shown = escape(text["text"])
    if text["type"] == "mrkdwn":
        for mark, tag in (("*", "b"), ("`", "code")):
            parts = shown.split(mark)
            shown = "".join(part if n % 2 == 0 else f"<{tag}>{part}</{tag}>" for n, part in enumerate(parts))
    return shown


def main() -> None:
    """Write the pictures."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    said = everything()
    with tempfile.TemporaryDirectory() as folder:
        for name, height in DRAWN.items():
            html = Path(folder) / f"{name}.html"
            html.write_text(page(said[name]), encoding="utf-8")
            command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", f"--user-data-dir={folder}/profile"]
            picture = FOLDER / f"{name}.png"
            subprocess.run(
                [*command, f"--window-size=680,{height}", f"--screenshot={picture}", html.as_uri()], check=True, capture_output=True
            )


if __name__ == "__main__":
    main()
