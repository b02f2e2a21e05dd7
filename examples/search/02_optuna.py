"""
Optuna: a search that learns where to look
==========================================

`Optuna <https://optuna.org>`_ draws each candidate with regard to how the earlier ones did, and
gives up on one that is behind after some epochs. All that it needs to know is the validation loss
after each epoch. It is not one of skdnn's extras: ``pip install optuna``. ``--full`` tries more
candidates, for more epochs.
"""

import argparse

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from skdnn import MLPNet

try:
    import optuna
except ImportError:
    raise SystemExit("This example needs Optuna: pip install optuna") from None

parser = argparse.ArgumentParser()
parser.add_argument("--full", action="store_true", help="more candidates, for more epochs")
full = parser.parse_args().full
optuna.logging.set_verbosity(optuna.logging.WARNING)

X, y = load_digits(return_X_y=True)
X, X_test, y, y_test = train_test_split(X / 16, y, test_size=0.3, random_state=0)
X_train, X_val, y_train, y_val = train_test_split(X, y, test_size=0.25, random_state=0)

# %%
# The objective
# -------------
# The trial names what it wants to try. `partial_fit` trains for one epoch; a trial whose loss is
# worse than the median of the others at that epoch ends there, by an exception that Optuna takes
# note of.


def objective(trial):
    n_layers = trial.suggest_int("layers", 0, 3)
    width = trial.suggest_int("width", 4, 128, log=True)
    net = MLPNet(
        (width,) * n_layers,
        learning_rate_init=trial.suggest_float("learning rate", 3e-4, 3e-2, log=True),
        alpha=trial.suggest_float("alpha", 1e-6, 10, log=True),
        dropout=trial.suggest_float("dropout", 0, 0.5),
        batch_size=trial.suggest_categorical("batch size", [32, 64, 128]),
        random_state=0,
    )
    for epoch in range(1, (20 if full else 12) + 1):
        net.partial_fit(X_train, y_train, classes=range(10), X_val=X_val, y_val=y_val)
        trial.report(net.history_[-1]["validation_loss"], epoch)
        if trial.should_prune():
            raise optuna.TrialPruned
    trial.set_user_attr("test accuracy", net.score(X_test, y_test))
    return net.history_[-1]["validation_loss"]


# %%
# The search
# ----------
# With ``n_jobs=2`` two trials train at once, in threads: Python's lock is free meanwhile. The
# order in which they end, and so what Optuna learns from them, would then differ from run to run.

study = optuna.create_study(
    sampler=optuna.samplers.TPESampler(seed=0),
    pruner=optuna.pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=3),
)
study.optimize(objective, n_trials=30 if full else 20)
ended = [trial for trial in study.trials if trial.state.name == "COMPLETE"]
print(f"{len(study.trials)} trials, {len(study.trials) - len(ended)} of them given up early")
for name, value in study.best_params.items():
    print(f"  {name}: {value if not isinstance(value, float) else f'{value:.3g}'}")
print(f"test accuracy: {study.best_trial.user_attrs['test accuracy']:.3f}")

# %%
# What became of the trials
# -------------------------
# On the left each trial's validation loss: grey ones were given up. On the right where Optuna
# looked, early trials light and late ones dark.

figure, axes = plt.subplots(1, 2, figsize=(9.5, 3.8), layout="constrained")
for trial in study.trials:
    losses = trial.intermediate_values
    style = {"color": "C0", "lw": 1} if trial in ended else {"color": "0.6", "lw": 0.8, "zorder": 1}
    axes[0].plot(list(losses), list(losses.values()), **style)
best = study.best_trial.intermediate_values
axes[0].plot(list(best), list(best.values()), color="C3", lw=2, label="best")
axes[0].set(yscale="log", xlabel="epoch", ylabel="validation loss", title="Trials")
axes[0].legend()
points = axes[1].scatter(
    [trial.params["learning rate"] for trial in study.trials],
    [trial.params["width"] for trial in study.trials],
    c=[trial.number for trial in study.trials],
    cmap="Blues",
    ec="0.3",
)
axes[1].set(xscale="log", yscale="log", xlabel="learning rate", ylabel="width", title="Candidates")
figure.colorbar(points, ax=axes[1], label="trial", ticks=range(0, len(study.trials), 5))
plt.show()
