"""The Home tab: what the tags mean, in the words of the source document, and what the app can do and read."""

from typing import Any, Final

from model.contrasts import Contrasts
from model.labels import Label, Side
from service.slack import blocks as b
from service.slack.blocks import Message
from service.slack.messages import SIGNS, side_by_side

USAGE: Final = (
    "• `/helmkeel` and a text tags the text.\n"
    "• *Tag this message* in the menu of a message (⋮) tags it, and the files attached to it.\n"
    "• *Tag this thread* in the same menu tags all of its thread, with shares per speaker.\n"
    "• `@helmkeel` in a thread tags the thread; elsewhere, the text or the files of the same message."
)
_MEANING: Final = (
    f"{SIGNS[Label.LEADERSHIP]} *leadership*: the sentence is about helping an organisation change.\n"
    f"{SIGNS[Label.MANAGEMENT]} *management*: it is about keeping a complex organisation in order.\n"
    f"{SIGNS[Label.MIXED]} *both*: it carries both tags.\n"
    f"{SIGNS[Label.NEITHER]} *neither*: it is about something else.\n"
    "The percentage says how sure the model is. Words in bold are those that spoke most for the tag."
)
_PRIVACY: Final = (
    "Answers are for your eyes only until you press *Share in channel*. Helmkeel reads what you point it at: a text, a message, a thread, a"
    " file. It keeps an answer in memory for an hour, so that its buttons work, and stores nothing of it; only when you press a correction"
    " button, that one sentence and your label are kept, without your name."
)
_AVOID: Final = "Not for judging a person, and not for decisions on hiring, pay or promotion. English only."


def home(contrasts: Contrasts) -> dict[str, Any]:
    """The view of the Home tab."""
    defined = contrasts.document.definitions
    blocks = [b.header("Leadership is the helm, management is the keel"), side_by_side(defined.leadership, defined.management)]
    blocks += [b.section(_MEANING), b.context(b.plain(_AVOID))]
    blocks += [b.header("How to use it"), b.section(USAGE), b.header("What becomes of your text"), b.section(_PRIVACY)]
    blocks += [b.header("The contrasts"), b.context(b.plain(f"As {contrasts.document.title} draws them."))]
    for contrast in contrasts.contrasts:
        texts = ("\n".join(statement.text for statement in contrast.side(side).statements) for side in Side)
        blocks += [b.section(f"*{contrast.id.capitalize()}*"), side_by_side(*texts), b.divider()]
    concepts = "\n".join(f"• *{concept.id}*: {concept.text}" for concept in contrasts.concepts)
    blocks += [b.header("What leadership sentences show"), b.section(b.cut(concepts, b.SECTION_CHARACTERS))]
    return {"type": "home", "blocks": blocks}


def usage() -> Message:
    """What `/helmkeel help` answers."""
    return Message("How to use Helmkeel", [b.section(USAGE), b.context(b.plain(_AVOID))])
