// Adam and AdamW of stacked networks, each with a learning rate and a weight decay of its own, in one
// pass: torch's have one rate for a tensor, and reading and writing it several times is what a step
// costs.
#pragma once

#include <math.h>

#include "launch.h"

// p, grad, mean, square: (members, size), of float32 or float64; mean and square are the averages of
// gradients and of their squares, which keep shares momentum and second of what they were, and are
// divided by what of_mean and of_square of a gradient are in them by now. rates: (members). decays:
// (members), of the parameter itself if decoupled, else added to its gradient.
#define AFNLAB_ADAM_LAUNCH(FIELD)                                                                 \
    FIELD(int64_t, members) FIELD(int64_t, size)                                                  \
    FIELD(void*, p) FIELD(const void*, grad) FIELD(void*, mean) FIELD(void*, square)              \
    FIELD(const double*, rates) FIELD(const double*, decays)                                      \
    FIELD(double, momentum) FIELD(double, second) FIELD(double, eps)                              \
    FIELD(double, of_mean) FIELD(double, of_square)                                               \
    FIELD(int32_t, decoupled) FIELD(int32_t, dtype) FIELD(int32_t, threads)

AFNLAB_STRUCTURE(AdamLaunch, AFNLAB_ADAM_LAUNCH)

namespace afnlab {
namespace {

template <class T> void adam(const AdamLaunch& launch) {
    const long members = launch.members, size = launch.size;
    const T momentum = T(launch.momentum), second = T(launch.second), eps = T(launch.eps);
    const T of_mean = T(1 - launch.momentum), of_square = T(1 - launch.second);
    const T root = T(1 / sqrt(launch.of_square));
#pragma omp parallel for schedule(static) num_threads(launch.threads) \
    if (members * size > WORTH_THREADS)
    for (long at = 0; at < members; ++at) {
        T* const p = static_cast<T*>(launch.p) + at * size;
        T* const mean = static_cast<T*>(launch.mean) + at * size;
        T* const square = static_cast<T*>(launch.square) + at * size;
        const T* const grad = static_cast<const T*>(launch.grad) + at * size;
        const double rate = launch.rates[at], decay = launch.decays[at];
        const T shrunk = T(launch.decoupled ? 1 - rate * decay : 1);
        const T added = T(launch.decoupled ? 0 : decay), length = T(rate / launch.of_mean);
#pragma omp simd
        for (long i = 0; i < size; ++i) {
            const T g = grad[i] + added * p[i];
            const T m = momentum * mean[i] + of_mean * g;
            const T s = second * square[i] + of_square * g * g;
            mean[i] = m;
            square[i] = s;
            p[i] = shrunk * p[i] - length * m / (sqrt(s) * root + eps);
        }
    }
}

}  // namespace
}  // namespace afnlab

extern "C" int afnlab_adam_step(const afnlab::AdamLaunch* launch) {
    switch (launch->dtype) {
        case afnlab::FLOAT32: afnlab::adam<float>(*launch); return 0;
        case afnlab::FLOAT64: afnlab::adam<double>(*launch); return 0;
        default: return afnlab::NO_SUCH_DTYPE;
    }
}
