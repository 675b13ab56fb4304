// The exported functions that launch cuda_kernels.h.
//
// Launches go to the caller's stream and device, allocate nothing and wait for nothing, so they can
// be captured in a graph. Sums over elements are taken in an order fixed by the shape.
#include <stdint.h>

#include "cuda_kernels.h"

namespace afnlab {
namespace {

constexpr int64_t MOST_BLOCKS = 1 << 16;  // beyond, a thread takes several turns

enum Dtype { FLOAT32, FLOAT64, FLOAT16, BFLOAT16 };

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
        case FLOAT16: launch<Of, half16>(call); break;
        case BFLOAT16: launch<Of, bfloat>(call); break;
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
