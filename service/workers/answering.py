"""What a worker does: bytes of a request in, bytes of an answer out, with every limit that needs the content checked here."""

import zlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError

from model.artifact import Artifact
from model.document import TaggedDocument, tag_all
from model.labels import Concept, Dimension, Label, SkipReason
from model.segment import Segmentation, segment, whole
from model.tagger import Tagger
from service.answers import identity, tag_json
from service.problems import MEDIA_TYPE, Code, ProblemError, failure_of, internal_error, invalid_request
from service.readers import ReaderError, read_file
from service.readers.kinds import MAX_PDF_PAGES
from service.schemas import BatchDocument, FileForm, ItemError, Limits, LooseBatch, ModelAnswer, Problem, Source, TagRequest, Unit
from service.settings import Settings
from service.workers.messages import Job, JobKind, Reply

JSON: Final = "application/json"
LINES: Final = "application/x-ndjson"
_WORTH_COMPRESSING: Final = 1000  # bytes
_COMPRESSION: Final = 1  # the fastest: answers shrink to a fifth all the same
_WARM_UP: Final = "We plan the budget.\n- Coach the team to find its own answers"

Model = TypeVar("Model", bound=BaseModel)


class Answering:
    """Answers jobs with one model, one at a time."""

    def __init__(self, artifact: Artifact, settings: Settings) -> None:
        self._tagger = Tagger(artifact.model)
        self._settings = settings
        self._identity = identity(artifact)
        self.contrasts = artifact.contrasts
        self.about = _about(artifact, settings)

    def warm(self) -> None:
        """Tag something, so that the first request finds everything in its place; a refusal by a very low limit will do."""
        reply = self.answer(Job(JobKind.TAG, TagRequest(text=_WARM_UP, include=("evidence",)).model_dump_json().encode()))
        if reply.failure:
            raise RuntimeError(f"the model cannot tag: {reply.failure}")

    def answer(self, job: Job) -> Reply:
        """Do a job; whatever goes wrong becomes a reply, too."""
        work = {JobKind.TAG: self._tag, JobKind.BATCH: self._batch, JobKind.FILE: self._file}[job.kind]
        try:
            reply = work(job)
        except ProblemError as error:
            return refusal(error)
        except Exception as error:
            return replace(refusal(internal_error()), failure=failure_of(error))
        if job.gzip and len(reply.body) >= _WORTH_COMPRESSING:
            return replace(reply, body=zlib.compress(reply.body, _COMPRESSION, 31), gzip=True)
        return reply

    def _tag(self, job: Job) -> Reply:
        request = _parsed(TagRequest, job.body)
        segments = self._segments(request.text, request)
        (document,) = self._tagged([segments], request)
        body = tag_json(document, request.text, self._identity, document_id=request.id, offsets=request.offsets)
        return _reply(body, [document])

    def _batch(self, job: Job) -> Reply:
        request = _parsed(LooseBatch, job.body)
        limit = self._settings.max_documents
        if len(request.documents) > limit:
            detail = f"the request has {len(request.documents)} documents, the limit is {limit}; send several requests"
            raise ProblemError(Code.TOO_MANY_DOCUMENTS, detail, limit=limit, size=len(request.documents))
        items = [self._item(item, request) for item in request.documents]
        cut = [item[1] for item in items if not isinstance(item, ItemError)]
        found, limit = sum(len(segments.sentences) for segments in cut), self._settings.max_batch_sentences
        if found > limit:
            detail = f"the documents have {found} sentences together, the limit is {limit}; send several requests"
            raise ProblemError(Code.TOO_MANY_SENTENCES, detail, limit=limit, size=found)
        documents = self._tagged(cut, request)
        tagged = iter(documents)
        results = [
            item.model_dump_json(exclude_none=True).encode()
            if isinstance(item, ItemError)
            else tag_json(next(tagged), item[0].text, self._identity, document_id=item[0].id, offsets=request.offsets)
            for item in items
        ]
        if job.lines:
            return replace(_reply(b"".join(line + b"\n" for line in results), documents), media_type=LINES)
        return _reply(b'{"results":[' + b",".join(results) + b"]}", documents)

    def _file(self, job: Job) -> Reply:
        try:
            form = FileForm.model_validate(job.form["fields"])
            read = read_file(job.body, job.form["name"])
        except ValidationError as error:
            raise invalid_request(error, FileForm) from None
        except ReaderError as error:
            raise ProblemError(Code(error.code), str(error), limit=error.limit, size=error.size) from None
        request = TagRequest(
            text=read.text,
            include=("evidence",) if "evidence" in form.include else (),
            kind=form.kind or read.text_kind,
            unit=form.unit,
            threshold=form.threshold,
        )
        (document,) = self._tagged([self._segments(read.text, request)], request)
        source = Source(name=job.form["name"], kind=read.kind, encoding=read.encoding, extracted=read.extracted)
        with_text = "text" in form.include
        body = tag_json(document, read.text, self._identity, document_id=form.id, offsets=form.offsets, source=source, with_text=with_text)
        return _reply(body, [document])

    def _item(self, item: Any, request: LooseBatch) -> tuple[BatchDocument, Segmentation] | ItemError:  # noqa: ANN401 -- as it was sent
        document_id = item.get("id") if isinstance(item, dict) else None
        try:
            document = BatchDocument.model_validate(item)
            return document, self._segments(document.text, request)
        except ValidationError as error:
            problem = invalid_request(error, BatchDocument).problem
            wrong_id = any(fault["loc"] == ("id",) for fault in error.errors(include_input=False, include_url=False, include_context=False))
            return ItemError(id=None if wrong_id or not isinstance(document_id, str) else document_id, error=problem)
        except ProblemError as error:
            return ItemError(id=document_id, error=error.problem)

    def _segments(self, text: str, request: TagRequest | LooseBatch) -> Segmentation:
        size, limit = len(text.encode()), self._settings.max_text_bytes
        if size > limit:
            detail = f"text has {size} bytes of UTF-8, the limit is {limit}; send it in parts"
            raise ProblemError(Code.TEXT_TOO_LARGE, detail, limit=limit, size=size)
        segments = whole(text) if request.unit is Unit.SENTENCE else segment(text, request.kind)
        found, limit = len(segments.sentences), self._settings.max_sentences
        if found > limit:
            detail = f"the document has {found} sentences, the limit is {limit}; send it in parts"
            raise ProblemError(Code.TOO_MANY_SENTENCES, detail, limit=limit, size=found)
        return segments

    def _tagged(self, segments: Iterable[Segmentation], request: TagRequest | LooseBatch) -> list[TaggedDocument]:
        return tag_all(self._tagger, list(segments), evidence="evidence" in request.include, threshold=request.threshold)


