"""Blocks of Slack's Block Kit, as Slack documents them, and its limits.

What a user wrote goes into rich text or plain text only. Slack parses neither: no mark-up in it takes effect, no mention calls anybody,
and it is shown as it was written. Slack's own mark-up (`mrkdwn`) is for our sentences.
"""

from dataclasses import dataclass
from typing import Any, Final

Block = dict[str, Any]
Element = dict[str, Any]

MESSAGE_BLOCKS: Final = 50
VIEW_BLOCKS: Final = 100
HEADER_CHARACTERS: Final = 150
FIELD_CHARACTERS: Final = 2000
SECTION_CHARACTERS: Final = 3000
MESSAGE_CHARACTERS: Final = 8000
"""Over about 11,000 characters in all Slack refuses a message (`msg_blocks_too_long`); it documents no number."""


@dataclass(frozen=True)
class Message:
    """A message: its blocks, and the line that notifications and screen readers get in their place."""

    text: str
    blocks: list[Block]


def word(text: str, *, bold: bool = False, italic: bool = False) -> Element:
    """A stretch of rich text."""
    style = {name: True for name, on in (("bold", bold), ("italic", italic)) if on}
    return {"type": "text", "text": text, **({"style": style} if style else {})}


def rich(*parts: Element, quote: list[Element] | None = None, block_id: str | None = None) -> Block:
    """A paragraph of rich text, and under it a quotation."""
    elements: list[Element] = [{"type": "rich_text_section", "elements": list(parts)}] if parts else []
    if quote:
        elements.append({"type": "rich_text_quote", "elements": quote})
    return {"type": "rich_text", "elements": elements} | ({"block_id": block_id} if block_id else {})


def header(text: str) -> Block:
    """A heading."""
    return {"type": "header", "text": plain(cut(text, HEADER_CHARACTERS))}


def section(text: str) -> Block:
    """A paragraph of our own words, in `mrkdwn`."""
    return {"type": "section", "text": mrkdwn(text)}


def columns(left: str, right: str) -> Block:
    """Two columns of our own words, in `mrkdwn`."""
    return {"type": "section", "fields": [mrkdwn(left), mrkdwn(right)]}


def context(*elements: Element) -> Block:
    """Small print."""
    return {"type": "context", "elements": list(elements)}


def button(text: str, action_id: str, value: str, *, style: str | None = None) -> Element:
    """A button; `action_id` says what it does, `value` to what."""
    element = {"type": "button", "text": plain(text), "action_id": action_id, "value": value}
    return element | ({"style": style} if style else {})


def actions(block_id: str, *elements: Element) -> Block:
    """A row of buttons."""
    return {"type": "actions", "block_id": block_id, "elements": list(elements)}


def plain(text: str) -> Element:
    """Text that Slack does not parse."""
    return {"type": "plain_text", "text": text, "emoji": False}


def mrkdwn(text: str) -> Element:
    """Text in Slack's mark-up, without anything Slack would make a link of by itself."""
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def divider() -> Block:
    """A line."""
    return {"type": "divider"}


def cut(text: str, limit: int) -> str:
    """Shorten a text to at most `limit` characters, with an ellipsis where something is gone."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def name(text: str, limit: int = 60) -> str:
    """Return somebody's name for something on one line; Slack takes no empty text."""
    return cut(" ".join(text.split()), limit) or "unnamed"


def number(count: int, one: str, many: str | None = None) -> str:
    """Return a number with its noun."""
    return f"{count:,} {one if count == 1 else many or f'{one}s'}"
