"""Checks messages and views against what Slack documents (docs.slack.dev/reference/block-kit, /reference/views), somewhat more strictly.

Stricter: unknown fields are faults, every message has a line of plain text, and the characters of a message add up to at most 10,000, as
Slack refuses messages from about 11,000 on (`msg_blocks_too_long`) without documenting a number.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any

Json = dict[str, Any]

MESSAGE_BLOCKS, VIEW_BLOCKS, VIEW_BYTES = 50, 100, 250_000
MESSAGE_CHARACTERS, TEXT_LINE = 10_000, 4000


def check_message(message: Json) -> list[str]:
    """Return what Slack would refuse of a message (`text` and `blocks`)."""
    faults = list(_blocks(message.get("blocks") or [], MESSAGE_BLOCKS))
    text = message.get("text")
    if not isinstance(text, str) or not 0 < len(text) <= TEXT_LINE:
        faults.append("text: missing, empty or too long")
    characters = sum(map(units, texts(message.get("blocks") or [])))
    if characters > MESSAGE_CHARACTERS:
        faults.append(f"blocks: {characters} characters in all")
    return faults


def check_view(view: Json) -> list[str]:
    """Return what Slack would refuse of a view."""
    allowed = {"type", "blocks", "private_metadata", "callback_id", "external_id"}
    faults: list[str] = []
    if view.get("type") == "modal":
        allowed |= {"title", "close", "submit", "clear_on_close", "notify_on_close"}
        if "title" not in view:
            faults.append("title: missing")
        for name in ("title", "close", "submit"):
            if name in view:
                faults += _text(view[name], name, 24, plain=True)
    elif view.get("type") != "home":
        faults.append("type: neither modal nor home")
    faults += [f"{name}: unknown field" for name in view if name not in allowed]
    for name, limit in (("private_metadata", 3000), ("callback_id", 255), ("external_id", 255)):
        if len(view.get(name, "")) > limit:
            faults.append(f"{name}: longer than {limit}")
    if len(json.dumps(view)) > VIEW_BYTES:
        faults.append("view: too large")
    return faults + list(_blocks(view.get("blocks") or [], VIEW_BLOCKS))


def units(text: str) -> int:
    """The length of a text as browsers count it: an emoji is two or more."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def texts(value: object) -> Iterator[str]:
    """Every text that is shown, in order."""
    if isinstance(value, dict):
        for name, part in value.items():
            if name in {"text", "alt_text"} and isinstance(part, str):
                yield part
            else:
                yield from texts(part)
    elif isinstance(value, list):
        for part in value:
            yield from texts(part)


def _blocks(blocks: object, limit: int) -> Iterator[str]:
    if not isinstance(blocks, list) or not blocks:
        yield "blocks: missing"
        return
    if len(blocks) > limit:
        yield f"blocks: {len(blocks)}, the limit is {limit}"
    ids = [block["block_id"] for block in blocks if "block_id" in block]
    if len(ids) != len(set(ids)):
        yield "block_id: not unique"
    for number, block in enumerate(blocks):
        at = f"blocks[{number}]"
        check = _BLOCKS.get(str(block.get("type")))
        if check is None:
            yield f"{at}: unknown type {block.get('type')}"
            continue
        if not 0 < len(block.get("block_id", "x")) <= 255:
            yield f"{at}.block_id: empty or longer than 255"
        yield from check({k: v for k, v in block.items() if k not in {"type", "block_id"}}, at)


def _fields(value: Json, at: str, required: str, optional: str = "") -> Iterator[str]:
    for name in required.split():
        if name not in value:
            yield f"{at}.{name}: missing"
    for name in value:
        if name not in f"{required} {optional}".split():
            yield f"{at}.{name}: unknown field"


def _text(value: object, at: str, limit: int, *, plain: bool = False) -> Iterator[str]:
    if not isinstance(value, dict) or value.get("type") not in {"plain_text", "mrkdwn"} or (plain and value["type"] != "plain_text"):
        yield f"{at}: no text object of the right type"
        return
    yield from _fields(value, at, "type text", "emoji" if value["type"] == "plain_text" else "verbatim")
    if not isinstance(value.get("text"), str) or not 0 < units(value["text"]) <= limit:
        yield f"{at}: {len(value.get('text') or '')} characters, not 1 to {limit}"


