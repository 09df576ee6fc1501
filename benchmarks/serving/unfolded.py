"""What is fitted (`training.fit.Fitted`), before it is folded into tables, as an MLflow model."""

from pathlib import Path
from typing import Any

import joblib
from mlflow.models import set_model
from mlflow.pyfunc.model import PythonModel, PythonModelContext

from model.segment import segment


class Unfolded(PythonModel):  # type: ignore[misc]
    """Cuts each text into sentences and gives their decisions."""

    def load_context(self, context: PythonModelContext) -> None:
        """Load it."""
        self.fitted = joblib.load(Path(context.artifacts["fitted"]))

    def predict(self, context: PythonModelContext, model_input: Any, params: Any = None) -> list[dict[str, Any]]:  # noqa: ANN401
        """Score the sentences of each text."""
        answers = []
        for text in model_input["text"]:
            sentences = [sentence.text for sentence in segment(text).sentences]
            decisions = self.fitted.decide(sentences).tolist() if sentences else []
            answers.append({"sentences": sentences, "decisions": decisions})
        return answers


set_model(Unfolded())
