"""`make distil` and `make distil-dimensions ENCODER=FOLDER`: tune teachers and teach the student, all of it or its dimensions alone."""

import argparse
import hashlib
import json
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from joblib import Parallel, delayed
from numpy.typing import NDArray
from transformers import PreTrainedTokenizerBase

from training.build import TABLES
from training.corpus import Example, Manner, read_corpus
from training.distill import vectors
from training.distill.encoder import DEVICE, Encoder, Pieces, cut, tune
from training.distill.rewrite import Rewriter, rewriter
from training.distill.student import Vocabulary, learn, learn_dimensions, vocabulary
from training.embedding import load_embedding, quantise
from training.features import lower_case_words
from training.split import is_calibration
from training.student import load_student, save_student

ENCODER_NAME: Final = "sentence-transformers/all-MiniLM-L6-v2"
ENCODER_SHA256: Final = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
PORTION: Final = 20_000
PROVENANCE: Final = "provenance.json"
Arrays = tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]
Prepare = Callable[[Sequence[str]], tuple[Pieces, Arrays]]


@dataclass(frozen=True)
class Effort:
    """How many teachers there are, for how many rounds and in what batches each is tuned, and how many rewritten sentences they judge."""

    teachers: int
    epochs: int
    batch: int
    rewritten: int


WHOLE: Final = Effort(teachers=4, epochs=4, batch=64, rewritten=4_000_000)
DIMENSIONS: Final = Effort(teachers=2, epochs=2, batch=32, rewritten=40_000)  # what two cores do in an hour


