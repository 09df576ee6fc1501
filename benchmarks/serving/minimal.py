"""The model behind the shortest FastAPI route that works: no limits, no workers to lose, validation and answer by pydantic."""

from fastapi import FastAPI

from model.artifact import load
from model.document import tag_document
from model.tagger import Tagger
from service.answers import identity, tag_response
from service.schemas import TagRequest, TagResponse
from service.settings import Settings

artifact = load(Settings().artifact)
tagger = Tagger(artifact.model)
name = identity(artifact)
app = FastAPI()


@app.post("/v1/tag")
def tag(request: TagRequest) -> TagResponse:
    """Tag a document."""
    return tag_response(tag_document(tagger, request.text), request.text, name)


@app.get("/readyz")
def readyz() -> None:
    """Answer when the model is loaded."""
