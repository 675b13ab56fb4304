// Causal attention over short sequences: all of one head's numbers lie in the nearest cache, where
// torch's batched products of matrices of 14 x 8 spend most of their time on calls.
#pragma once

#include <math.h>

#include "launch.h"

// batch, positions, heads, size: x is (batch, positions, 3, heads, size), queries, keys and values;
// y, grad_y: (batch, positions, heads, size). weights: (batch, heads, positions, positions), kept
// for the way back, 0 where a position would look ahead.
#define AFNLAB_ATTENTION_LAUNCH(FIELD)                                                            \
    FIELD(int64_t, batch) FIELD(int64_t, positions) FIELD(int64_t, heads) FIELD(int64_t, size)    \
    FIELD(const float*, x) FIELD(float*, y) FIELD(float*, weights)                                \
    FIELD(const float*, grad_y) FIELD(float*, grad_x) FIELD(int32_t, threads)

AFNLAB_STRUCTURE(AttentionLaunch, AFNLAB_ATTENTION_LAUNCH)

namespace afnlab {
namespace {

constexpr int ROOM = 16;  // positions, at most

// Rows of one head, of SIZE numbers each `stride` apart, as columns of ROOM, the rest 0.
template <int SIZE>
void transposed(const float* rows, long stride, long count, float (*to)[ROOM]) {
    for (int c = 0; c < SIZE; ++c)
        for (int j = 0; j < ROOM; ++j) to[c][j] = j < count ? rows[j * stride + c] : 0;
}

// The products of a row with the ROOM columns.
template <int SIZE>
inline void products(const float* row, const float (*columns)[ROOM], float* out) {
    for (int j = 0; j < ROOM; ++j) out[j] = 0;
    for (int c = 0; c < SIZE; ++c) {
        const float factor = row[c];
#pragma omp simd
        for (int j = 0; j < ROOM; ++j) out[j] += factor * columns[c][j];
    }
}

template <int SIZE> void attend(const AttentionLaunch& launch) {
    const long positions = launch.positions, heads = launch.heads, width = heads * SIZE;
    const float scale = 1 / sqrtf(float(SIZE));
#pragma omp parallel for schedule(static) num_threads(launch.threads)
    for (long at = 0; at < launch.batch * heads; ++at) {
        const float* const query = launch.x + at / heads * positions * 3 * width + at % heads * SIZE;
        const float *const key = query + width, *const value = key + width;
        float* const weights = launch.weights + at * positions * positions;
        float* const y = launch.y + at / heads * positions * width + at % heads * SIZE;
        float keys[SIZE][ROOM], w[ROOM];
        transposed<SIZE>(key, 3 * width, positions, keys);
        for (long i = 0; i < positions; ++i) {
            products<SIZE>(query + i * 3 * width, keys, w);
            float most = w[0], sum = 0;
            for (long j = 1; j <= i; ++j) most = w[j] > most ? w[j] : most;
#pragma omp simd reduction(+ : sum)
            for (int j = 0; j < ROOM; ++j) {
                const float e = exp_of(j <= i ? scale * (w[j] - most) : -200.0f);
                w[j] = j <= i ? e : 0;
                sum += w[j];
            }
            const float share = 1 / sum;
            for (long j = 0; j < positions; ++j) weights[i * positions + j] = w[j] *= share;
            float found[SIZE] = {};
            for (long j = 0; j <= i; ++j)
#pragma omp simd
                for (int c = 0; c < SIZE; ++c) found[c] += w[j] * value[j * 3 * width + c];
            for (int c = 0; c < SIZE; ++c) y[i * width + c] = found[c];
        }
    }
}

template <int SIZE> void attend_back(const AttentionLaunch& launch) {
    const long positions = launch.positions, heads = launch.heads, width = heads * SIZE;
    const float scale = 1 / sqrtf(float(SIZE));
#pragma omp parallel for schedule(static) num_threads(launch.threads)
    for (long at = 0; at < launch.batch * heads; ++at) {
        const long first = at / heads * positions * 3 * width + at % heads * SIZE;
        const float* const query = launch.x + first;
        const float *const key = query + width, *const value = key + width;
        const float* const weights = launch.weights + at * positions * positions;
        const float* const grad = launch.grad_y + at / heads * positions * width + at % heads * SIZE;
        float* const to = launch.grad_x + first;
        float values[SIZE][ROOM], of_w[ROOM], of_keys[ROOM][SIZE] = {}, of_values[ROOM][SIZE] = {};
        transposed<SIZE>(value, 3 * width, positions, values);
        for (long i = 0; i < positions; ++i) {
            const float *const w = weights + i * positions, *const g = grad + i * width;
            const float* const q = query + i * 3 * width;
            products<SIZE>(g, values, of_w);
            float mean = 0, of_query[SIZE] = {};
#pragma omp simd reduction(+ : mean)
            for (long j = 0; j <= i; ++j) mean += w[j] * of_w[j];
            for (long j = 0; j <= i; ++j) {
                const float of_score = scale * w[j] * (of_w[j] - mean);
                const float* const k = key + j * 3 * width;
#pragma omp simd
                for (int c = 0; c < SIZE; ++c) {
                    of_query[c] += of_score * k[c];
                    of_keys[j][c] += of_score * q[c];
                    of_values[j][c] += w[j] * g[c];
                }
            }
            for (int c = 0; c < SIZE; ++c) to[i * 3 * width + c] = of_query[c];
        }
        for (long j = 0; j < positions; ++j)
            for (int c = 0; c < SIZE; ++c) {
                to[j * 3 * width + width + c] = of_keys[j][c];
                to[j * 3 * width + 2 * width + c] = of_values[j][c];
            }
    }
}

template <int SIZE> int attend_sized(const AttentionLaunch& launch, bool back) {
    back ? attend_back<SIZE>(launch) : attend<SIZE>(launch);
    return 0;
}

inline int attend_any(const AttentionLaunch& launch, bool back) {
    if (launch.positions > ROOM) return NO_SUCH_SHAPE;
    switch (launch.size) {
        case 8: return attend_sized<8>(launch, back);
        case 16: return attend_sized<16>(launch, back);
        case 32: return attend_sized<32>(launch, back);
        default: return NO_SUCH_SHAPE;
    }
}

}  // namespace
}  // namespace afnlab

extern "C" int afnlab_attention_forward(const afnlab::AttentionLaunch* launch) {
    return afnlab::attend_any(*launch, false);
}
extern "C" int afnlab_attention_backward(const afnlab::AttentionLaunch* launch) {
    return afnlab::attend_any(*launch, true);
}
