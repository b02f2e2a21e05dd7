"""
GDLogisticRegression and SGDClassifier
======================================

:class:`~sklearn.linear_model.SGDClassifier` takes a step after each row;
``GDLogisticRegression(solver="sgd")`` takes one after each batch of 200. Both minimise the log loss
with a ridge penalty here. Beside them stands `GDLogisticRegression` with its default solver, which
uses all rows in each step.
"""

# %%
# 10,000 simulated rows of 50 columns; the strengths of the penalties agree, since `alpha` is
# 1 / (C n). `SGDClassifier` can follow several schedules of the learning rate, and can return the
# mean of its weights over the steps; the default schedule, "optimal", stands beside both.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import make_classification
from sklearn.linear_model import SGDClassifier
from sklearn.model_selection import StratifiedKFold, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from skdnn import GDLogisticRegression

X, y = make_classification(10_000, 50, n_informative=20, random_state=0)
cv = StratifiedKFold(4, shuffle=True, random_state=0)
alpha = 1 / (0.75 * len(y))  # three quarters of the rows are fitted
peer = SGDClassifier(loss="log_loss", alpha=alpha, random_state=0)
models = {
    "SGDClassifier": peer,
    "SGDClassifier, average": SGDClassifier(**peer.get_params() | {"average": True}),
    "SGDClassifier, adaptive": SGDClassifier(
        **peer.get_params() | {"learning_rate": "adaptive", "eta0": 0.01}
    ),
    'GDLogisticRegression, "sgd"': GDLogisticRegression(solver="sgd", random_state=0),
    "GDLogisticRegression": GDLogisticRegression(),
}

# %%
# Each model fits once before the clock starts, for the first fit compiles; each gets one thread.
results = {}
print(f"{'':28}{'accuracy':>17}{'log loss':>18}{'fit, ms':>15}{'epochs':>9}")
for name, model in models.items():
    pipeline = make_pipeline(StandardScaler(), model).fit(X[:1000], y[:1000])
    scoring = ["accuracy", "neg_log_loss"]
    with threadpool_limits(1):
        result = cross_validate(pipeline, X, y, cv=cv, scoring=scoring, return_estimator=True)
    results[name] = result
    accuracy, loss = result["test_accuracy"], -result["test_neg_log_loss"]
    time = 1000 * result["fit_time"]
    epochs = np.mean([np.max(fitted[-1].n_iter_) for fitted in result["estimator"]])
    print(
        f"{name:28}{accuracy.mean():8.4f} ± {accuracy.std():.4f}{loss.mean():9.4f} ± "
        f"{loss.std():.4f}{time.mean():8.0f} ± {time.std():3.0f}{epochs:9.1f}"
    )

# %%
# The single rows of `SGDClassifier` are noisy: with its default schedule the last weights are some
# way from the minimum, which costs accuracy and log loss. The mean of the weights mends the
# accuracy, but not the log loss, for the first steps, which are very long, count as much as the
# last. The adaptive schedule brings it to the same place as the others. Where the data fit into
# memory, and have as few columns as these, the default solver of `GDLogisticRegression` needs a few
# passes only and is sooner done.
#
# `SGDClassifier` stays the better choice for what `GDLogisticRegression` cannot do: hinge losses,
# `partial_fit` on a stream, and a very large number of sparse rows.
figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained", sharey=True)
places = np.arange(len(models))
for axes, key, sign in ((left, "test_neg_log_loss", -1), (right, "fit_time", 1000)):
    for place, (name, result) in zip(places, results.items(), strict=True):
        color = "C1" if name.startswith("SGD") else "C0"
        axes.plot(sign * result[key], np.full(cv.n_splits, place), "o", color=color, alpha=0.6)
left.set_yticks(places, models)
left.invert_yaxis()
left.set(xlabel="log loss on the fold left out")
right.set(xlabel="milliseconds to fit", xscale="log")
plt.show()
