"""`make distil ENCODER=FOLDER`: tunes the teachers, embeds words, and teaches the student; writes `data/embedding` and `data/student`."""

import argparse
import hashlib
import json
import random
from collections.abc import Callable, Iterator, Sequence
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
from training.distill.student import Vocabulary, learn, vocabulary
from training.embedding import quantise
from training.features import lower_case_words
from training.split import is_calibration
from training.student import save_student

ENCODER_NAME: Final = "sentence-transformers/all-MiniLM-L6-v2"
ENCODER_SHA256: Final = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
TEACHERS: Final = 4
REWRITTEN: Final = 4_000_000
PORTION: Final = 20_000
Arrays = tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]
Prepare = Callable[[Sequence[str]], tuple[Pieces, Arrays]]


def main() -> None:
    """Do all of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("encoder", type=Path, help=f"folder with the files of {ENCODER_NAME}")
    parser.add_argument("--data", type=Path, default=Path("data"))
    parser.add_argument("--rewritten", type=int, default=REWRITTEN, help="how many sentences to make")
    arguments = parser.parse_args()
    digest = hashlib.sha256((arguments.encoder / "model.safetensors").read_bytes()).hexdigest()
    if digest != ENCODER_SHA256:
        parser.error(f"{arguments.encoder}: model.safetensors has SHA-256 {digest}, expected {ENCODER_SHA256}")
    examples = [example for example in read_corpus(arguments.data / "corpus") if not is_calibration(example.doc)]
    plain = Encoder(arguments.encoder).to(DEVICE)
    words = vectors.vocabulary(plain, [example.text for example in examples])
    source = make_rewriter(plain, examples, words)
    known = lower_case_words(source.sentences)
    vocabulary_ = vocabulary(words, source.sentences, known)
    pieces, arrays = write(source, vocabulary_, plain.tokenizer, arguments.rewritten)
    del plain
    first, *others = Parallel(n_jobs=TEACHERS)(delayed(teacher)(arguments.encoder, examples, seed) for seed in range(1, TEACHERS + 1))
    static = vectors.word_vectors(first.to(DEVICE), words)
    judged = sum(one.to(DEVICE).judge(pieces) for one in (first, *others)) / TEACHERS
    codes, scale = quantise(static)
    folder = arguments.data / "embedding"
    (folder / "words.txt").write_text("\n".join(words) + "\n", encoding="utf-8")
    np.savez_compressed(folder / "vectors.npz", codes=codes, scale=scale)
    save_student(learn(vocabulary_, static, arrays, judged.astype(np.float16), len(source.sentences)), arguments.data / "student")
    text = json.dumps(provenance(examples, words, arguments.rewritten), indent=1)
    for part in TABLES:
        (arguments.data / part / "provenance.json").write_text(text + "\n", encoding="utf-8")


def teacher(folder: Path, examples: Sequence[Example], seed: int) -> Encoder:
    """Return an encoder tuned on the corpus."""
    encoder = Encoder(folder)
    encoder.to(DEVICE)
    tune(encoder, examples, seed)
    encoder.cpu()
    return encoder


def make_rewriter(plain: Encoder, examples: Sequence[Example], words: Sequence[str]) -> Rewriter:
    """Return what rewrites the sentences of the corpus, those in office English most."""
    office = [example.text for example in examples if example.manner is Manner.OFFICE]
    raw = plain.embed(cut(plain.tokenizer, words))
    return rewriter([example.text for example in examples], office, words, raw, vectors.frequencies(words))


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


def provenance(examples: Sequence[Example], words: Sequence[str], rewritten: int) -> dict[str, Any]:
    """Return where the tables come from."""
    return {
        "encoder": ENCODER_NAME,
        "encoder_sha256": ENCODER_SHA256,
        "encoder_licence": "Apache-2.0",
        "teachers": TEACHERS,
        "tuned_on_sentences": len(examples),
        "rewritten_sentences": rewritten,
        "words": len(words),
        "device": torch.cuda.get_device_name() if DEVICE == "cuda" else "cpu",
        "libraries": {name: version(name) for name in ("torch", "transformers", "wordfreq", "scikit-learn", "numpy")},
    }


if __name__ == "__main__":
    main()