def refusal(error: ProblemError) -> Reply:
    """Put a problem into the form of a reply."""
    problem: Problem = error.problem
    return Reply(problem.status, MEDIA_TYPE, problem.model_dump_json(exclude_none=True).encode(), code=problem.code)


def _parsed(model: type[Model], body: bytes) -> Model:
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        raise invalid_request(error, model) from None


def _reply(body: bytes, documents: list[TaggedDocument]) -> Reply:
    labels: Counter[str] = Counter()
    for document in documents:
        labels.update({str(label): count for label, count in document.counts.items()})
    return Reply(200, JSON, body, documents=len(documents), labels=dict(labels))


def _about(artifact: Artifact, settings: Settings) -> ModelAnswer:
    manifest, holdout = artifact.manifest, artifact.metrics["holdout"]
    return ModelAnswer(
        **identity(artifact).model_dump(),
        data_sha256=manifest.data_sha256,
        libraries=manifest.libraries,
        labels=list(Label),
        dimensions=list(Dimension),
        concepts=list(Concept),
        skip_reasons=list(SkipReason),
        thresholds=manifest.thresholds,
        holdout_macro_f1=holdout["macro_f1"],
        limits=Limits(
            text_bytes=settings.max_text_bytes,
            sentences=settings.max_sentences,
            documents=settings.max_documents,
            batch_sentences=settings.max_batch_sentences,
            body_bytes=settings.max_body_bytes,
            file_bytes=settings.max_file_bytes,
            pdf_pages=MAX_PDF_PAGES,
            seconds=settings.request_seconds,
        ),
    )
