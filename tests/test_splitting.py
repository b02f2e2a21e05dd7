"""The rows held out for validation."""

import numpy as np
import pytest
from scipy import sparse

from skdnn.splitting import hold_out


def _table(n=200, seed=0):
    rng = np.random.RandomState(seed)
    X = rng.normal(size=(n, 3))
    X[rng.rand(*X.shape) < 0.3] = 0
    return X, rng.randint(3, size=(n, 1))


def _held(X, y, *args, seed=0, **options):
    return hold_out(X, y, 0.1, seed, *args, **options)


def test_parts_are_disjoint_and_complete():
    X, y = _table()
    part = _held(X, y, strata=y[:, 0])
    assert len(part.validation) == 20
    assert sorted([*part.train, *part.validation]) == list(range(200))
    assert part.train_weight is None and part.validation_weight is None


def test_strata_keep_their_shares_and_a_rare_one_stays_in_training():
    X, _ = _table()
    strata = np.repeat([0, 1, 2, 3], [140, 40, 19, 1])
    part = _held(X, strata[:, None], strata=strata)
    assert np.bincount(strata[part.validation], minlength=4).tolist() == [14, 4, 2, 0]


def test_seed_decides():
    X, y = _table()
    first, again, other = (_held(X, y, seed=s).validation for s in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("seed", range(20))
def test_every_row_is_held_out_as_often(seed):
    X, y = _table(1000, seed)
    counts = sum(
        np.isin(np.arange(1000), _held(X, y, seed=s).validation).astype(int) for s in range(60)
    )
    # Binomial(60, 0.1): mean 6, standard deviation 2.32; the mean's over 1000 rows is exact.
    assert counts.mean() == 6
    assert 2.0 < counts.std() < 2.65


def test_order_and_storage_of_the_rows_do_not_matter():
    X, y = _table()
    held = X[_held(X, y, strata=y[:, 0]).validation]
    order = np.random.RandomState(1).permutation(200)
    moved = X[order][_held(X[order], y[order], strata=y[order, 0]).validation]
    stored = X[_held(sparse.csr_matrix(X), y, strata=y[:, 0]).validation]
    narrow = _held(X.astype(np.float32).astype(float), y).validation
    assert {tuple(row) for row in held} == {tuple(row) for row in moved}
    assert {tuple(row) for row in held} == {tuple(row) for row in stored}
    assert np.array_equal(_held(X.astype(np.float32), y).validation, narrow)


@pytest.mark.parametrize("seed", range(10))
def test_a_whole_weight_is_so_many_rows(seed):
    X, y = _table(30, seed)
    weight = np.random.RandomState(seed).randint(5, size=30).astype(float)
    kept = np.flatnonzero(weight)
    times = weight.astype(int)
    weighted = _held(X, y, weight, kept, strata=y[:, 0])
    repeated = _held(X.repeat(times, 0), y.repeat(times, 0), strata=y.repeat(times))
    copies = np.zeros(30)
    np.add.at(copies, np.arange(30).repeat(times)[repeated.validation], 1)
    np.testing.assert_array_equal(weighted.validation_weight, copies)
    np.testing.assert_array_equal(weighted.train_weight, weight - copies)


def test_fractional_weights_are_not_split():
    X, y = _table()
    weight = np.random.RandomState(0).uniform(0.1, 2, 200)
    part = _held(X, y, weight)
    assert sorted([*part.train, *part.validation]) == list(range(200))
    assert weight[part.validation].sum() == pytest.approx(0.1 * weight.sum(), abs=1)


@pytest.mark.parametrize("n, fraction", [(1, 0.1), (2, 0.1), (10, 0.0)])
def test_too_few_rows(n, fraction):
    X, y = _table(n)
    with pytest.raises(ValueError, match=rf"validation_fraction={fraction} of n_samples={n}"):
        hold_out(X, y, fraction, 0)


def test_two_rows_are_the_least_that_is_held_out():
    X, y = _table(6)
    assert len(_held(X, y).validation) == 2
