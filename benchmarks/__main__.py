"""`make benchmark`: measures everything and writes benchmarks/results.md."""

import platform
from pathlib import Path

from benchmarks import batch, segmentation, tagging
from model.artifact import load
from service.settings import Settings


def main() -> None:
    """Measure, print and write."""
    settings = Settings()
    artifact = load(settings.artifact)
    parts = [
        "# Benchmark results\n\nWritten by `make benchmark`; one thread unless said otherwise, best of three runs.\n",
        f"Machine: {platform.machine()}, {_processor()}, Python {platform.python_version()}. Model {artifact.sha256[:12]}.\n",
        "## Segmenting, beside other splitters\n",
        "Boundary F1 on the 40 marked documents of `tests/model/gold` (starts and ends of sentences to be scored; the others know no\n"
        "headings, marks or speakers), and speed on the documents of the corpus.\n",
        segmentation.run(settings.data),
        "## Tagging\n",
        tagging.run(artifact, settings),
        "## Batch scoring\n",
        batch.run(settings.data),
    ]
    result = "\n".join(parts)
    (Path(__file__).parent / "results.md").write_text(result, encoding="utf-8")
    print(result)


def _processor() -> str:
    names = [line.split(":", 1)[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    return names[0] if names else platform.processor()


if __name__ == "__main__":
    main()
