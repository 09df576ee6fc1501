"""Everything the app can say, from two answers of the real model that are kept beside: what snapshots and pictures are made of."""

import json
from pathlib import Path

from model.contrasts import Contrasts, load_contrasts
from model.labels import Label
from service.schemas import TagResponse, Warning_
from service.settings import ROOT
from service.slack import handlers, home, messages
from service.slack.blocks import Message
from service.slack.held import Held
from tests.service.slack.limits import Json

HERE = Path(__file__).parent


def contrasts() -> Contrasts:
    """The contrasts that messages quote."""
    return load_contrasts(ROOT / "data" / "contrasts.yaml")


def held(name: str, title: str, notes: tuple[str, ...] = ()) -> Held:
    """An answer as if it were in memory."""
    answer = TagResponse.model_validate_json((HERE / "answers" / f"{name}.json").read_bytes())
    return Held(("T0", "U0ANA"), title, answer, notes, id="AnswerInMemory01")


def everything() -> dict[str, Json]:
    """Every message (`text` and `blocks`) and view that the app can send, by name."""
    minutes = held("minutes", "Thread of 17 messages", ("Left out: 1 message of apps.",))
    advert = held("job-description", "job-description.txt")
    corrected = held("job-description", "job-description.txt")
    corrected.corrections[advert.answer.sentences[messages.most_telling(advert.answer.sentences)[0].index].index] = Label.NEITHER
    short, foreign, nothing = (_of_first(advert, n) for n in (1, 2, 0))
    foreign = _with(
        foreign, warnings=[Warning_(code="unsupported_language", detail="Most of the text has hardly any word the model knows")]
    )
    return {
        "answer": _message(messages.answer(advert, contrasts())),
        "answer-of-a-thread": _message(messages.answer(minutes, contrasts())),
        "answer-corrected": _message(messages.answer(corrected, contrasts())),
        "answer-to-one-sentence": _message(messages.answer(short, contrasts())),
        "answer-to-another-language": _message(messages.answer(foreign, contrasts())),
        "answer-to-nothing": _message(messages.answer(nothing, contrasts())),
        "shared": _message(messages.shared(minutes, contrasts(), "ana")),
        "window": messages.window(advert, 0),
        "window-of-many": messages.window(_many(advert), 5),
        "window-corrected": messages.window(corrected, 0),
        "home": home.home(contrasts()),
        "usage": _message(home.usage()),
        "table": _message(messages.table(advert)),
        "error": _message(messages.notice(handlers.EXPIRED, "55f6a7e63afb")),
        "busy": _message(messages.notice(handlers.BUSY)),
    }


def _message(message: Message) -> Json:
    return {"text": message.text, "blocks": message.blocks}


def _with(held: Held, **fields: object) -> Held:
    return Held(held.owner, held.title, held.answer.model_copy(update=fields), held.notes, id=held.id)


def _of_first(held: Held, number: int) -> Held:
    """The answer as if the document ended after some sentences."""
    sentences = held.answer.sentences[:number]
    labels = [s.label for s in sentences]
    counts = {str(label): labels.count(label) for label in Label}
    shares = {name: count / (number or 1) for name, count in counts.items()}
    given = held.answer.model_dump() | {"sentences": sentences, "counts": counts | {"sentences": number}, "shares": shares}
    given |= {"label": "insufficient", "dimensions": {}, "concepts": {}, "speakers": {}, "skipped": []}
    return Held(held.owner, "Your text", TagResponse.model_validate(given), id=held.id)


def _many(held: Held) -> Held:
    sentences = [s.model_copy(update={"index": n}) for n, s in enumerate(held.answer.sentences * 11)]
    return _with(held, sentences=sentences)


def written(said: Json) -> str:
    """Spell a message or view as JSON with a line for each block, so that a difference is easily read."""
    about = json.dumps({name: value for name, value in said.items() if name != "blocks"}, ensure_ascii=False)
    blocks = ",\n".join(json.dumps(block, ensure_ascii=False) for block in said["blocks"])
    return f'{about[:-1]}, "blocks": [\n{blocks}\n]}}\n'


if __name__ == "__main__":
    for name, said in everything().items():
        (HERE / "snapshots" / f"{name}.json").write_text(written(said), encoding="utf-8")
