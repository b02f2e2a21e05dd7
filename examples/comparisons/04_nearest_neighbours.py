"""
MLPNet and the nearest neighbours
=================================

:class:`~sklearn.neighbors.KNeighborsClassifier` learns nothing: it keeps the rows, and asks the
nearest ones. Where distance means likeness, that is hard to beat.
"""

# %%
# Four tables, the same five folds for both models. The pixels of the digits have one unit already
# and are divided by 16; the columns of the others are standardised. The network has one hidden
# layer of 64 units; the neighbours are 3, as in a lecture that these examples follow.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits, load_wine, make_moons
from sklearn.model_selection import StratifiedKFold, cross_validate
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from threadpoolctl import threadpool_limits

from skdnn import MLPNet

tables = {
    "digits": load_digits(return_X_y=True),
    "breast cancer": load_breast_cancer(return_X_y=True),
    "wine": load_wine(return_X_y=True),
    "moons": make_moons(1000, noise=0.2, random_state=3),
}
models = {
    "KNeighborsClassifier": KNeighborsClassifier(3),
    "MLPNet": MLPNet((64,), learning_rate_init=0.005, max_iter=500, random_state=0),
}
cv = StratifiedKFold(5, shuffle=True, random_state=0)

# %%
# The time to predict is part of this comparison: the neighbours do their work then. The first fit
# of the network compiles, so it is done before the clock starts. Each model gets one
# thread.
results = {}
print(f"{'':37}{'accuracy':>16}{'fit, ms':>18}{'predict and score, ms':>24}")
for table, (X, y) in tables.items():
    scale = FunctionTransformer(lambda X: X / 16) if table == "digits" else StandardScaler()
    models["MLPNet"].fit(scale.fit_transform(X), y)
    for name, model in models.items():
        with threadpool_limits(1):
            result = cross_validate(make_pipeline(scale, model), X, y, cv=cv)
        results[table, name] = result["test_score"]
        columns = (1000 * result["fit_time"], 1000 * result["score_time"])
        score = result["test_score"]
        print(
            f"{table:15}{name:22}{score.mean():8.4f} ± {score.std():.4f}",
            *(f"{c.mean():10.1f} ± {c.std():5.1f}" for c in columns),
        )

# %%
# On the digits the neighbours win: the images are centred and of one size, so that two of the same
# digit lie close together, and there is no fitting at all. Where columns differ in what they are
# worth, as in the table of breast cancer, the network can weigh them, and the neighbours cannot.
# On the moons both find the curved border.
#
# The neighbours pay at prediction: every row that was fitted has to be kept, and looked at. The
# network pays when it is fitted.
figure, axes = plt.subplots(figsize=(7, 3.6), layout="constrained")
for shift, (name, color) in zip((-0.12, 0.12), zip(models, ("C1", "C0"), strict=True), strict=True):
    for place, table in enumerate(tables):
        scores = results[table, name]
        label = name if place == 0 else None
        axes.plot(np.full(5, place + shift), scores, "o", color=color, alpha=0.5, label=label)
        axes.plot(place + shift, scores.mean(), "_", color=color, markersize=22, markeredgewidth=2)
axes.set_xticks(range(len(tables)), tables)
axes.set(ylabel="accuracy on the fold left out")
axes.legend(loc="lower left")
plt.show()
