"""Teaches the additive model what a sentence encoder knows; the result is committed in `data/embedding` and `data/student`.

Run by hand (`make distil ENCODER=...`), not by training: it needs torch, transformers and wordfreq, and a GPU to be done in minutes. Where
only one-sided sentences or readings of their dimension are new, `make distil-dimensions` teaches the student these alone, without a GPU.

1. `encoder`: some encoders are tuned on the corpus, the teachers. `vectors`: what one of them makes of single words, reduced, are the
   word vectors.
2. `rewrite`: millions of sentences are made from those of the corpus by cutting, joining and exchanging words, and the teachers judge them.
3. `student`: an additive model learns the teachers' judgements: a row for each word, for each frequent neighbouring pair, and factorised
   pairs of words that stand near each other.

Documents that calibration relies on (`training.split.is_calibration`) and the hold-out are never shown to any of them.
"""
