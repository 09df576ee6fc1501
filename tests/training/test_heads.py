"""The heads of the tags on small tables of counts whose answer is known."""

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.typing import NDArray

from training.heads import TagHeads

EVERYWHERE, PARTICULAR_ONLY, OFFICE_ONLY, NOISE = range(4)
COUNTED = (slice(0, 4),)


@pytest.fixture(scope="module")
def table() -> tuple[sp.csr_array, NDArray[np.bool_], NDArray[np.bool_]]:
    """400 sentences of four words, half of them from documents full of particulars; two tags that follow the words."""
    random = np.random.default_rng(7)
    words = random.random((400, 4)) < 0.5
    particular = np.arange(400) % 2 == 0
    chance = random.random((400, 2))
    helped = words[:, EVERYWHERE] | np.where(particular, words[:, PARTICULAR_ONLY], words[:, OFFICE_ONLY])
    first = np.where(helped, chance[:, 0] < 0.8, chance[:, 0] < 0.1)
    second = np.where(words[:, NOISE], chance[:, 1] < 0.9, chance[:, 1] < 0.1)
    return sp.csr_array(words.astype(np.float64)), np.column_stack([first, second]), particular


def test_what_holds_in_particular_documents_only_is_left_out(table: tuple[sp.csr_array, NDArray[np.bool_], NDArray[np.bool_]]) -> None:
    features, targets, particular = table
    first, second = TagHeads((), 1.0, 0).fit(features, targets, particular).coef_
    assert first[EVERYWHERE] > 1
    assert first[OFFICE_ONLY] > 1
    assert abs(first[PARTICULAR_ONLY]) < 0.5 * first[OFFICE_ONLY]
    assert abs(first[NOISE]) < 0.5
    assert second[NOISE] > 1


def test_each_tag_is_fitted_on_its_own(table: tuple[sp.csr_array, NDArray[np.bool_], NDArray[np.bool_]]) -> None:
    features, targets, particular = table
    unsorted = features[:, ::-1][:, ::-1]
    unsorted.has_sorted_indices = False
    both = TagHeads(COUNTED, 1.0, 0).fit(unsorted, targets, particular)
    for k in range(2):
        alone = TagHeads(COUNTED, 1.0, 0).fit(features, targets[:, [k]], particular)
        assert np.allclose(alone.coef_[0], both.coef_[k], atol=0.05)
        assert both.decision_function(features)[:, k] == pytest.approx(features @ both.coef_[k] + both.intercept_[k])


def test_a_column_that_tells_nothing_weighs_little(table: tuple[sp.csr_array, NDArray[np.bool_], NDArray[np.bool_]]) -> None:
    features, targets, particular = table
    uncounted = TagHeads((), 1.0, 0).fit(features, targets, particular).coef_[1]
    counted = TagHeads(COUNTED, 1.0, 0).fit(features, targets, particular).coef_[1]
    assert abs(counted[EVERYWHERE]) < abs(uncounted[EVERYWHERE])
    assert counted[NOISE] > uncounted[NOISE]
