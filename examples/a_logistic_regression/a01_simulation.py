r"""
A1. A simulation of logistic regression
=======================================

The lecture begins with data whose coefficients are known: 1,000 rows of two standard normal
features, :math:`\beta = (1, 2)`, no intercept, and
:math:`y_i \sim \text{Bernoulli}(\sigma(x_i^\top \beta))`. Maximum likelihood finds the coefficients
again, as far as 1,000 rows tell.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from skdnn import GDLogisticRegression
from skdnn.displays import DecisionRegionsDisplay

# %%
# The data
# --------
# The lecture draws other random numbers from the same model.

rng = np.random.default_rng(0)
beta = np.array([1.0, 2.0])
X = rng.normal(size=(1000, 2))
y = rng.binomial(1, expit(X @ beta))

# %%
# Maximum likelihood
# ------------------
# ``C=np.inf`` is no penalty. Both minimise the same function, so that they have the same minimum.

options = {"C": np.inf, "fit_intercept": False, "tol": 1e-8}
reference = LogisticRegression(**options).fit(X, y)
model = GDLogisticRegression(**options).fit(X, y)
print(f"scikit-learn: {reference.coef_[0].round(3)} (lecture: [0.948, 2.163])")
print(f"skdnn:        {model.coef_[0].round(3)} (lecture: [0.948, 2.163])")
print(f"largest difference of the two: {np.abs(model.coef_ - reference.coef_).max():.0e}")

# %%
# How far such estimates are from the truth
# -----------------------------------------
# The standard errors say by how much coefficients vary from one draw to the next. The lecture's
# draw and this one are two of them: the difference of two has :math:`\sqrt 2` standard errors.

summary = model.summary()
print(summary)
apart = (model.coef_[0] - [0.948, 2.163]) / (np.sqrt(2) * summary.standard_errors)
print(f"this draw less the lecture's, in standard errors: {apart.round(1)}")

# %%
# The picture
# -----------
# Where the model gives both classes the same probability there is the decision line
# :math:`x^\top \beta = 0`.

display = DecisionRegionsDisplay.from_estimator(model, X, y, scatter_kw={"s": 18})
display.ax_.axline((0, 0), slope=-beta[0] / beta[1], color="black", linestyle="--", label="true")
display.ax_.axline(
    (0, 0), slope=-model.coef_[0, 0] / model.coef_[0, 1], color="black", label="fitted"
)
display.ax_.legend(title="class, decision line", loc="lower left")
display.ax_.set(xlabel="$x_1$", ylabel="$x_2$", title="Probability of class 1")
plt.show()
