// The loops over functors.h for CUDA, and the exported functions that launch them.
//
// Launches go to the caller's stream and device, allocate nothing and wait for nothing, so they can
// be captured in a graph. Sums over elements are taken in an order fixed by the shape.
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <stdint.h>

#include "functors.h"

namespace afnlab {
namespace {

constexpr int THREADS = 256;
constexpr int MOST_PARAMETERS = 8;
constexpr int64_t MOST_BLOCKS = 1 << 20;  // beyond, a thread takes several turns

enum Dtype { FLOAT32, FLOAT64, FLOAT16, BFLOAT16 };

// --- storage types -------------------------------------------------------------------------------

template <class S> struct Computed { using Type = float; };
template <> struct Computed<double> { using Type = double; };

__device__ inline float widen(float v) { return v; }
__device__ inline double widen(double v) { return v; }
__device__ inline float widen(__half v) { return __half2float(v); }
__device__ inline float widen(__nv_bfloat16 v) { return __bfloat162float(v); }
__device__ inline void narrow(float v, float& s) { s = v; }
__device__ inline void narrow(double v, double& s) { s = v; }
__device__ inline void narrow(float v, __half& s) { s = __float2half_rn(v); }
__device__ inline void narrow(float v, __nv_bfloat16& s) { s = __float2bfloat16_rn(v); }

// As many elements as one access of 16 bytes moves.
template <class S, int V> struct alignas(V * sizeof(S)) Pack { S at[V]; };
template <class S> constexpr int WIDTH = 16 / sizeof(S);

// --- kernels ---------------------------------------------------------------------------------------

struct Layout {
    int64_t outer, channels, inner;
    __host__ __device__ int64_t total() const { return outer * channels * inner; }
};

// One set of numbers, or in device memory a table (parameters, channels).
template <class T> struct Parameters {
    T numbers[MOST_PARAMETERS];
    const T* table;

    template <class F> __device__ F functor(const Layout& layout, int64_t channel) const {
        return table ? F(table + channel, layout.channels) : F(numbers, 1);
    }
};

// y = f(x), or with SLOPE grad_x = grad_y f'(x). The first `packs` packs are moved whole, and the
// rest, which is everything where memory is not aligned, one by one.
template <class F, class S, class T, bool SLOPE>
__global__ void __launch_bounds__(THREADS)
    map_all(const S* x, const S* grad_y, S* out, Layout layout, Parameters<T> parameters,
            int64_t packs) {
    constexpr int V = WIDTH<S>;
    using Packed = Pack<S, V>;
    const F f = parameters.template functor<F>(layout, 0);
    const int64_t total = layout.total();
    const int64_t first = blockIdx.x * int64_t(THREADS) + threadIdx.x;
    const int64_t turn = gridDim.x * int64_t(THREADS);
    for (int64_t i = first; i < packs; i += turn) {
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
    for (int64_t i = packs * V + first; i < total; i += turn) {
        const T v = widen(x[i]);
        narrow(SLOPE ? T(widen(grad_y[i])) * f.slope(v) : f.value(v), out[i]);
    }
}

// The same, for parameters that vary with channels.
template <class F, class S, class T, bool SLOPE>
__global__ void __launch_bounds__(THREADS)
    map_each(const S* x, const S* grad_y, S* out, Layout layout, Parameters<T> parameters) {
    const int64_t total = layout.total(), turn = gridDim.x * int64_t(THREADS);
    for (int64_t i = blockIdx.x * int64_t(THREADS) + threadIdx.x; i < total; i += turn) {
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
             int64_t packs, double* room) {
    constexpr int V = WIDTH<S>;
    using Packed = Pack<S, V>;
    const int64_t of_channel = layout.outer * layout.inner, blocks = gridDim.x;
    const int64_t first = blockIdx.x * int64_t(THREADS) + threadIdx.x, turn = blocks * THREADS;
    for (int64_t channel = blockIdx.y; channel < layout.channels; channel += gridDim.y) {
        const F f = parameters.template functor<F>(layout, channel);
        T sums[F::parameters] = {};
        for (int64_t i = first; i < packs; i += turn) {  // none unless there is one channel
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
        for (int64_t e = packs * V + first; e < of_channel; e += turn) {
            const int64_t row = e / layout.inner;
            const int64_t i = (row * layout.channels + channel) * layout.inner + e % layout.inner;
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
        value += room[blockIdx.x * int64_t(blocks) + i];
    value = block_sum(value);
    if (threadIdx.x == 0) sums[blockIdx.x] = value;
}

// --- launching -------------------------------------------------------------------------------------

struct Call {
    Layout layout;
    const void *x, *grad_y;
    void* out;
    const double* numbers;  // host memory
    const void* table;
    double *sums, *room;
    int blocks;
    cudaStream_t stream;
};

bool aligned(const void* a, const void* b, const void* c) {
    return (uintptr_t(a) | uintptr_t(b) | uintptr_t(c)) % 16 == 0;
}

template <template <class> class Of, class S> void launch(const Call& c) {
    using T = typename Computed<S>::Type;
    using F = Of<T>;
    Parameters<T> parameters = {{}, static_cast<const T*>(c.table)};
    for (int k = 0; k < F::parameters; ++k) parameters.numbers[k] = T(c.numbers[k]);
    const S* x = static_cast<const S*>(c.x);
    const S* grad_y = static_cast<const S*>(c.grad_y);
    S* out = static_cast<S*>(c.out);
    const int64_t total = c.layout.total();
    const bool one = c.layout.channels == 1, wide = one && aligned(c.x, c.grad_y, c.out);
    const int64_t packs = wide ? total / WIDTH<S> : 0;
    const int64_t threads = packs > 0 ? packs : total;
    const int64_t needed = (threads + THREADS - 1) / THREADS;
    const unsigned grid = unsigned(needed < MOST_BLOCKS ? needed : MOST_BLOCKS);
    if constexpr (F::parameters > 0) {
        if (c.sums) {
            const int64_t rows = c.layout.channels < 65535 ? c.layout.channels : 65535;
            map_sums<F, S, T><<<dim3(c.blocks, unsigned(rows)), THREADS, 0, c.stream>>>(
                x, grad_y, out, c.layout, parameters, packs, c.room);
            add_up<<<unsigned(F::parameters * c.layout.channels), THREADS, 0, c.stream>>>(
                c.room, c.sums, c.blocks);
            return;
        }
        if (!one) {
            const auto kernel = grad_y ? map_each<F, S, T, true> : map_each<F, S, T, false>;
            kernel<<<grid, THREADS, 0, c.stream>>>(x, grad_y, out, c.layout, parameters);
            return;
        }
    }
    const auto kernel = grad_y ? map_all<F, S, T, true> : map_all<F, S, T, false>;
    kernel<<<grid, THREADS, 0, c.stream>>>(x, grad_y, out, c.layout, parameters, packs);
}

template <template <class> class Of> int dispatch(int dtype, int device, const Call& call) {
    if (call.layout.total() == 0) return cudaSuccess;
    int current;
    cudaError_t error = cudaGetDevice(&current);
    if (error == cudaSuccess && current != device) error = cudaSetDevice(device);
    if (error != cudaSuccess) return error;
    switch (dtype) {
        case FLOAT32: launch<Of, float>(call); break;
        case FLOAT64: launch<Of, double>(call); break;
        case FLOAT16: launch<Of, __half>(call); break;
        case BFLOAT16: launch<Of, __nv_bfloat16>(call); break;
        default: error = cudaErrorInvalidValue;
    }
    const cudaError_t launched = cudaGetLastError();
    if (current != device) cudaSetDevice(current);
    return error != cudaSuccess ? error : launched;
}

}  // namespace
}  // namespace afnlab

#define AFNLAB_EXPORT(name) AFNLAB_EXPORT_(name)  // AFNLAB_ONLY is expanded on the way
#define AFNLAB_EXPORT_(name)                                                                     \
    extern "C" int afnlab_##name##_forward(                                                      \
        int dtype, int64_t outer, int64_t channels, int64_t inner, const void* x, void* y,       \
        const double* numbers, const void* table, int device, void* stream) {                    \
        return afnlab::dispatch<afnlab::name>(                                                   \
            dtype, device,                                                                       \
            {{outer, channels, inner}, x, nullptr, y, numbers, table, nullptr, nullptr, 0,       \
             static_cast<cudaStream_t>(stream)});                                                \
    }                                                                                            \
    extern "C" int afnlab_##name##_backward(                                                     \
        int dtype, int64_t outer, int64_t channels, int64_t inner, const void* x,                \
        const void* grad_y, void* grad_x, const double* numbers, const void* table, int device,  \
        double* sums, double* room, int blocks, void* stream) {                                  \
        return afnlab::dispatch<afnlab::name>(                                                   \
            dtype, device,                                                                       \
            {{outer, channels, inner}, x, grad_y, grad_x, numbers, table, sums, room, blocks,    \
             static_cast<cudaStream_t>(stream)});                                                \
    }

AFNLAB_ACTIVATIONS(AFNLAB_EXPORT)

extern "C" const char* afnlab_error(int code) { return cudaGetErrorString(cudaError_t(code)); }
