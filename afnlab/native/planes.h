// Pooling and normalisation of pictures whose channels come last in memory: (N, H, W, C). torch has
// the first with indices of eight bytes, the second for channels first alone.
#pragma once

#include <math.h>

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

// The largest of every two by two pixels, and which of the four it was: the first of equal ones,
// the last NaN, as torch has it. rows: those of all pictures' outputs; width: of the outputs.
template <class S>
void pool(const S* x, S* y, uint8_t* which, long rows, long width, long channels, int threads) {
    const long line = 2 * width * channels;
#pragma omp parallel for schedule(static) num_threads(threads)
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
template <class Bits>
void unpool(const Bits* grad_y, const uint8_t* which, Bits* grad_x, long rows, long width,
            long channels, int threads) {
    const long line = 2 * width * channels;
#pragma omp parallel for schedule(static) num_threads(threads)
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
// for each pixel. mean, inverse: of (pictures, channels), for the way back. All sums are of floats.
template <class S>
void normalise(const S* x, const float* weight, const float* bias, S* y, float* mean,
               float* inverse, long pictures, long pixels, long channels, float eps, int threads) {
#pragma omp parallel for schedule(static) num_threads(threads)
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

// The way back. sums: room for (pictures, 2, channels); grad_weight, grad_bias: (pictures, pixels),
// to be added up over the pictures.
template <class S>
void normalise_back(const S* grad_y, const S* x, const float* weight, const float* mean,
                    const float* inverse, S* grad_x, float* grad_weight, float* grad_bias,
                    float* sums, long pictures, long pixels, long channels, int threads) {
#pragma omp parallel for schedule(static) num_threads(threads)
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

#define AFNLAB_PLANES_OF(S, Bits, suffix)                                                         \
    extern "C" void afnlab_pool_##suffix(const S* x, S* y, uint8_t* which, int64_t rows,          \
                                         int64_t width, int64_t channels, int threads) {          \
        afnlab::pool(x, y, which, rows, width, channels, threads);                                \
    }                                                                                             \
    extern "C" void afnlab_unpool_##suffix(const Bits* grad_y, const uint8_t* which,              \
                                           Bits* grad_x, int64_t rows, int64_t width,             \
                                           int64_t channels, int threads) {                       \
        afnlab::unpool(grad_y, which, grad_x, rows, width, channels, threads);                    \
    }                                                                                             \
    extern "C" void afnlab_normalise_##suffix(                                                    \
        const S* x, const float* weight, const float* bias, S* y, float* mean, float* inverse,    \
        int64_t pictures, int64_t pixels, int64_t channels, float eps, int threads) {             \
        afnlab::normalise(x, weight, bias, y, mean, inverse, pictures, pixels, channels, eps,     \
                          threads);                                                               \
    }                                                                                             \
    extern "C" void afnlab_normalise_back_##suffix(                                               \
        const S* grad_y, const S* x, const float* weight, const float* mean,                      \
        const float* inverse, S* grad_x, float* grad_weight, float* grad_bias, float* sums,       \
        int64_t pictures, int64_t pixels, int64_t channels, int threads) {                        \
        afnlab::normalise_back(grad_y, x, weight, mean, inverse, grad_x, grad_weight, grad_bias,  \
                               sums, pictures, pixels, channels, threads);                        \
    }

AFNLAB_PLANES_OF(float, uint32_t, float32)
AFNLAB_PLANES_OF(afnlab::bfloat, uint16_t, bfloat16)
