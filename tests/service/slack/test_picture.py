"""The pictures of the documents show what the app sends."""

import re
from html import unescape

import pytest

from tests.service.slack.limits import Json, texts
from tests.service.slack.picture import DRAWN, FOLDER, page
from tests.service.slack.said import everything

SAID = everything()


def marks_taken_out(text: str) -> str:
    return re.sub(r"[*`\s]+", "", text)


@pytest.mark.parametrize("name", SAID)
def test_a_picture_holds_every_text_in_order(name: str) -> None:
    drawn = marks_taken_out(unescape(re.sub(r"<[^>]+>", "", page(SAID[name]).partition("<body>")[2])))
    at = 0
    for text in texts(SAID[name]["blocks"]):
        at = drawn.index(marks_taken_out(text), at) + len(marks_taken_out(text))


def test_what_somebody_wrote_is_drawn_as_text() -> None:
    parts = [{"type": "text", "text": "<b>*x*</b> & ", "style": {"bold": True}}]
    said: Json = {"text": "x", "blocks": [{"type": "rich_text", "elements": [{"type": "rich_text_quote", "elements": parts}]}]}
    assert "<blockquote><b>&lt;b&gt;*x*&lt;/b&gt; &amp; </b></blockquote>" in page(said)


def test_a_block_that_cannot_be_drawn_is_an_error() -> None:
    with pytest.raises(ValueError, match="a block that is not drawn: video"):
        page({"text": "x", "blocks": [{"type": "video"}]})


def test_the_pictures_are_those_of_the_documents() -> None:
    guide = (FOLDER.parent.parent / "slack.md").read_text(encoding="utf-8")
    assert {path.stem for path in FOLDER.iterdir()} == set(DRAWN) == set(re.findall(r"images/slack/([\w-]+)\.png", guide))
