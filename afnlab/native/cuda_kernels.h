// The loops over functors.h for CUDA: what runs on the device. Compiled by nvcc as part of cuda.cu,
// or by NVRTC, which has no headers of its own.
#pragma once

#include "functors.h"

namespace afnlab {

using Index = long long;

constexpr int THREADS = 256;
constexpr int MOST_PARAMETERS = 8;

// --- storage types -------------------------------------------------------------------------------

struct half16 { unsigned short bits; };
struct bfloat { unsigned short bits; };

template <class S> struct Computed { using Type = float; };
template <> struct Computed<double> { using Type = double; };

__device__ inline float widen(float v) { return v; }
__device__ inline double widen(double v) { return v; }
__device__ inline float widen(bfloat v) { return __uint_as_float(unsigned(v.bits) << 16); }
__device__ inline float widen(half16 v) {
    float wide;
    asm("cvt.f32.f16 %0, %1;" : "=f"(wide) : "h"(v.bits));
    return wide;
}
__device__ inline void narrow(float v, float& s) { s = v; }
__device__ inline void narrow(double v, double& s) { s = v; }
__device__ inline void narrow(float v, half16& s) {
    asm("cvt.rn.f16.f32 %0, %1;" : "=h"(s.bits) : "f"(v));
}
__device__ inline void narrow(float v, bfloat& s) {
#if __CUDA_ARCH__ >= 800
    asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(s.bits) : "f"(v));
#else
    const unsigned bits = __float_as_uint(v);
    const unsigned rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
    s.bits = v == v ? rounded : (bits >> 16) | 0x40;
#endif
}

// As many elements as one access of 16 bytes moves.
template <class S, int V> struct alignas(V * sizeof(S)) Pack { S at[V]; };
template <class S> constexpr int WIDTH = 16 / sizeof(S);

// --- kernels ---------------------------------------------------------------------------------------

struct Layout {
    Index outer, channels, inner;
    __host__ __device__ Index total() const { return outer * channels * inner; }
};

// One set of numbers, or in device memory a table (parameters, channels).
template <class T> struct Parameters {
    T numbers[MOST_PARAMETERS];
    const T* table;

    template <class F> __device__ F functor(const Layout& layout, Index channel) const {
        T own[MOST_PARAMETERS];
        for (int k = 0; k < F::parameters; ++k)
            own[k] = table ? table[k * layout.channels + channel] : numbers[k];
        return F(own, 1);
    }
};

// y = f(x), or with SLOPE grad_x = grad_y f'(x). The first `packs` packs are moved whole, and the
// rest, which is everything where memory is not aligned, one by one.
template <class F, class S, class T, bool SLOPE>
__global__ void __launch_bounds__(THREADS)
    map_all(const S* x, const S* grad_y, S* out, Layout layout, Parameters<T> parameters,
            Index packs) {
    constexpr int V = WIDTH<S>;
    using Packed = Pack<S, V>;
    const F f = parameters.template functor<F>(layout, 0);
    const Index total = layout.total();
    const Index first = blockIdx.x * Index(THREADS) + threadIdx.x;
    const Index turn = gridDim.x * Index(THREADS);
    for (Index i = first; i < packs; i += turn) {
        const Packed in = reinterpret_cast<const Packed*>(x)[i];
        Packed grad, result;
        if (SLOPE) grad = reinterpret_cast<const Packed*>(grad_y)[i];
#pragma unroll
        for (int j = 0; j < V; ++j) {
            const T v = widen(in.at[j]);
            narrow(SLOPE ? T(widen(grad.at[j])) * f.slope(v) : f.value(v), result.at[j]);
        }
        reinterpret_cast<Packed*>(out)[i] = result;
    }
    for (Index i = packs * V + first; i < total; i += turn) {
        const T v = widen(x[i]);
        narrow(SLOPE ? T(widen(grad_y[i])) * f.slope(v) : f.value(v), out[i]);
    }
}

// The same, for parameters that vary with channels.
template <class F, class S, class T, bool SLOPE>
__global__ void __launch_bounds__(THREADS)
    map_each(const S* x, const S* grad_y, S* out, Layout layout, Parameters<T> parameters) {
    const Index total = layout.total(), turn = gridDim.x * Index(THREADS);
    for (Index i = blockIdx.x * Index(THREADS) + threadIdx.x; i < total; i += turn) {
        const F f = parameters.template functor<F>(layout, i / layout.inner % layout.channels);
        const T v = widen(x[i]);
        narrow(SLOPE ? T(widen(grad_y[i])) * f.slope(v) : f.value(v), out[i]);
    }
}

// The sum of `value` over the block, in thread 0.
__device__ inline double block_sum(double value) {
    __shared__ double warps[THREADS / 32];
    for (int lane = 16; lane; lane /= 2) value += __shfl_down_sync(~0u, value, lane);
    __syncthreads();  // whoever still reads the last sum
    if (threadIdx.x % 32 == 0) warps[threadIdx.x / 32] = value;
    __syncthreads();
    if (threadIdx.x == 0)
        for (int w = 1; w < THREADS / 32; ++w) value += warps[w];
    return value;
}

template <class T> struct Add {
    T *sums, grad_y;
    __device__ __forceinline__ void operator()(int k, T derivative) const {
        sums[k] += grad_y * derivative;
    }
};

// As map with SLOPE, and each block's sums in room (parameters, channels, blocks).
template <class F, class S, class T>
__global__ void __launch_bounds__(THREADS)
    map_sums(const S* x, const S* grad_y, S* grad_x, Layout layout, Parameters<T> parameters,
             Index packs, double* room) {
    constexpr int V = WIDTH<S>;
    using Packed = Pack<S, V>;
    const Index of_channel = layout.outer * layout.inner, blocks = gridDim.x;
    const Index first = blockIdx.x * Index(THREADS) + threadIdx.x, turn = blocks * THREADS;
    for (Index channel = blockIdx.y; channel < layout.channels; channel += gridDim.y) {
        const F f = parameters.template functor<F>(layout, channel);
        T sums[F::parameters] = {};
        for (Index i = first; i < packs; i += turn) {  // none unless there is one channel
            const Packed in = reinterpret_cast<const Packed*>(x)[i];
            const Packed grad = reinterpret_cast<const Packed*>(grad_y)[i];
            Packed result;
#pragma unroll
            for (int j = 0; j < V; ++j) {
                const T g = widen(grad.at[j]);
                narrow(g * f.slope(T(widen(in.at[j])), Add<T>{sums, g}), result.at[j]);
            }
            reinterpret_cast<Packed*>(grad_x)[i] = result;
        }
        for (Index e = packs * V + first; e < of_channel; e += turn) {
            const Index row = e / layout.inner;
            const Index i = (row * layout.channels + channel) * layout.inner + e % layout.inner;
            const T g = widen(grad_y[i]);
            narrow(g * f.slope(T(widen(x[i])), Add<T>{sums, g}), grad_x[i]);
        }
        for (int k = 0; k < F::parameters; ++k) {
            const double sum = block_sum(sums[k]);
            if (threadIdx.x == 0)
                room[(k * layout.channels + channel) * blocks + blockIdx.x] = sum;
        }
    }
}

__global__ void add_up(const double* room, double* sums, int blocks) {
    double value = 0;
    for (int i = threadIdx.x; i < blocks; i += THREADS)
        value += room[blockIdx.x * Index(blocks) + i];
    value = block_sum(value);
    if (threadIdx.x == 0) sums[blockIdx.x] = value;
}

}  // namespace afnlab
