"""
MLPNet and MLPClassifier
========================

:class:`~skdnn.MLPNet` takes every parameter of scikit-learn's
:class:`~sklearn.neural_network.MLPClassifier`, with its meaning and its default. With the same
`random_state` it draws the same first weights and the same batches, so that both end with the same
network, to rounding. Here that is checked on the handwritten digits, and both are timed.
"""

# %%
# The data are 1,797 images of 8 x 8 pixels. Both models see the same four folds, scaled in the same
# way. `MLPClassifier` waits one epoch longer for an improvement than its `n_iter_no_change` says;
# `MLPNet` is given that one epoch more, so that both train equally long.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import StratifiedKFold, cross_validate
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from skdnn import MLPNet

X, y = load_digits(return_X_y=True)
cv = StratifiedKFold(4, shuffle=True, random_state=0)
params = {"hidden_layer_sizes": (64,), "learning_rate_init": 0.005, "random_state": 0}
ours = MLPNet(**params, n_iter_no_change=11)
theirs = MLPClassifier(**params, n_iter_no_change=10)

# %%
# Both compute in the type of the data; float32 is faster. The first fit on a machine compiles the
# kernels that it needs, so each type is fitted once before the clock starts. Each model gets one
# thread, which keeps the times steady on a machine that does other things too.
for dtype in (np.float64, np.float32):
    ours.fit(X.astype(dtype), y)

results = {}
print(f"{'':24}{'accuracy':>17}  {'log loss':>15}  {'fit, s':>15}")
with threadpool_limits(1):
    for dtype in (np.float64, np.float32):
        for model in (ours, theirs):
            name = f"{type(model).__name__}, {dtype.__name__}"
            results[name] = result = cross_validate(
                make_pipeline(StandardScaler(), model),
                X.astype(dtype),
                y,
                cv=cv,
                scoring=["accuracy", "neg_log_loss"],
                return_estimator=True,
            )
            columns = result["test_accuracy"], -result["test_neg_log_loss"], result["fit_time"]
            print(f"{name:24}", *(f"{c.mean():8.4f} ± {c.std():.4f}" for c in columns), sep="  ")

# %%
# The scores are the same because the networks are:
pairs = zip(
    results["MLPNet, float64"]["estimator"],
    results["MLPClassifier, float64"]["estimator"],
    strict=True,
)
differences = [
    np.abs(a - b).max()
    for mine, other in pairs
    for a, b in zip(mine[-1].coefs_, other[-1].coefs_, strict=True)
]
print(f"largest difference of any weight in float64, in four folds: {max(differences):.1e}")

# %%
# So the choice between the two is one of speed, and of what each can do. `MLPClassifier` has the
# longer record, and needs no compiler: for a single fit on a machine that has never run skdnn it is
# sooner done, because compiling takes some seconds, once.
figure, (left, right) = plt.subplots(1, 2, figsize=(8.5, 3), layout="constrained", sharey=True)
for axes, key in ((left, "test_accuracy"), (right, "fit_time")):
    for place, (name, result) in enumerate(results.items()):
        color = "C0" if name.startswith("MLPNet") else "C1"
        axes.plot(result[key], np.full(cv.n_splits, place), "o", color=color, alpha=0.6)
left.set_yticks(range(len(results)), results)
left.invert_yaxis()
left.locator_params(axis="x", nbins=5)
left.set(xlabel="accuracy on the fold left out")
right.set(xlabel="seconds to fit", xlim=(0, None))
plt.show()
