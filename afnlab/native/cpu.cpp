// The loops over functors.h for the CPU, and the exported functions that start them.
//
// A tensor is seen as (outer, channels, inner): every channel has its own parameters, or all have
// the same, and channels is 1. It is worked through in pieces of at most PIECE elements, shared
// out to threads. Half types are widened to float a piece at a time. Sums over elements are taken
// piece by piece in a fixed order, so they do not depend on the number of threads.
#include <stdint.h>
#include <stdlib.h>

#include "functors.h"
#include "launch.h"

namespace afnlab {
namespace {

constexpr long PIECE = 4096;
constexpr long TILE = 256;
constexpr long WORTH_THREADS = 32768;

enum Failure { NO_SUCH_DTYPE = 1, NO_MEMORY, NO_SUCH_SHAPE };

// --- storage types -----------------------------------------------------------------------------

struct half16 { uint16_t bits; };
struct bfloat { uint16_t bits; };

inline float widen(bfloat h) { return as_float(uint32_t(h.bits) << 16); }

inline float widen(half16 h) {
    const uint32_t sign = uint32_t(h.bits & 0x8000) << 16, rest = h.bits & 0x7fff;
    const float subnormal = float(int(rest)) * 5.9604644775390625e-8f;  // 2^-24
    const uint32_t normal = (rest << 13) + (rest < 0x7c00 ? 112u << 23 : 224u << 23);
    return as_float((rest < 0x400 ? as_bits(subnormal) : normal) | sign);
}

inline bfloat narrow(float value, bfloat) {
    const uint32_t bits = as_bits(value);
    const uint32_t rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
    return {uint16_t(value == value ? rounded : (bits >> 16) | 0x40)};
}

inline half16 narrow(float value, half16) {
    const uint32_t bits = as_bits(value), sign = (bits >> 16) & 0x8000, rest = bits & 0x7fffffff;
    const uint32_t normal = (rest - (112u << 23) + 0xfff + ((rest >> 13) & 1)) >> 13;
    // Adding 0.5 leaves multiples of 2^-24, the subnormal step, in the last bits.
    const uint32_t subnormal = as_bits(as_float(rest) + 0.5f) - as_bits(0.5f);
    uint32_t result = rest < 0x38800000 ? subnormal : normal;
    result = rest >= 0x477ff000 ? 0x7c00 : result;
    result = rest > 0x7f800000 ? 0x7e00 : result;
    return {uint16_t(result | sign)};
}

template <class A, class B> constexpr bool SAME = false;
template <class A> constexpr bool SAME<A, A> = true;

// A piece of storage as numbers of the type that is computed in; the float types as they are.
template <class S, class T> const T* read(const S* stored, T* buffer, long n) {
    if constexpr (SAME<S, T>) return stored;
    else {
#pragma omp simd
        for (long i = 0; i < n; ++i) buffer[i] = widen(stored[i]);
        return buffer;
    }
}
template <class S, class T> T* target(S* stored, T* buffer) {
    if constexpr (SAME<S, T>) return stored;
    else return buffer;
}
template <class S, class T> void write(S* stored, const T* computed, long n) {
    if constexpr (!SAME<S, T>) {
#pragma omp simd
        for (long i = 0; i < n; ++i) stored[i] = narrow(computed[i], S());
    }
}

// --- loops over one piece: `one` with the same parameters throughout, `each` with its own --------

template <class F, class T>
void value_one(const T* x, T* y, long n, const T* p, long stride) {
    const F f(p, stride);
#pragma omp simd
    for (long i = 0; i < n; ++i) y[i] = f.value(x[i]);
}

template <class F, class T>
void value_each(const T* x, T* y, long n, const T* p, long stride) {
#pragma omp simd
    for (long i = 0; i < n; ++i) y[i] = F(p + i, stride).value(x[i]);
}

template <class F, class T>
void slope_one(const T* x, const T* grad_y, T* grad_x, long n, const T* p, long stride) {
    const F f(p, stride);
#pragma omp simd
    for (long i = 0; i < n; ++i) grad_x[i] = grad_y[i] * f.slope(x[i]);
}

template <class F, class T>
void slope_each(const T* x, const T* grad_y, T* grad_x, long n, const T* p, long stride) {
#pragma omp simd
    for (long i = 0; i < n; ++i) grad_x[i] = grad_y[i] * F(p + i, stride).slope(x[i]);
}

// Terms of the sums over elements, parameter by parameter, for a tile of elements.
template <class T> struct Term {
    T *at, grad_y;
    AFNLAB_FN void operator()(int k, T derivative) const { at[k * TILE] = grad_y * derivative; }
};

// sums[k] += the sum over the piece of grad_y times the derivative by parameter k.
template <class F, class T>
void partial_one(const T* x, const T* grad_y, T* grad_x, long n, const T* p, long stride,
                 double* sums) {
    const F f(p, stride);
    T terms[F::parameters][TILE] = {};  // a fixed parameter has no derivative, and stays 0
    for (long at = 0; at < n; at += TILE) {
        const long size = n - at < TILE ? n - at : TILE;
#pragma omp simd
        for (long i = 0; i < size; ++i) {
            const T g = grad_y[at + i];
            grad_x[at + i] = g * f.slope(x[at + i], Term<T>{*terms + i, g});
        }
        for (int k = 0; k < F::parameters; ++k) {
            T sum = 0;
#pragma omp simd reduction(+ : sum)
            for (long i = 0; i < size; ++i) sum += terms[k][i];
            sums[k] += sum;
        }
    }
}

// sums[k * stride + i] += grad_y[i] times the derivative by element i's own parameter k.
template <class F, class T>
void partial_each(const T* x, const T* grad_y, T* grad_x, long n, const T* p, long stride,
                  double* sums) {
    T terms[F::parameters][TILE] = {};  // a fixed parameter has no derivative, and stays 0
    for (long at = 0; at < n; at += TILE) {
        const long size = n - at < TILE ? n - at : TILE;
#pragma omp simd
        for (long i = 0; i < size; ++i) {
            const T g = grad_y[at + i];
            grad_x[at + i] = g * F(p + at + i, stride).slope(x[at + i], Term<T>{*terms + i, g});
        }
        for (int k = 0; k < F::parameters; ++k)
#pragma omp simd
            for (long i = 0; i < size; ++i) sums[k * stride + at + i] += terms[k][i];
    }
}

template <class T> struct Loops {
    using Value = void (*)(const T*, T*, long, const T*, long);
    using Slope = void (*)(const T*, const T*, T*, long, const T*, long);
    using Partial = void (*)(const T*, const T*, T*, long, const T*, long, double*);
    int parameters;
    Value value_one, value_each;
    Slope slope_one, slope_each;
    Partial partial_one, partial_each;
};

template <template <class> class F, class T> constexpr Loops<T> loops_of() {
    using G = F<T>;
    if constexpr (G::parameters == 0)
        return {0, value_one<G, T>, nullptr, slope_one<G, T>, nullptr, nullptr, nullptr};
    else
        return {G::parameters,      value_one<G, T>,   value_each<G, T>,  slope_one<G, T>,
                slope_each<G, T>, partial_one<G, T>, partial_each<G, T>};
}

// --- how a tensor is cut into pieces --------------------------------------------------------------

struct Cut {
    long rows, length, pieces, channels, total;
    bool each;  // neighbours differ in their parameters

