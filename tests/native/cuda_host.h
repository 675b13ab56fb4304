// Enough of CUDA to run afnlab's kernels on the host, slowly: a block's threads are fibers, run in
// turn until they meet a barrier. What it cannot show is the hardware: its instructions, streams,
// graphs, speed.
#pragma once

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#include <memory>
#include <utility>
#include <vector>

#define __CUDACC__
#define __CUDA_ARCH__ 900
#define __host__
#define __device__
#define __global__
#define __forceinline__ inline
#define __shared__ static
#define __launch_bounds__(threads)

struct dim3 {
    unsigned x, y, z;
    dim3(unsigned x_, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_) {}
};

namespace host {

constexpr unsigned MOST = 1024, STACK = 1 << 16;

inline dim3 grid(1), block(1), of_thread(0), of_block(0);
inline std::unique_ptr<char[]> stacks(new char[MOST * STACK]);
inline ucontext_t beginnings[MOST];
inline void *scheduler[5], *fibers[MOST][5];  // where each goes on; swapcontext would ask the system
inline unsigned running, begun;
inline bool waits[MOST];
inline double exchanged[MOST];
inline void (*work)(const void*);
inline const void* given;

[[noreturn, gnu::noinline]] inline void to_scheduler() { __builtin_longjmp(scheduler, 1); }
[[noreturn, gnu::noinline]] inline void to_fiber() { __builtin_longjmp(fibers[running], 1); }

[[gnu::noinline]] inline void pause(bool waiting) {
    waits[running] = waiting;
    if (!__builtin_setjmp(fibers[running])) to_scheduler();
}

inline void fiber() {
    for (;;) {
        work(given);
        pause(false);
    }
}

inline void barrier() { pause(true); }

[[gnu::noinline]] inline void resume() {
    if (__builtin_setjmp(scheduler)) return;
    if (running < begun) to_fiber();
    begun = running + 1;
    getcontext(&beginnings[running]);
    beginnings[running].uc_stack = {&stacks[running * STACK], 0, STACK};
    makecontext(&beginnings[running], fiber, 0);
    setcontext(&beginnings[running]);
}

// Threads that leave while others wait at a barrier would hang a GPU: an error here.
template <class Work> void run_block(unsigned threads, const Work& each) {
    given = &each;
    work = [](const void* it) { (*static_cast<const Work*>(it))(); };
    for (;;) {
        unsigned waiting = 0;
        for (running = 0; running < threads; ++running) {
            of_thread.x = running;
            resume();
            waiting += waits[running];
        }
        if (waiting == 0) return;
        if (waiting != threads) abort();
    }
}

template <class Work> void launch(dim3 blocks, unsigned threads, const Work& work) {
    grid = blocks;
    block = dim3(threads);
    for (of_block.y = 0; of_block.y < grid.y; ++of_block.y)
        for (of_block.x = 0; of_block.x < grid.x; ++of_block.x) run_block(threads, work);
}

// A kernel as the driver starts it: by addresses of its arguments.
using Start = void(unsigned x, unsigned y, unsigned threads, void** given);

template <auto Kernel> struct Entry {
    template <class... A, size_t... I>
    static void spread(void (*)(A...), std::index_sequence<I...>, dim3 blocks, unsigned threads,
                       void** given) {
        launch(blocks, threads, [&] { Kernel(*static_cast<A*>(given[I])...); });
    }
    template <class... A>
    static void spread(void (*kernel)(A...), dim3 blocks, unsigned threads, void** given) {
        spread(kernel, std::index_sequence_for<A...>(), blocks, threads, given);
    }
    static void start(unsigned x, unsigned y, unsigned threads, void** given) {
        spread(Kernel, dim3(x, y), threads, given);
    }
};

}  // namespace host

#define gridDim host::grid
#define blockDim host::block
#define blockIdx host::of_block
#define threadIdx host::of_thread

inline void __syncthreads() { host::barrier(); }

inline double __shfl_down_sync(unsigned, double value, int by) {
    const unsigned lane = host::running % 32;
    host::exchanged[host::running] = value;
    host::barrier();
    const double got = host::exchanged[host::running + (lane + by < 32 ? by : 0)];
    host::barrier();
    return got;
}

inline float __uint_as_float(unsigned bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}
inline unsigned __float_as_uint(float value) {
    unsigned bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

// The instructions that are written as assembly.
inline void cvt_f32_f16(float& out, unsigned short in) {
    _Float16 half;
    memcpy(&half, &in, sizeof half);
    out = float(half);
}
inline void cvt_rn_f16_f32(unsigned short& out, float in) {
    const _Float16 half = _Float16(in);
    memcpy(&out, &half, sizeof half);
}
inline void cvt_rn_bf16_f32(unsigned short& out, float in) {
    const unsigned bits = __float_as_uint(in);
    out = in == in ? (bits + 0x7fff + ((bits >> 16) & 1)) >> 16 : 0x7fff;
}
inline float flushed(float v) { return fabsf(v) < 1.17549435e-38f ? copysignf(0.0f, v) : v; }
inline void ex2_approx_ftz_f32(float& out, float in) { out = flushed(exp2f(flushed(in))); }
inline void rcp_approx_ftz_f32(float& out, float in) { out = flushed(1 / flushed(in)); }
inline void min_NaN_f32(float& out, float a, float b) { out = a < b || a != a ? a : b; }

using cudaStream_t = void*;
enum cudaError_t { cudaSuccess, cudaErrorInvalidValue };
inline cudaError_t cudaGetDevice(int* device) { return *device = 0, cudaSuccess; }
inline cudaError_t cudaSetDevice(int) { return cudaSuccess; }
inline cudaError_t cudaGetLastError() { return cudaSuccess; }
inline const char* cudaGetErrorString(cudaError_t error) { return error ? "bad value" : "none"; }
