"""Rows that are cut into partitions, and short fits of them."""

import numpy as np
from sklearn.datasets import load_digits

X, Y = load_digits(return_X_y=True)
X, Y = X[:1600] / 16, Y[:1600]
CUTS = (700, 0, 100, 290, 510)
SHORT = {"max_iter": 3, "n_iter_no_change": np.inf, "random_state": 0}
