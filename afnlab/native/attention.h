// Causal attention over short sequences: all of one head's numbers lie in the nearest cache, where
// torch's batched products of matrices of 14 x 8 spend most of their time on calls.
#pragma once

#include <math.h>

#include "launch.h"

// Sequences lie one after the other, sequence b in the rows from starts[b] to starts[b + 1], of
// which there are 16 at most. x: (rows, 3, heads, size), queries, keys and values; y, grad_y: (rows,
// heads, size). weights: (sequences, heads, 16, 16), kept for the way back, of row j in row i at
// (j, i).
#define AFNLAB_ATTENTION_LAUNCH(FIELD)                                                            \
    FIELD(int64_t, sequences) FIELD(int64_t, heads) FIELD(int64_t, size)                          \
    FIELD(const int64_t*, starts) FIELD(const float*, x) FIELD(float*, y) FIELD(float*, weights)  \
    FIELD(const float*, grad_y) FIELD(float*, grad_x) FIELD(int32_t, threads)

AFNLAB_STRUCTURE(AttentionLaunch, AFNLAB_ATTENTION_LAUNCH)

namespace afnlab {
namespace {

constexpr int ROOM = 16;  // rows of a sequence, at most

// A row of one head, which stays in registers.
template <int SIZE> struct Row {
    typedef float Numbers __attribute__((vector_size(SIZE * sizeof(float))));
    Numbers at;
    explicit Row(const float* from) { __builtin_memcpy(&at, from, sizeof at); }
    Row() : at{} {}
    void store(float* to) const { __builtin_memcpy(to, &at, sizeof at); }
    void add(float factor, const Row& other) { at += factor * other.at; }
};

// One head of one sequence.
template <int SIZE> struct Head {
    long rows, width, stride, first, out, kept;  // where its numbers begin in x, y and weights
    Head(const AttentionLaunch& launch, long at) {
        const long b = at / launch.heads, head = at % launch.heads;
        width = launch.heads * SIZE, stride = 3 * width;
        rows = launch.starts[b + 1] - launch.starts[b];
        first = launch.starts[b] * stride + head * SIZE;
        kept = at * ROOM * ROOM;
        out = launch.starts[b] * width + head * SIZE;
    }
};

// Rows as columns, those that are not there 0: a row's products with all others are then one sum.
template <int SIZE> struct Columns {
    Row<ROOM> of[SIZE];
    Columns(const float* rows, long stride, long count) {
        float to[SIZE][ROOM] = {};
        for (long j = 0; j < count; ++j)
            for (int c = 0; c < SIZE; ++c) to[c][j] = rows[j * stride + c];
        for (int c = 0; c < SIZE; ++c) of[c] = Row<ROOM>(to[c]);
    }
    Row<ROOM> products(const float* row) const {
        Row<ROOM> sum;
        for (int c = 0; c < SIZE; ++c) sum.add(row[c], of[c]);
        return sum;
    }
};

template <int SIZE> void attend(const AttentionLaunch& launch) {
    const float scale = 1 / sqrtf(float(SIZE));
#pragma omp parallel for schedule(static) num_threads(launch.threads)
    for (long at = 0; at < launch.sequences * launch.heads; ++at) {
        const Head<SIZE> head(launch, at);
        const float* const query = launch.x + head.first;
        const float *const key = query + head.width, *const value = key + head.width;
        // Vectors are over the rows that attend, so that nothing is added up along one.
        const Columns<SIZE> queries(query, head.stride, head.rows);
        float w[ROOM][ROOM], most[ROOM], sum[ROOM] = {};
        for (int i = 0; i < ROOM; ++i) most[i] = -INFINITY;
        for (int j = 0; j < head.rows; ++j) {
            queries.products(key + j * head.stride).store(w[j]);
#pragma omp simd
            for (int i = 0; i < ROOM; ++i) {
                w[j][i] = i >= j ? scale * w[j][i] : -INFINITY;
                most[i] = w[j][i] > most[i] ? w[j][i] : most[i];
            }
        }
        for (int j = 0; j < head.rows; ++j)
#pragma omp simd
            for (int i = 0; i < ROOM; ++i) sum[i] += w[j][i] = exp_of(w[j][i] - most[i]);
        Row<ROOM> found[SIZE];
        for (int j = 0; j < head.rows; ++j) {
#pragma omp simd
            for (int i = 0; i < ROOM; ++i) w[j][i] /= sum[i];
            const Row<ROOM> shares(w[j]);
            shares.store(launch.weights + head.kept + j * ROOM);
            for (int c = 0; c < SIZE; ++c) found[c].add(value[j * head.stride + c], shares);
        }
        for (int c = 0; c < SIZE; ++c) {
            float column[ROOM];
            found[c].store(column);
            for (int i = 0; i < head.rows; ++i) launch.y[head.out + i * head.width + c] = column[i];
        }
    }
}

template <int SIZE> void attend_back(const AttentionLaunch& launch) {
    const float scale = 1 / sqrtf(float(SIZE));
#pragma omp parallel for schedule(static) num_threads(launch.threads)
    for (long at = 0; at < launch.sequences * launch.heads; ++at) {
        const Head<SIZE> head(launch, at);
        const float* const query = launch.x + head.first;
        const float *const key = query + head.width, *const value = key + head.width;
        float* const to = launch.grad_x + head.first;
        const Columns<SIZE> values(value, head.stride, head.rows);
        Row<SIZE> of_keys[ROOM], of_values[ROOM];
        for (long i = 0; i < head.rows; ++i) {
            const float* const w = launch.weights + head.kept + i;  // of row j at j * ROOM
            const float* const grad = launch.grad_y + head.out + i * head.width;
            const Row<SIZE> q(query + i * head.stride), g(grad);
            float of_w[ROOM], mean = 0;
            values.products(grad).store(of_w);
            for (long j = 0; j <= i; ++j) mean += w[j * ROOM] * of_w[j];
            Row<SIZE> of_query;
            for (long j = 0; j <= i; ++j) {
                const float of_score = scale * w[j * ROOM] * (of_w[j] - mean);
                of_query.add(of_score, Row<SIZE>(key + j * head.stride));
                of_keys[j].add(of_score, q);
                of_values[j].add(w[j * ROOM], g);
            }
            of_query.store(to + i * head.stride);
        }
        for (long j = 0; j < head.rows; ++j) {
            of_keys[j].store(to + j * head.stride + head.width);
            of_values[j].store(to + j * head.stride + 2 * head.width);
        }
    }
}

template <int SIZE> int attend_sized(const AttentionLaunch& launch, bool back) {
    back ? attend_back<SIZE>(launch) : attend<SIZE>(launch);
    return 0;
}

inline int attend_any(const AttentionLaunch& launch, bool back) {
    for (long b = 0; b < launch.sequences; ++b)
        if (launch.starts[b + 1] - launch.starts[b] > ROOM) return NO_SUCH_SHAPE;
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