def _section(block: Json, at: str) -> Iterator[str]:
    yield from _fields(block, at, "", "text fields accessory expand")
    if not ("text" in block or "fields" in block):
        yield f"{at}: neither text nor fields"
    if "text" in block:
        yield from _text(block["text"], f"{at}.text", 3000)
    fields = block.get("fields")
    if fields is not None and not 0 < len(fields) <= 10:
        yield f"{at}.fields: {len(fields)}, not 1 to 10"
    for field in fields or ():
        yield from _text(field, f"{at}.fields", 2000)
    if "accessory" in block:
        yield from _element(block["accessory"], f"{at}.accessory")


def _header(block: Json, at: str) -> Iterator[str]:
    yield from _fields(block, at, "text")
    yield from _text(block.get("text"), f"{at}.text", 150, plain=True)


def _divider(block: Json, at: str) -> Iterator[str]:
    yield from _fields(block, at, "")


def _context(block: Json, at: str) -> Iterator[str]:
    yield from _fields(block, at, "elements")
    elements = block.get("elements") or []
    if not 0 < len(elements) <= 10:
        yield f"{at}.elements: {len(elements)}, not 1 to 10"
    for element in elements:
        yield from _text(element, f"{at}.elements", 3000)


def _actions(block: Json, at: str) -> Iterator[str]:
    yield from _fields(block, at, "elements")
    elements = block.get("elements") or []
    if not 0 < len(elements) <= 25:
        yield f"{at}.elements: {len(elements)}, not 1 to 25"
    ids = [element.get("action_id") for element in elements]
    if len(ids) != len(set(ids)):
        yield f"{at}.elements: action_id not unique"
    for element in elements:
        yield from _element(element, f"{at}.elements")


def _element(element: Json, at: str) -> Iterator[str]:
    if not 0 < len(element.get("action_id", "")) <= 255:
        yield f"{at}.action_id: missing or longer than 255"
    if element.get("type") == "button":
        yield from _fields(element, at, "type text action_id", "value url style confirm accessibility_label")
        yield from _text(element.get("text"), f"{at}.text", 75, plain=True)
        if len(element.get("value", "")) > 2000 or len(element.get("url", "")) > 3000:
            yield f"{at}: value or url too long"
        if element.get("style", "primary") not in {"primary", "danger"}:
            yield f"{at}.style: unknown"
    elif element.get("type") in {"static_select", "overflow"}:
        most, longest = (100, 150) if element["type"] == "static_select" else (5, 150)
        options = element.get("options") or []
        if not 0 < len(options) <= most:
            yield f"{at}.options: {len(options)}, not 1 to {most}"
        for option in options:
            yield from _text(option.get("text"), f"{at}.options.text", 75)
            if not 0 < len(option.get("value", "")) <= longest:
                yield f"{at}.options.value: missing or too long"
    else:
        yield f"{at}: unknown element {element.get('type')}"


def _rich_text(block: Json, at: str) -> Iterator[str]:
    yield from _fields(block, at, "elements")
    if not block.get("elements"):
        yield f"{at}.elements: empty"
    for part in block.get("elements") or ():
        if part.get("type") not in {"rich_text_section", "rich_text_quote", "rich_text_preformatted"}:
            yield f"{at}: unknown part {part.get('type')}"
        yield from _fields(part, at, "type elements", "border")
        if not part.get("elements"):
            yield f"{at}.elements: an empty part"
        for element in part.get("elements") or ():
            if element.get("type") != "text":
                yield f"{at}: a rich text element that is no text"
            yield from _fields(element, at, "type text", "style")
            if not isinstance(element.get("text"), str) or not 0 < units(element["text"]) <= 3000:
                yield f"{at}: {len(element.get('text') or '')} characters of rich text, not 1 to 3000"
            if not set(element.get("style", {})) <= {"bold", "italic", "strike", "code", "underline"}:
                yield f"{at}.style: unknown"


_BLOCKS: dict[str, Callable[[Json, str], Iterator[str]]] = {
    "section": _section,
    "header": _header,
    "divider": _divider,
    "context": _context,
    "actions": _actions,
    "rich_text": _rich_text,
}
