// Pooling and normalisation of pictures whose channels come last in memory: (N, H, W, C). torch has
// the first with indices of eight bytes, the second for channels first alone.
#pragma once

#include <math.h>

#include "launch.h"

// outer: rows of all pictures' outputs, or pictures; inner: outputs in a row, or pixels. which: of
// the four pixels, for pool. mean, inverse: (pictures, channels), kept for the way back; sums: room
// for (pictures, 2, channels); grad_weight, grad_bias: (pictures, pixels), to be added up over the
// pictures.
#define AFNLAB_PLANES_LAUNCH(FIELD)                                                               \
    FIELD(int64_t, outer) FIELD(int64_t, inner) FIELD(int64_t, channels)                          \
    FIELD(const void*, x) FIELD(void*, y) FIELD(uint8_t*, which)                                  \
    FIELD(const void*, grad_y) FIELD(void*, grad_x)                                               \
    FIELD(const float*, weight) FIELD(const float*, bias) FIELD(float*, mean)                     \
    FIELD(float*, inverse) FIELD(float*, grad_weight) FIELD(float*, grad_bias)                    \
    FIELD(float*, sums) FIELD(float, eps) FIELD(int32_t, dtype) FIELD(int32_t, threads)

AFNLAB_STRUCTURE(PlanesLaunch, AFNLAB_PLANES_LAUNCH)

