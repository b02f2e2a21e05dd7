"""Batch normalisation: Ioffe and Szegedy (2015), with rows that may count differently.

In training a column x of a batch becomes gamma (x - mean) / sqrt(variance + epsilon) + beta, with
the batch's weighted mean and variance, which enter the running statistics: a row of them is the
running mean, the running variance, and the number of batches that they are of. At prediction the
running statistics take the batch's place.
"""

import math

from skdnn.engine._jit import inner_kernel, kernel
from skdnn.engine.elementary import ONE, ZERO
from skdnn.engine.products import row_at
from skdnn.engine.views import vector


@inner_kernel
def row_weight(data, place, total):
    """Return the share of a batch's total weight that the row at a place of the order has."""
    if data.weight.size == 0:
        return data.y.dtype.type(1.0 / total)
    return data.y.dtype.type(data.weight[row_at(data, place)] / total)


@kernel
def total_weight(data, start, rows):
    """Return a batch's weight."""
    if data.weight.size == 0:
        return float(rows)
    total = 0.0
    for i in range(rows):
        total += data.weight[row_at(data, start + i)]
    return total


@inner_kernel
def batch_statistics(data, start, x, mean, variance):
    """Write the weighted mean and variance of each column."""
    total = total_weight(data, start, x.shape[0])
    for j in range(mean.size):
        mean[j] = variance[j] = ZERO
    for i in range(x.shape[0]):
        weight = row_weight(data, start + i, total)
        for j in range(mean.size):
            mean[j] += weight * x[i, j]
    for i in range(x.shape[0]):
        weight = row_weight(data, start + i, total)
        for j in range(mean.size):
            variance[j] += weight * (x[i, j] - mean[j]) * (x[i, j] - mean[j])


@inner_kernel
def update_running(statistics, momentum, mean, variance):
    """Let a batch into the running statistics.

    Of the first batches the running statistics are the plain mean: they do not depend on what
    they were before there were any.
    """
    n = mean.size
    count = statistics[2 * n]
    kept = statistics.dtype.type(min(momentum, count / (count + ONE)))
    for j in range(n):
        statistics[j] = kept * statistics[j] + (ONE - kept) * mean[j]
        statistics[n + j] = kept * statistics[n + j] + (ONE - kept) * variance[j]
    statistics[2 * n] = count + ONE


@inner_kernel
def scale_columns(x, mean, inverse, gamma, beta, normal, out):
    """Write normal = (x - mean) inverse and out = gamma normal + beta."""
    for i in range(x.shape[0]):
        for j in range(mean.size):
            normal[i, j] = (x[i, j] - mean[j]) * inverse[j]
            out[i, j] = gamma[j] * normal[i, j] + beta[j]


@inner_kernel
def inverse_deviations(variance, epsilon, inverse):
    for j in range(variance.size):
        inverse[j] = 1.0 / math.sqrt(variance[j] + epsilon)


@inner_kernel
def normalize_batch(
    data, start, layer, x, statistics, gamma, beta, normal, mean, variance, inverse, out
):
    """Normalise by the batch's own statistics, which enter the running ones.

    The columns of one row have no variance: it is normalised by the running statistics, into which
    its squared distance from their mean enters.
    """
    n = x.shape[1]
    if x.shape[0] > 1:
        batch_statistics(data, start, x, mean, variance)
        update_running(statistics, layer.momentum, mean, variance)
    else:
        for j in range(n):
            mean[j] = x[0, j]
            variance[j] = (x[0, j] - statistics[j]) ** 2 if statistics[2 * n] > ZERO else ONE
        update_running(statistics, layer.momentum, mean, variance)
        for j in range(n):
            mean[j], variance[j] = statistics[j], statistics[n + j]
    inverse_deviations(variance, layer.epsilon, inverse)
    scale_columns(x, mean, inverse, gamma, beta, normal, out)


@inner_kernel
def normalize(layer, x, statistics, gamma, beta, normal, inverse, out):
    """Normalise by the running statistics."""
    n = x.shape[1]
    inverse_deviations(vector(statistics, n, n), layer.epsilon, inverse)
    scale_columns(x, vector(statistics, 0, n), inverse, gamma, beta, normal, out)


@inner_kernel
def normalization_sums(delta, normal, gamma_gradient, beta_gradient):
    """Write the sums over the rows of delta normal, and of delta."""
    for j in range(delta.shape[1]):
        gamma_gradient[j] = beta_gradient[j] = ZERO
    for i in range(delta.shape[0]):
        for j in range(delta.shape[1]):
            gamma_gradient[j] += delta[i, j] * normal[i, j]
            beta_gradient[j] += delta[i, j]


@inner_kernel
def normalize_batch_backward(
    data, start, delta, normal, inverse, gamma, gamma_gradient, beta_gradient, out
):
    """Write the derivatives by the inputs, of which mean and variance are functions.

    With p_i the share of row i in the weight: out_i = gamma inverse (delta_i
    - p_i sum_k delta_k - p_i normal_i sum_k delta_k normal_k).
    """
    if delta.shape[0] == 1:
        normalize_backward(delta, inverse, gamma, out)
        return
    total = total_weight(data, start, delta.shape[0])
    for i in range(delta.shape[0]):
        share = row_weight(data, start + i, total)
        for j in range(delta.shape[1]):
            common = share * (beta_gradient[j] + normal[i, j] * gamma_gradient[j])
            out[i, j] = gamma[j] * inverse[j] * (delta[i, j] - common)


@inner_kernel
def normalize_backward(delta, inverse, gamma, out):
    """Write the derivatives by the inputs where mean and variance are constants."""
    for i in range(delta.shape[0]):
        for j in range(delta.shape[1]):
            out[i, j] = gamma[j] * inverse[j] * delta[i, j]
