"""The date of a document: from a column, its front matter, the head of a mail, or its file name."""

import re
from datetime import date, datetime
from email.utils import parsedate_to_datetime
from pathlib import PurePosixPath
from typing import Any, Final

COLUMNS: Final = ("date", "day", "created", "created_at", "timestamp", "datum")
_HEAD: Final = 2000  # characters in which front matter and mail heads are looked for
_FRONT_MATTER: Final = re.compile(r"\A---\s*\n(?:(?!---).*\n)*?date:\s*[\"']?(\d{4}-\d{2}-\d{2})", re.IGNORECASE)
_MAIL: Final = re.compile(r"^Date: (\w{3}, .+|\d{1,2} \w{3} \d{4} .+)$", re.MULTILINE)
_IN_NAME: Final = re.compile(r"(?<!\d)((?:19|20)\d{2})[-_.]?([01]\d)(?:[-_.]?([0-3]\d))?(?!\d)")


def date_of(source: str, text: str, columns: dict[str, Any], column: str | None) -> date | None:
    """Return the date of a document, None where nothing tells it.

    Args:
        source: the name of the file.
        text: the document.
        columns: what its row passes on.
        column: where the date stands; a usual name, if left out.
    """
    names = [column] if column else [name for name in columns if name.lower() in COLUMNS]
    for name in names:
        if found := _of_value(columns.get(name)):
            return found
    head = text[:_HEAD]
    if match := _FRONT_MATTER.match(head):
        return _of_value(match[1])
    if match := _MAIL.search(head):
        try:
            return parsedate_to_datetime(match[1]).date()
        except ValueError:
            pass
    for part in reversed(PurePosixPath(source).parts):
        if match := _IN_NAME.search(part):
            return _made(int(match[1]), int(match[2]), int(match[3] or 1))
    return None


def _of_value(value: object) -> date | None:
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(str(value).strip()[:10])
    except ValueError:
        return None


def _made(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None