namespace afnlab {
namespace {

template <class S> inline S stored(float value) {
    if constexpr (SAME<S, float>) return value;
    else return narrow(value, S());
}
// A number that was widened, as it was.
template <class S> inline S cut(float value) {
    if constexpr (SAME<S, float>) return value;
    else return S{uint16_t(as_bits(value) >> 16)};
}
inline float widen(float value) { return value; }
template <class S> struct BitsOf { using Type = uint16_t; };
template <> struct BitsOf<float> { using Type = uint32_t; };

// The largest of every two by two pixels, and which of the four it was: the first of equal ones,
// the last NaN, as torch has it.
template <class S> void pool(const PlanesLaunch& launch) {
    const S* const x = static_cast<const S*>(launch.x);
    S* const y = static_cast<S*>(launch.y);
    uint8_t* const which = launch.which;
    const long rows = launch.outer, width = launch.inner, channels = launch.channels;
    const long line = 2 * width * channels;
#pragma omp parallel for schedule(static) num_threads(launch.threads)
    for (long row = 0; row < rows; ++row)
        for (long j = 0; j < width; ++j) {
            const S* const at = x + 2 * row * line + 2 * j * channels;
            const long to = (row * width + j) * channels;
#pragma omp simd
            for (long c = 0; c < channels; ++c) {
                const float a = widen(at[c]), b = widen(at[channels + c]);
                const float d = widen(at[line + c]), e = widen(at[line + channels + c]);
                const bool second = (b > a) | (b != b);
                const float above = second ? b : a;
                const bool third = (d > above) | (d != d);
                const float before = third ? d : above;
                const bool fourth = (e > before) | (e != e);
                y[to + c] = cut<S>(fourth ? e : before);
                const int found = fourth ? 3 : third ? 2 : int(second);
                which[to + c] = uint8_t(found);
            }
        }
}

// The way back, of numbers as Bits: they are only moved.
template <class S> void unpool(const PlanesLaunch& launch) {
    using Bits = typename BitsOf<S>::Type;
    const Bits* const grad_y = static_cast<const Bits*>(launch.grad_y);
    Bits* const grad_x = static_cast<Bits*>(launch.grad_x);
    const uint8_t* const which = launch.which;
    const long rows = launch.outer, width = launch.inner, channels = launch.channels;
    const long line = 2 * width * channels;
#pragma omp parallel for schedule(static) num_threads(launch.threads)
    for (long row = 0; row < rows; ++row)
        for (long j = 0; j < width; ++j) {
            Bits* const at = grad_x + 2 * row * line + 2 * j * channels;
            const long from = (row * width + j) * channels;
#pragma omp simd
            for (long c = 0; c < channels; ++c) {
                const Bits grad = grad_y[from + c], found = which[from + c];
                at[c] = found == 0 ? grad : Bits(0);
                at[channels + c] = found == 1 ? grad : Bits(0);
                at[line + c] = found == 2 ? grad : Bits(0);
                at[line + channels + c] = found == 3 ? grad : Bits(0);
            }
        }
}

// Every channel of every picture less its mean, over its deviation, times a weight and plus a bias
// for each pixel. All sums are of floats.
template <class S> void normalise(const PlanesLaunch& launch) {
    const S* const x = static_cast<const S*>(launch.x);
    const float *const weight = launch.weight, *const bias = launch.bias;
    S* const y = static_cast<S*>(launch.y);
    float *const mean = launch.mean, *const inverse = launch.inverse;
    const long pictures = launch.outer, pixels = launch.inner, channels = launch.channels;
    const float eps = launch.eps;
#pragma omp parallel for schedule(static) num_threads(launch.threads)
    for (long n = 0; n < pictures; ++n) {
        const S* const in = x + n * pixels * channels;
        S* const out = y + n * pixels * channels;
        float *const m = mean + n * channels, *const r = inverse + n * channels;
        for (long c = 0; c < channels; ++c) m[c] = r[c] = 0;
        for (long p = 0; p < pixels; ++p)
#pragma omp simd
            for (long c = 0; c < channels; ++c) m[c] += widen(in[p * channels + c]);
        for (long c = 0; c < channels; ++c) m[c] /= float(pixels);
        for (long p = 0; p < pixels; ++p)
#pragma omp simd
            for (long c = 0; c < channels; ++c) {
                const float away = widen(in[p * channels + c]) - m[c];
                r[c] += away * away;
            }
        for (long c = 0; c < channels; ++c) r[c] = 1 / sqrtf(r[c] / float(pixels) + eps);
        for (long p = 0; p < pixels; ++p)
#pragma omp simd
            for (long c = 0; c < channels; ++c) {
                const float z = (widen(in[p * channels + c]) - m[c]) * r[c];
                out[p * channels + c] = stored<S>(z * weight[p] + bias[p]);
            }
    }
}

// The way back.
template <class S> void normalise_back(const PlanesLaunch& launch) {
    const S* const grad_y = static_cast<const S*>(launch.grad_y);
    const S* const x = static_cast<const S*>(launch.x);
    const float *const weight = launch.weight, *const mean = launch.mean, *const inverse = launch.inverse;
    S* const grad_x = static_cast<S*>(launch.grad_x);
    float *const grad_weight = launch.grad_weight, *const grad_bias = launch.grad_bias;
    float* const sums = launch.sums;
    const long pictures = launch.outer, pixels = launch.inner, channels = launch.channels;
#pragma omp parallel for schedule(static) num_threads(launch.threads)
    for (long n = 0; n < pictures; ++n) {
        const S* const in = x + n * pixels * channels;
        const S* const grad = grad_y + n * pixels * channels;
        S* const out = grad_x + n * pixels * channels;
        const float *const m = mean + n * channels, *const r = inverse + n * channels;
        float *const plain = sums + 2 * n * channels, *const along = plain + channels;
        for (long c = 0; c < channels; ++c) plain[c] = along[c] = 0;
        for (long p = 0; p < pixels; ++p) {
            float of_weight = 0, of_bias = 0;
#pragma omp simd reduction(+ : of_weight, of_bias)
            for (long c = 0; c < channels; ++c) {
                const float g = widen(grad[p * channels + c]);
                const float z = (widen(in[p * channels + c]) - m[c]) * r[c];
                of_weight += g * z;
                of_bias += g;
                plain[c] += g * weight[p];
                along[c] += g * weight[p] * z;
            }
            grad_weight[n * pixels + p] = of_weight;
            grad_bias[n * pixels + p] = of_bias;
        }
        const float share = 1 / float(pixels);
        for (long p = 0; p < pixels; ++p)
#pragma omp simd
            for (long c = 0; c < channels; ++c) {
                const float g = widen(grad[p * channels + c]) * weight[p];
                const float z = (widen(in[p * channels + c]) - m[c]) * r[c];
                const float rest = g - share * (plain[c] + z * along[c]);
                out[p * channels + c] = stored<S>(r[c] * rest);
            }
    }
}

}  // namespace
}  // namespace afnlab

#define AFNLAB_PLANES_EXPORT(name)                                                                \
    extern "C" int afnlab_planes_##name(const afnlab::PlanesLaunch* launch) {                     \
        switch (launch->dtype) {                                                                  \
            case afnlab::FLOAT32: afnlab::name<float>(*launch); return 0;                         \
            case afnlab::BFLOAT16: afnlab::name<afnlab::bfloat>(*launch); return 0;               \
            default: return afnlab::NO_SUCH_DTYPE;                                                \
        }                                                                                         \
    }

AFNLAB_PLANES_EXPORT(pool)
AFNLAB_PLANES_EXPORT(unpool)
AFNLAB_PLANES_EXPORT(normalise)
AFNLAB_PLANES_EXPORT(normalise_back)
