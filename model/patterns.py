"""What lines and sentences of working text look like: the patterns and word lists of the segmenter."""

import re
from typing import Final

LINE: Final = re.compile(r"[^\r\n\v\x1c-\x1e\x85\u2028\u2029\f]+")
_WORD = r"[^\W_]+(?:['’][^\W_]+)*"
WORD: Final = re.compile(_WORD)
THREE_WORDS: Final = re.compile(rf"[\W_]*+(?:(?>{_WORD})[\W_]++){{2}}[^\W_]")

FENCE: Final = re.compile(r"(?:```|~~~)")
RULE: Final = re.compile(r"[-=*_~#.·•─━ \t]+$")
TABLE: Final = re.compile(r"\|.*\||[^|]+\|[^|]+\||.*\t.*\t")
CODE: Final = re.compile(
    r"\$ \S|>>> |(?:def|class|import|from|SELECT|INSERT|UPDATE|function|var|const|let|#include)\b.*[;(){}=]|[}\]);]+$|</?\w+[^>]*>$"
)
HASHES: Final = re.compile(r"#{1,6}\s+")
UNDERLINE: Final = re.compile(r"(?:={3,}|-{3,})$")
QUOTE: Final = re.compile(r"(?:>\s?)+(?!>)")

BULLET: Final = re.compile(
    r"(?:[-*+•‣◦▪●○–—·»✓☐☑➢➤◆■□]+|\(?\d{1,3}(?:\.\d{1,3})*[.)]|\d{1,3}(?:\.\d{1,3})+|\(?[a-z][.)]|\(?[A-Z]\)|\(?[ivx]{1,4}[.)])\s+"
    r"(?:\[[ xX]\]\s+)?|\[[ xX]\]\s+"
)
NUMBERED: Final = re.compile(r"(?:item\s+)?\(?\d{1,3}(?:\.\d{1,3})*[.):]?\s+", re.IGNORECASE)

_DATE = r"(?:\d{4}-\d{2}-\d{2}[T, ]+|\d{1,2}[/.]\d{1,2}[/.]\d{2,4},?\s+)?"
_CLOCK = r"\d{1,2}:\d{2}(?::\d{2})?(?:[.,]\d{1,3})?\s?(?:[aApP]\.?[mM]\.?(?!\w))?"
TIME: Final = re.compile(rf"[\[(]?{_DATE}{_CLOCK}[\])]?(?:\s*-->\s*[\d:.,]+)?(?=$|\s)(?:\s+[-–—]\s+|\s+)?")
_NAME = r"(?:[A-Z][\w.'’-]*|@[\w.-]+)(?: (?:[A-Z][\w.'’-]*|de|van|von|der|la|al|bin)){0,3}(?: ?\([^()]{1,40}\))?"
SPEAKER: Final = re.compile(rf"\**({_NAME})\** ?:\**(?:\s+|$)")
SPEAKER_LINE: Final = re.compile(rf"({_NAME})\s{{1,4}}[\[(]?{_CLOCK}[\])]?$")

# In chats, where a time stands before it, a name need not be capitalised.
CHAT_SPEAKER: Final = re.compile(r"([\w.@-]+(?: [\w.-]+){0,2}) ?:\s+")

MAIL_HEADER: Final = re.compile(
    r"(?:From|To|Cc|Bcc|Sent|Date|Subject|Reply-To|Message-ID|Received|MIME-Version|Content-[\w-]+|X-[\w-]+|Importance|Attachments?):(?:\s|$)"
)
SALUTATION: Final = re.compile(
    r"(?:dear|hi|hello|hey|good (?:morning|afternoon|evening))\b[^.?:;]{0,40}(?:\.\s?[^.?:;]{1,30})?,?$", re.IGNORECASE
)
ATTRIBUTION: Final = re.compile(r"(?:On .{6,120} wrote:|-+ ?(?:Original|Forwarded) message ?-+.*|_{10,})$", re.IGNORECASE)
SIGNATURE: Final = re.compile(r"--\s*$")
CLOSING: Final = re.compile(
    r"(?:(?:kind|best|warm|many)?\s*(?:regards|wishes|thanks)|thanks(?: again)?|cheers|yours(?: (?:sincerely|faithfully|truly))?"
    r"|sincerely|br|kr)[,.!]?$",
    re.IGNORECASE,
)
BOILERPLATE: Final = re.compile(
    r"(?:page|p\.)\s*\d+(?:\s*(?:of|/)\s*\d+)?$|\d+\s*/\s*\d+$|-\s*\d+\s*-$|(?:©|\(c\)|copyright)\b.*"
    r"|sent from my \w+.*|(?:this|the information in this) (?:e-?mail|message|communication)\b.*\b(?:confidential|intended|privileged)\b.*",
    re.IGNORECASE,
)

UNUSUAL: Final = re.compile(
    "|".join(
        f"(?{'i' if p.flags & re.IGNORECASE else ''}:{p.pattern})"
        for p in (FENCE, RULE, TABLE, CODE, MAIL_HEADER, SALUTATION, ATTRIBUTION, SIGNATURE, CLOSING, BOILERPLATE)
    )
)
"""Any of the lines that are no text: one look tells what nearly every line is not."""

SENTENCE_END: Final = re.compile(r"[.!?…]+[\"'”’)\]*_]*(?=(\s+)[\"'“‘(\[*_]*[A-Z0-9À-Þ])")
LAST_WORD: Final = re.compile(r"[\w.]*$")
FIRST_WORD: Final = re.compile(r"\s+[\"'“‘(\[*_]*(\w+)")

# Labels that stand before a colon at the head of a line and are no speaker.
NOT_SPEAKERS: Final = frozenset(
    """
    action actions agenda aim apologies attendees background benefits cc closing contact context date deadline decision
    decisions department due duration example goal hours impact issue issues link location next note notes objective outcome
    owner present pros cons purpose question questions re regrets reports requirements resolved result risk risks salary scope
    status subject summary tbd team time timeline title todo to from topic type update updates venue vote when where why what
    who how ps nb fyi eta version reference ref phone tel email fax address grade band pay contract
    """.split()
)
ABBREVIATIONS: Final = frozenset(
    """
    mr mrs ms dr prof sr jr st hon rev gen col sgt lt capt gov sen rep no nos vs etc inc ltd co corp dept est approx fig
    figs sec ch vol pp ed eds e.g i.e eg ie cf al a.m p.m u.s u.k u.n jan feb mar apr jun jul aug sept sep oct nov dec
    mon tue tues wed thu thur thurs fri tel ext ref max min incl art para mt ave rd blvd messrs mme cllr univ
    """.split()
)
# Abbreviations that often end a sentence, too: there the next word decides.
ENDING_ABBREVIATIONS: Final = frozenset("etc a.m p.m inc ltd co corp u.s u.k jr sr al".split())
STARTERS: Final = frozenset(
    """
    a an the this that these those it he she we they i you there here in on at for from if when while after before as but and so
    then what who why how no not all each both our my his her its their please also however to with by our
    """.split()
)
