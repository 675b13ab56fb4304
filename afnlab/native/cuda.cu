// The exported functions that launch cuda_kernels.h.
//
// Launches go to the caller's stream and device, allocate nothing and wait for nothing, so they can
// be captured in a graph. Sums over elements are taken in an order fixed by the shape.
#include "cuda_kernels.h"
#include "launch.h"

namespace afnlab {
namespace {

constexpr int64_t MOST_BLOCKS = 1 << 16;  // beyond, a thread takes several turns

// --- launching -------------------------------------------------------------------------------------

bool aligned(const void* a, const void* b, const void* c) {
    return (uintptr_t(a) | uintptr_t(b) | uintptr_t(c)) % 16 == 0;
}

template <template <class> class Of, class S> void launch(const Launch& c) {
    using T = typename Computed<S>::Type;
    using F = Of<T>;
    static_assert(sizeof(Numbers) == MOST_PARAMETERS * sizeof(double), "one number, two places");
    Parameters<T> parameters = {{}, static_cast<const T*>(c.table)};
    for (int k = 0; k < F::parameters; ++k) parameters.numbers[k] = T(c.numbers[k]);
    const S* x = static_cast<const S*>(c.x);
    const S* grad_y = static_cast<const S*>(c.grad_y);
    S* out = static_cast<S*>(c.out);
    const cudaStream_t stream = static_cast<cudaStream_t>(c.stream);
    const Layout layout = {c.outer, c.channels, c.inner};
    const int64_t total = layout.total();
    const bool one = c.channels == 1, wide = one && aligned(c.x, c.grad_y, c.out);
    const int64_t packs = wide ? total / WIDTH<S> : 0;
    const int64_t threads = packs > 0 ? packs : total;
    const int64_t needed = (threads + THREADS - 1) / THREADS;
    const unsigned grid = unsigned(needed < MOST_BLOCKS ? needed : MOST_BLOCKS);
    if constexpr (F::parameters > 0) {
        if (c.sums) {
            const int64_t rows = c.channels < 65535 ? c.channels : 65535;
            map_sums<F, S, T><<<dim3(c.blocks, unsigned(rows)), THREADS, 0, stream>>>(
                x, grad_y, out, layout, parameters, packs, c.room);
            add_up<<<unsigned(F::parameters * c.channels), THREADS, 0, stream>>>(
                c.room, c.sums, c.blocks);
            return;
        }
        if (!one) {
            const auto kernel = grad_y ? map_each<F, S, T, true> : map_each<F, S, T, false>;
            kernel<<<grid, THREADS, 0, stream>>>(x, grad_y, out, layout, parameters);
            return;
        }
    }
    const auto kernel = grad_y ? map_all<F, S, T, true> : map_all<F, S, T, false>;
    kernel<<<grid, THREADS, 0, stream>>>(x, grad_y, out, layout, parameters, packs);
}

template <template <class> class Of> int dispatch(const Launch& call) {
    if (call.outer * call.channels * call.inner == 0) return cudaSuccess;
    int current;
    cudaError_t error = cudaGetDevice(&current);
    if (error == cudaSuccess && current != call.device) error = cudaSetDevice(call.device);
    if (error != cudaSuccess) return error;
    switch (call.dtype) {
        case FLOAT32: launch<Of, float>(call); break;
        case FLOAT64: launch<Of, double>(call); break;
        case FLOAT16: launch<Of, half16>(call); break;
        case BFLOAT16: launch<Of, bfloat>(call); break;
        default: error = cudaErrorInvalidValue;
    }
    const cudaError_t launched = cudaGetLastError();
    if (current != call.device) cudaSetDevice(current);
    return error != cudaSuccess ? error : launched;
}

}  // namespace
}  // namespace afnlab

AFNLAB_ACTIVATIONS(AFNLAB_EXPORT)

extern "C" const char* afnlab_error(int code) { return cudaGetErrorString(cudaError_t(code)); }