def main() -> None:
    """Do all of it, or teach the dimensions alone."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("encoder", type=Path, help=f"folder with the files of {ENCODER_NAME}")
    parser.add_argument("--data", type=Path, default=Path("data"))
    parser.add_argument("--dimensions", action="store_true", help="teach the student its dimensions anew, and leave all else")
    arguments = parser.parse_args()
    digest = hashlib.sha256((arguments.encoder / "model.safetensors").read_bytes()).hexdigest()
    if digest != ENCODER_SHA256:
        parser.error(f"{arguments.encoder}: model.safetensors has SHA-256 {digest}, expected {ENCODER_SHA256}")
    examples = [example for example in read_corpus(arguments.data / "corpus") if not is_calibration(example.doc)]
    (teach_dimensions if arguments.dimensions else teach_all)(arguments.encoder, arguments.data, examples)


def teach_all(encoder: Path, data: Path, examples: Sequence[Example]) -> None:
    """Write word vectors and a student of teachers tuned on all examples; it sees no statements of duty, which teach no tags."""
    plain = Encoder(encoder).to(DEVICE)
    words = vectors.vocabulary(plain, [example.text for example in examples])
    source = make_rewriter(plain, [example for example in examples if example.manner.teaches_tags], words)
    vocabulary_ = vocabulary(words, source.sentences, lower_case_words(source.sentences))
    pieces, arrays = write(source, vocabulary_, plain.tokenizer, WHOLE.rewritten)
    del plain
    tuned = tune_teachers(encoder, examples, WHOLE)
    static = vectors.word_vectors(tuned[0].to(DEVICE), words)
    student = learn(vocabulary_, static, arrays, judge(tuned, pieces), len(source.sentences))
    codes, scale = quantise(static)
    folder = data / "embedding"
    (folder / "words.txt").write_text("\n".join(words) + "\n", encoding="utf-8")
    np.savez_compressed(folder / "vectors.npz", codes=codes, scale=scale)
    save_student(student, data / "student")
    facts = provenance(examples, WHOLE) | {"words": len(words)}
    for part in TABLES:
        write_provenance(data / part, facts)


def teach_dimensions(encoder: Path, data: Path, examples: Sequence[Example]) -> None:
    """Write a student that differs in its dimensions only, judged by teachers tuned on one-sided sentences.

    For when only such sentences or readings of their dimension are new: a fraction of the work, done without a GPU. Words and pairs stay
    those of the student; what is new among them gets no rows.
    """
    embedding = load_embedding(data / "embedding")
    student = load_student(data / "student", embedding.words)
    one_sided = [example for example in examples if example.label.one_sided]
    plain = Encoder(encoder).to(DEVICE)
    source = make_rewriter(plain, one_sided, embedding.words)
    known = lower_case_words([example.text for example in examples])
    pieces, arrays = write(source, Vocabulary(student.word_row, student.pair_row, known), plain.tokenizer, DIMENSIONS.rewritten)
    del plain
    judged = judge(tune_teachers(encoder, one_sided, DIMENSIONS), pieces)
    save_student(learn_dimensions(student, embedding.vectors, arrays, judged, len(source.sentences)), data / "student")
    facts = json.loads((data / "student" / PROVENANCE).read_text(encoding="utf-8"))
    write_provenance(data / "student", facts | {"dimensions": provenance(one_sided, DIMENSIONS)})


def tune_teachers(encoder: Path, examples: Sequence[Example], effort: Effort) -> list[Encoder]:
    """Return encoders tuned on the examples, each in another order."""
    seeds = range(1, effort.teachers + 1)
    return list(Parallel(n_jobs=effort.teachers)(delayed(teacher)(encoder, examples, effort, seed) for seed in seeds))


def teacher(folder: Path, examples: Sequence[Example], effort: Effort, seed: int) -> Encoder:
    """Return an encoder tuned on the examples."""
    encoder = Encoder(folder)
    encoder.to(DEVICE)
    tune(encoder, examples, seed, effort.epochs, effort.batch)
    encoder.cpu()
    return encoder


def judge(teachers: Sequence[Encoder], pieces: Pieces) -> NDArray[np.float16]:
    """Return (n, OUTPUTS) what the teachers say on average."""
    judged: NDArray[np.float32] = sum(one.to(DEVICE).judge(pieces) for one in teachers) / len(teachers)
    return judged.astype(np.float16)


def make_rewriter(plain: Encoder, examples: Sequence[Example], words: Sequence[str]) -> Rewriter:
    """Return what rewrites the sentences of the examples, those without many particulars most."""
    like_real = [example.text for example in examples if example.manner is not Manner.PARTICULAR]
    raw = plain.embed(cut(plain.tokenizer, words))
    return rewriter([example.text for example in examples], like_real, words, raw, vectors.frequencies(words))


def write(source: Rewriter, vocabulary: Vocabulary, tokenizer: PreTrainedTokenizerBase, count: int) -> tuple[Pieces, Arrays]:
    """Return the sentences of the corpus and so many rewritten ones: as pieces for a teacher, and as arrays for the student."""
    portions = [source.sentences[i : i + PORTION] for i in range(0, len(source.sentences), PORTION)]
    seeds = [(seed, min(PORTION, count - start)) for seed, start in enumerate(range(0, count, PORTION))]
    prepare = partial(_prepare, vocabulary=vocabulary, tokenizer=tokenizer)
    with get_context("fork").Pool() as pool:  # nothing on a GPU is touched by the children
        parts = pool.map(prepare, portions, chunksize=1) + pool.map(partial(_rewrite, source=source, prepare=prepare), seeds, chunksize=1)
    pieces = Pieces(*(np.concatenate([own[k] for own, _ in parts]) for k in range(2)))
    words, pairs, lengths = (np.concatenate([arrays[k] for _, arrays in parts]) for k in range(3))
    return pieces, (words, pairs, lengths)


def _rewrite(seed_and_count: tuple[int, int], source: Rewriter, prepare: Prepare) -> tuple[Pieces, Arrays]:
    seed, count = seed_and_count
    return prepare(list(_sentences(source, random.Random(seed), count)))  # noqa: S311 -- no secrecy


def _sentences(source: Rewriter, chance: random.Random, count: int) -> Iterator[str]:
    while count:
        sentence = source.rewrite(chance)
        if " " in sentence:
            count -= 1
            yield sentence


def _prepare(sentences: Sequence[str], vocabulary: Vocabulary, tokenizer: PreTrainedTokenizerBase) -> tuple[Pieces, Arrays]:
    return cut(tokenizer, sentences), vocabulary.arrays(sentences)


def provenance(examples: Sequence[Example], effort: Effort) -> dict[str, Any]:
    """Return where what was taught comes from."""
    return {
        "encoder": ENCODER_NAME,
        "encoder_sha256": ENCODER_SHA256,
        "encoder_licence": "Apache-2.0",
        "teachers": effort.teachers,
        "tuned_on_sentences": len(examples),
        "rewritten_sentences": effort.rewritten,
        "device": torch.cuda.get_device_name() if DEVICE == "cuda" else "cpu",
        "libraries": {name: version(name) for name in ("torch", "transformers", "wordfreq", "scikit-learn", "numpy")},
    }


def write_provenance(folder: Path, facts: dict[str, Any]) -> None:
    """Write where tables come from beside them."""
    (folder / PROVENANCE).write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
