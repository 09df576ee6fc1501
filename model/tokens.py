"""What a token is. Features are cut and named so; `model.lexicon` does the same, compiled."""

import re
from itertools import pairwise
from typing import Final

# A word (with an inner apostrophe), a number (with its separators), or any other single character that is not white space.
TOKEN: Final = re.compile(r"[^\W\d_]++(?:['’][^\W\d_]++)*+|\d+(?:[.,:/]\d+)*|[^\w\s]|_")

NAME: Final = "<name>"
NUMBER: Final = "<number>"
START: Final = "<s>"
END: Final = "</s>"
PLACEHOLDERS: Final = frozenset({NAME, NUMBER, START, END})

GRAM_LENGTHS: Final = (3, 4, 5)


def tokenise(text: str) -> list[str]:
    """Return the tokens of a text, in order."""
    return TOKEN.findall(text)


def fold_case(token: str) -> str:
    """Lower-case a token and straighten its apostrophes."""
    return token.lower().replace("’", "'")


def normalise(token: str, known: frozenset[str]) -> str:
    """Return the vocabulary form of a token.

    Digits become `<number>`. A capitalised token whose lower-case form is not in `known` (the words seen in lower case in training)
    becomes `<name>`, so that no person, place or company can carry an orientation of its own.
    """
    if token[0].isdigit():
        return NUMBER
    word = fold_case(token)
    if token[0].isupper() and word not in known:
        return NAME
    return word


def vocabulary_forms(text: str, known: frozenset[str]) -> list[str]:
    """Return the vocabulary form of each token of a text, in order."""
    return [normalise(token, known) for token in tokenise(text)]


def character_grams(word: str) -> list[str]:
    """Return the 3- to 5-character pieces of a word, its edges marked with `<` and `>`; none for placeholders and punctuation."""
    if word in PLACEHOLDERS or not word[0].isalpha():
        return []
    marked = f"<{word}>"
    return [marked[i : i + n] for n in GRAM_LENGTHS for i in range(len(marked) - n + 1)]


def bigrams(words: list[str]) -> list[tuple[str, str]]:
    """Return the neighbouring pairs of a sentence, its edges included: `n + 1` pairs for `n` words."""
    edged = [START, *words, END]
    return list(pairwise(edged))
