"""Settings that must be made before anything is imported."""

import os

# Without it scikit-learn's check of array API inputs is skipped.
os.environ["SCIPY_ARRAY_API"] = "1"