    Cut(long outer, long channels_, long inner)
        : channels(channels_), total(outer * channels_ * inner),
          each(channels_ > 1 && inner == 1) {
        rows = channels == 1 ? 1 : each ? outer : outer * channels;
        length = rows ? total / rows : 0;
        pieces = (length + PIECE - 1) / PIECE;
    }
    long tasks() const { return rows * pieces; }
    long start(long task) const { return task / pieces * length + task % pieces * PIECE; }
    long size(long task) const {
        const long left = length - task % pieces * PIECE;
        return left < PIECE ? left : PIECE;
    }
    long channel(long task) const {
        return each ? task % pieces * PIECE : task / pieces % channels;
    }
};

template <class S, class T>
void forward(const Loops<T>& loops, const Cut& cut, const S* x, S* y, const T* p, int threads) {
    const auto loop = cut.each ? loops.value_each : loops.value_one;
    const long tasks = cut.tasks();
#pragma omp parallel for schedule(static) num_threads(threads) if (cut.total > WORTH_THREADS)
    for (long task = 0; task < tasks; ++task) {
        T in[PIECE], out[PIECE];
        const long at = cut.start(task), n = cut.size(task);
        T* const y_at = target(y + at, out);
        loop(read(x + at, in, n), y_at, n, p + cut.channel(task), cut.channels);
        write(y + at, y_at, n);
    }
}

template <class S, class T>
void backward(const Loops<T>& loops, const Cut& cut, const S* x, const S* grad_y, S* grad_x,
              const T* p, int threads) {
    const auto loop = cut.each ? loops.slope_each : loops.slope_one;
    const long tasks = cut.tasks();
#pragma omp parallel for schedule(static) num_threads(threads) if (cut.total > WORTH_THREADS)
    for (long task = 0; task < tasks; ++task) {
        T in[PIECE], grad[PIECE], out[PIECE];
        const long at = cut.start(task), n = cut.size(task);
        T* const to = target(grad_x + at, out);
        loop(read(x + at, in, n), read(grad_y + at, grad, n), to, n, p + cut.channel(task),
             cut.channels);
        write(grad_x + at, to, n);
    }
}

// As backward, and sums (parameters, channels) of the derivatives by the parameters.
// False where there is no memory for the sums.
template <class S, class T>
bool backward_sums(const Loops<T>& loops, const Cut& cut, const S* x, const S* grad_y, S* grad_x,
                   const T* p, double* sums, int threads) {
    // Tasks that add up elements of different rows in one place run one after the other, in a
    // group; every group has a place of its own, and the places are added in order.
    const long tasks = cut.tasks(), wide = cut.each ? cut.channels : 1;
    const long together = cut.each && cut.length < PIECE * 16 ? PIECE * 16 / cut.length : 1;
    const long groups = (cut.rows + together - 1) / together;
    const long places = cut.each ? groups : tasks, size = loops.parameters * wide;
    double* const room = static_cast<double*>(calloc(places * size, sizeof(double)));
    if (!room) return false;
#pragma omp parallel for schedule(static) num_threads(threads) if (cut.total > WORTH_THREADS)
    for (long place = 0; place < places; ++place) {
        T in[PIECE], grad[PIECE], out[PIECE];
        const long first = cut.each ? place * together * cut.pieces : place;
        const long after = cut.each ? first + together * cut.pieces : place + 1;
        for (long task = first; task < after && task < tasks; ++task) {
            const long at = cut.start(task), n = cut.size(task), channel = cut.channel(task);
            T* const to = target(grad_x + at, out);
            const auto loop = cut.each ? loops.partial_each : loops.partial_one;
            loop(read(x + at, in, n), read(grad_y + at, grad, n), to, n, p + channel, cut.channels,
                 room + place * size + (cut.each ? channel : 0));
            write(grad_x + at, to, n);
        }
    }
    for (long k = 0; k < loops.parameters * cut.channels; ++k) sums[k] = 0;
    for (long place = 0; place < places; ++place)
        for (long k = 0; k < loops.parameters; ++k)
            for (long i = 0; i < wide; ++i)
                sums[k * cut.channels + (cut.each ? i : cut.channel(place))] +=
                    room[place * size + k * wide + i];
    free(room);
    return true;
}

// --- dispatch over dtypes ---------------------------------------------------------------------------

template <class S, class T> int start(const Loops<T>& loops, const Cut& cut, const Launch& c) {
    const S* x = static_cast<const S*>(c.x);
    const S* grad_y = static_cast<const S*>(c.grad_y);
    S* out = static_cast<S*>(c.out);
    T numbers[sizeof(Numbers) / sizeof(double)];
    for (int k = 0; k < loops.parameters; ++k) numbers[k] = T(c.numbers[k]);
    const T* p = c.table ? static_cast<const T*>(c.table) : numbers;
    if (c.sums)
        return backward_sums(loops, cut, x, grad_y, out, p, c.sums, c.threads) ? 0 : NO_MEMORY;
    if (grad_y) backward(loops, cut, x, grad_y, out, p, c.threads);
    else forward(loops, cut, x, out, p, c.threads);
    return 0;
}

template <template <class> class F> int dispatch(const Launch& launch) {
    static constexpr Loops<float> single = loops_of<F, float>();
    static constexpr Loops<double> twice = loops_of<F, double>();
    const Cut cut(launch.outer, launch.channels, launch.inner);
    if (cut.total == 0) return 0;
    switch (launch.dtype) {
        case FLOAT32: return start<float>(single, cut, launch);
        case FLOAT64: return start<double>(twice, cut, launch);
        case FLOAT16: return start<half16>(single, cut, launch);
        case BFLOAT16: return start<bfloat>(single, cut, launch);
        default: return NO_SUCH_DTYPE;
    }
}

}  // namespace
}  // namespace afnlab

AFNLAB_ACTIVATIONS(AFNLAB_EXPORT)

extern "C" const char* afnlab_error(int code) {
    switch (code) {
        case afnlab::NO_MEMORY: return "out of memory";
        case afnlab::NO_SUCH_SHAPE: return "unknown shape";
        default: return "unknown dtype";
    }
}

// A build that picks nothing has everything.
#if !(defined(AFNLAB_ONLY) || defined(AFNLAB_LOOPS))
#define AFNLAB_PLANES
#define AFNLAB_ATTENTION
#define AFNLAB_ADAM
#endif
#ifdef AFNLAB_PLANES
#include "planes.h"
#endif
#ifdef AFNLAB_ATTENTION
#include "attention.h"
#endif
#ifdef AFNLAB_ADAM
#include "adam.h"
#endif
