"""Static word vectors from a sentence encoder.

The method is that of Model2Vec (Tulkens and van Dongen 2024): the vector of a word is what the encoder makes of it alone, reduced by
principal components and weighted by a/(a + frequency) (Arora et al. 2017, "A simple but tough-to-beat baseline for sentence embeddings").
"""

import re
from collections.abc import Sequence
from typing import Final

import numpy as np
import wordfreq
from numpy.typing import NDArray
from sklearn.decomposition import PCA

from training.distill.encoder import Encoder, cut

SEED: Final = 20261101
FREQUENT_WORDS: Final = 45_000
DIMENSIONS: Final = 128
SMOOTHING: Final = 1e-3
PUNCTUATION: Final = tuple(".,;:!?()[]/-&%$\"'*+=<>@#…–—•")
PUNCTUATION_FREQUENCY: Final = 0.05


def vocabulary(encoder: Encoder, sentences: Sequence[str]) -> list[str]:
    """Return the words to embed: frequent English, the whole words the encoder knows, those of the sentences, punctuation."""
    shape = re.compile(r"[a-z]+(?:'[a-z]+)?")
    frequent = [word for word in wordfreq.top_n_list("en", FREQUENT_WORDS, wordlist="large") if shape.fullmatch(word)]
    known = [word for word in encoder.tokenizer.get_vocab() if shape.fullmatch(word)]
    seen = {word for sentence in sentences for word in shape.findall(sentence.lower().replace("’", "'"))}
    return sorted({*PUNCTUATION, *frequent, *known, *seen})


def frequencies(words: Sequence[str]) -> NDArray[np.float64]:
    """Return (V,) how often each word stands among the words of English."""
    return np.array(
        [wordfreq.word_frequency(word, "en", wordlist="large") if word[0].isalpha() else PUNCTUATION_FREQUENCY for word in words]
    )


def word_vectors(encoder: Encoder, words: Sequence[str]) -> NDArray[np.float32]:
    """Return (V, DIMENSIONS) vectors with a root-mean-square length of 1."""
    raw = encoder.embed(cut(encoder.tokenizer, words))
    reduced = PCA(DIMENSIONS, random_state=SEED).fit_transform(raw - raw.mean(axis=0))
    weighted = reduced * (SMOOTHING / (SMOOTHING + frequencies(words)))[:, None]
    return np.asarray(weighted / np.sqrt((weighted**2).sum(axis=1).mean()), np.float32)
