"""Which peers there are, and what to know when reading their figures."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Entry:
    """A peer.

    Attributes:
        name: in tables.
        factory: `module:function` in this package, looked up only in the process that runs the peer, since each needs other libraries.
        note: how it was trained, and where the comparison is kind or unkind to it.
        encoder: whether it needs the files of a sentence encoder, and so torch.
    """

    name: str
    factory: str
    note: str
    encoder: bool = False


HELMKEEL: Final = Entry(
    "Helmkeel",
    "helmkeel:helmkeel",
    "as `make train` leaves it. Encoders tuned on the corpus have taught it (training/distill), and its settings were chosen over many"
    " experiments (docs/experiments.md), measured on sentences from outside the project: where GOLD holds those, its figure there is"
    " flattered. The peers got their tools' usual settings and no such care. Its time includes dimension and concept, its size all"
    " tables for them, calibration and evidence, which the others do not give.",
)

TUNED: Final = Entry(
    "fine-tuned MiniLM",
    "encoder_models:fine_tuned",
    "two rounds at a rate of 5e-5, not tuned; PyTorch as above.",
    encoder=True,
)

PEERS: Final = (
    Entry(
        "TF-IDF + logistic regression",
        "linear:tfidf",
        "scikit-learn; words and pairs seen twice or more, sublinear; penalty by cross-validation on the training rows, in all logistic"
        " regressions here. The vocabulary is stored as Python strings and 64-bit weights; it could be made smaller.",
    ),
    Entry(
        "fastText words",
        "fasttext_models:words",
        "settings of fastText's tutorial for several labels (one-versus-all, 25 rounds, pairs, 50 dimensions). Trained on one thread; not"
        " quantised, which would make it much smaller. The time includes the tutorial's preprocessing in Python.",
    ),
    Entry(
        "fastText subwords",
        "fasttext_models:subwords",
        "the same with pieces of three to six characters.",
    ),
    Entry(
        "spaCy bag-of-words",
        "spacy_models:bag_of_words",
        "`TextCatBOW` with pairs, ten rounds, no early stopping. The time includes spaCy's tokenizer, which a spaCy pipeline would have run"
        " anyway.",
    ),
    Entry(
        "spaCy CNN",
        "spacy_models:cnn",
        "`TextCatReduce` over `HashEmbedCNN` without pretrained vectors, three rounds, no early stopping.",
    ),
    Entry(
        "Model2Vec + logistic regression",
        "model2vec_models:static_vectors",
        "256 dimensions distilled from the plain encoder with the library's defaults; the vectors know nothing of the corpus.",
        encoder=True,
    ),
    Entry(
        "zero-shot similarity",
        "encoder_models:zero_shot",
        "cosine to the nearest of the document's statements, each side with the threshold that is best on 2,000 training rows; nothing else"
        " is learnt. Abstract statements are far from everyday sentences.",
        encoder=True,
    ),
    Entry(
        "frozen MiniLM + logistic regression",
        "encoder_models:frozen",
        "PyTorch in 32 bits; another runtime or 8 bits would be faster.",
        encoder=True,
    ),
    TUNED,
)
