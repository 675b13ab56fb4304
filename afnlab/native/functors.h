// Every activation that torch has no kernel for, or one that loses digits: its value, its slope, and its derivatives with
// respect to its parameters. For host and device, in float or double; without branches, so that
// saturated inputs cost no more than others, and vector units are used.
//
// The formulas are those of afnlab/activations, which are the reference and are tested against.
#pragma once

#if defined(__CUDACC_RTC__)
#define __builtin_memcpy memcpy
#else
#include <math.h>
#endif

#if defined(__CUDACC__) || defined(__CUDACC_RTC__)
#define AFNLAB_FN __host__ __device__ __forceinline__
#else
#define AFNLAB_FN inline __attribute__((always_inline))
#endif

// The one list of names: every loop, launcher and exported symbol is made from it. A build may
// pick one of them with -DAFNLAB_ONLY=name, or none with -DAFNLAB_LOOPS and the name of other loops.
#if defined(AFNLAB_LOOPS)
#define AFNLAB_ACTIVATIONS(X)
#elif defined(AFNLAB_ONLY)
#define AFNLAB_ACTIVATIONS(X) X(AFNLAB_ONLY)
#else
#define AFNLAB_ACTIVATIONS(X) \
    X(srelu) X(swish) X(gelu) X(mish) X(gish) X(logish) X(smish) X(apec) X(mapec) \
    X(plu) X(pilu) X(frelu) X(double_relu) X(softsign) X(tanhshrink) \
    X(tanh) X(sigmoid) X(arctan) X(hardswish) \
    X(relu_squared) X(xielu) X(gelu_tanh) X(logsigmoid) X(sine)
#endif

namespace afnlab {

AFNLAB_FN unsigned as_bits(float value) {
    unsigned bits;
    __builtin_memcpy(&bits, &value, sizeof bits);
    return bits;
}
AFNLAB_FN unsigned long long as_bits(double value) {
    unsigned long long bits;
    __builtin_memcpy(&bits, &value, sizeof bits);
    return bits;
}

AFNLAB_FN float as_float(unsigned bits) {
    float value;
    __builtin_memcpy(&value, &bits, sizeof value);
    return value;
}
AFNLAB_FN double as_double(unsigned long long bits) {
    double value;
    __builtin_memcpy(&value, &bits, sizeof value);
    return value;
}

// Comparisons with NaN are false, so these three let a NaN through.
template <class T> AFNLAB_FN T within(T x, T low, T high) {
    x = x < low ? low : x;
    return x > high ? high : x;
}

// x, but finite: what a vanishing factor makes 0 would be inf * 0 = NaN.
template <class T> AFNLAB_FN T finite(T x) { return within(x, T(-1e30), T(1e30)); }

// x g, and 0 where the gate g has closed.
template <class T> AFNLAB_FN T gated(T x, T g) { return g == 0 ? T(0) : x * g; }

// k x for a parameter k; where that is 0 also at infinite x.
template <class T> AFNLAB_FN T times(T k, T x) {
    const T most = k == 0 ? T(1) : T(as_float(0x7f800000u));  // infinity
    return k * within(x, -most, most);
}

AFNLAB_FN float magnitude(float x) { return fabsf(x); }
AFNLAB_FN double magnitude(double x) { return fabs(x); }

// The smaller of two, or a NaN.
template <class T> AFNLAB_FN T at_most(T x, T high) { return x > high ? high : x; }
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
template <> AFNLAB_FN float at_most(float x, float high) {
    float least;
    asm("min.NaN.f32 %0, %1, %2;" : "=f"(least) : "f"(x), "f"(high));
    return least;
}
#endif

// a / b for a b whose inverse is a normal number. A GPU's own inverse is right to a unit in the last
// place; a division would first look whether it has to be scaled.
template <class T> AFNLAB_FN T ratio(T a, T b) { return a / b; }
#if defined(__CUDA_ARCH__)
template <> AFNLAB_FN float ratio(float a, float b) {
    float inverse;
    asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(inverse) : "f"(b));
    return a * inverse;
}
#endif

// Elementary functions: polynomials, since a call to the library's would not be vectorised. float:
// minimax, fitted, relative errors as noted. double: Taylor series, to the last digit.

// c0 + c1 x + c2 x^2 ...
template <class T> AFNLAB_FN T polynomial(T, T c) { return c; }
template <class T, class... C> AFNLAB_FN T polynomial(T x, T c, C... more) {
    return c + x * polynomial(x, more...);
}

template <class T> struct Exp {  // exp(x) = scale (1 + p)
    T scale, p;
    AFNLAB_FN T value() const { return scale + scale * p; }
    AFNLAB_FN T less_one() const { return (scale - 1) + scale * p; }  // all digits near x = 0
};

// For x of [LOWEST, 80] and [LOWEST, 700]. The remainder's series of float: 1.3e-8.
template <class T> constexpr T LOWEST = 0;
template <> constexpr float LOWEST<float> = -87;
template <> constexpr double LOWEST<double> = -708;
AFNLAB_FN Exp<float> exp_inside(float x) {
    const float shift = 12582912.0f;  // 1.5 * 2^23: adding it rounds to an integer
    float k = x * 1.44269504f + shift;
    const unsigned n = as_bits(k) - as_bits(shift);  // unsigned: whatever a NaN makes of it
    k -= shift;
    const float r = (x - k * 0.693359375f) + k * 2.12194440e-4f;
    const float q = polynomial(r, 0.499999981f, 0.166665432f, 0.0416672019f, 0.00836658015f,
                               0.00138825062f);
    return {as_float((n + 127) << 23), r * (1 + r * q)};
}
AFNLAB_FN Exp<double> exp_inside(double x) {
    const double shift = 6755399441055744.0;  // 1.5 * 2^52
    double k = x * 1.44269504088896341 + shift;
    const unsigned long long n = as_bits(k) - as_bits(shift);
    k -= shift;
    const double r = (x - k * 6.93147180369123816490e-01) - k * 1.90821492927058770002e-10;
    const double q = polynomial(
        r,
        0.5, 0.16666666666666666, 0.041666666666666664, 0.008333333333333333,
        0.001388888888888889, 0.0001984126984126984, 2.48015873015873e-05, 2.7557319223985893e-06,
        2.755731922398589e-07, 2.505210838544172e-08, 2.08767569878681e-09,
        1.6059043836821613e-10);
    return {as_double((n + 1023) << 52), r * (1 + r * q)};
}

// The same; below LOWEST, where it is 1e-38 or 1e-307, exp(x) is 0.
template <class T> AFNLAB_FN Exp<T> exp_parts(T x) {
    const Exp<T> e = exp_inside(x < LOWEST<T> ? LOWEST<T> : x);
    return {x < LOWEST<T> ? T(0) : e.scale, e.p};
}

template <class T> AFNLAB_FN T exp_of(T x) { return exp_parts(x).value(); }
template <class T> AFNLAB_FN T exp_of_inside(T x) { return exp_inside(x).value(); }
#if defined(__CUDA_ARCH__)
// A GPU has 2^x in hardware; what x log2(e) loses to rounding is put back.
template <> AFNLAB_FN float exp_of(float x) {
    x = within(x, -200.0f, 200.0f);
    const float k = x * 1.44269504f;
    const float lost = fmaf(x, 1.44269504f, -k) + x * 1.92596299e-8f;
    float power;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(power) : "f"(k));
    return power + power * (0.693147181f * lost);
}
template <> AFNLAB_FN float exp_of_inside(float x) { return exp_of(x); }
#endif

// ln(1 + s) for s in [0, 1]; 3e-8. double: 2 artanh(s / (2 + s)).
AFNLAB_FN float log_of_1_plus(float s) {
    return s * polynomial(s, 0.99999997f, -0.499994931f, 0.333190967f, -0.248429822f,
                          0.191060082f, -0.13663251f, 0.0782260297f, -0.0295052939f,
                          0.00523270938f);
}
AFNLAB_FN double log_of_1_plus(double s) {
    const double w = s / (2 + s);
    const double q = polynomial(
        w * w,
        2.0, 0.6666666666666666, 0.4, 0.2857142857142857, 0.2222222222222222, 0.18181818181818182,
        0.15384615384615385, 0.13333333333333333, 0.11764705882352941, 0.10526315789473684,
        0.09523809523809523, 0.08695652173913043, 0.08, 0.07407407407407407, 0.06896551724137931,
        0.06451612903225806, 0.06060606060606061);
    return w * q;
}

// sin^2(pi w / 4) for w in [0, 1]; 8e-10.
AFNLAB_FN float sin_squared(float w) {
    const float z = w * w;
    return z * polynomial(z, 0.616850275f, -0.12683473f, 0.0104315552f, -0.00045911846f,
                          1.20194066e-05f);
}
AFNLAB_FN double sin_squared(double w) {
    const double z = w * w;
    const double q = polynomial(
        z,
        0.6168502750680849, -0.12683475395052402, 0.01043174038167648, -0.0004596301374197133,
        1.2601021186530303e-05, -2.355437389409086e-07, 3.193301541895926e-09,
        -3.2829815574897364e-11, 2.6472001003673117e-13, -1.7188695895493036e-15,
        9.179958260776226e-18, -4.10337665092272e-20);
    return z * q;
}

// The slopes of the gate g(u) = (1 + sin(pi u / 2)) / 2 and of u g(u), for u in [-1, 1]; 1e-9, 2e-8.
// Their values at both ends stand in the formula, so that these are exact.
AFNLAB_FN float sine_gate_slope(float u) {
    const float z = u * u;
    return (1 - z) * polynomial(z, 0.785398163f, -0.183547945f, 0.0156832908f, -0.000701755276f,
                                1.85227171e-05f);
}
AFNLAB_FN double sine_gate_slope(double u) {
    const double z = u * u;
    const double q = polynomial(
        z,
        0.7853981633974483, -0.18354798286192106, 0.01568358275349654, -0.0007025567201188665,
        1.9428611424252778e-05, -3.6502636941369004e-07, 4.964870514225188e-09,
        -5.1155818133412456e-11, 4.131355809902061e-13, -2.6856384045994372e-15,
        1.4355632904060464e-17);
    return (1 - z) * q;
}
AFNLAB_FN float sine_gated_slope(float u) {
    const float z = u * u;
    const float q = polynomial(z, 1.07079608f, -0.221127349f, 0.0179242947f, -0.000743601843f);
    return 0.5f + u * (0.5f + (1 - z) * q);
}
AFNLAB_FN double sine_gated_slope(double u) {
    const double z = u * u;
    const double q = polynomial(
        z,
        1.0707963267948966, -0.2211318682175959, 0.017946010520905248, -0.0007810060203695051,
        2.119990356729399e-05, -3.931558439785241e-07, 5.296260559230781e-09,
        -5.416752861839305e-11, 4.3489296156270897e-13, -2.8135851686652482e-15,
        1.4980013481272927e-17);
    return 0.5 + u * (0.5 + (1 - z) * q);
}

// The normal distribution at -a, and its density at a, for a >= 0; 3e-8 before rounding.
AFNLAB_FN float normal_tail(float a, float& density) {
    a = within(a, 0.0f, 15.0f);  // beyond, exp(-a^2 / 2) is 0
    const float high = as_float(as_bits(a) & 0xfffff000u);  // high^2 is exact
    const float low = 0.5f * (high - a) * (high + a);  // at least -0.06
    const float q = polynomial(low, 1.0f, 1.0f, 0.5f, 0.166666667f, 0.0416666667f);  // exp(low)
    const float e = exp_of(-0.5f * high * high) * q;
    const float t = ratio(1.0f, 1 + 0.35f * a);
    const float r = polynomial(t, 0.139621307f, 0.139863515f, 0.119821289f, 0.105552501f,
                               -0.0232123568f, 0.159319715f, -0.255839039f, 0.144030947f,
                               -0.0291578942f);
    density = 0.398942280f * e;
    return e * (t * r);
}
AFNLAB_FN double normal_tail(double a, double& density) {
    density = 0.39894228040143267794 * exp(-0.5 * a * a);
    return 0.5 * erfc(0.70710678118654752440 * a);
}

// (a - tanh a) / a^3 for a in [0, 1]; 6e-8. double: fitted, to the last digit.
AFNLAB_FN float tanh_rest(float a) {
    return polynomial(a * a, 0.333333313f, -0.133331289f, 0.0539348272f, -0.0216602769f,
                      0.00821923022f, -0.00251073108f, 0.000420785454f);
}
AFNLAB_FN double tanh_rest(double a) {
    return polynomial(
        a * a,
        0.33333333333333333, -0.1333333333333309, 0.053968253968046376, -0.02186948852912909,
        0.0088632354045782825, -0.0035921266793663412, 0.0014558246920964942,
        -0.00058997929463000517, 0.00023895705228738225, -9.6462777433131814e-5,
        3.8389607893147333e-5, -1.4606131676715378e-5, 4.9877603175203467e-6,
        -1.3791814499083342e-6, 2.6330772232959335e-7, -2.5155023659382106e-8);
}

// tanh a = (1 - e) / (1 + e) with e = exp(-2 a), for a >= 0.
template <class T> AFNLAB_FN T tanh_of(T a) {
    const Exp<T> e = exp_parts(-2 * a);
    return ratio(-e.less_one(), 1 + e.value());
}

// arctan w for |w| up to tan(pi / 8); 2e-8.
AFNLAB_FN float arctan_of(float w) {
    const float z = w * w;
    return w + w * z * polynomial(z, -0.333329558f, 0.199779227f, -0.138798118f, 0.0806019753f);
}
AFNLAB_FN double arctan_of(double w) { return ::atan(w); }

// The logistic function at x, from one exponential: s = n / d, 1 - s = m / d, n m = e = exp(-|x|).
template <class T> struct Logistic {
    T e, n, m, d;
    AFNLAB_FN explicit Logistic(T x) {
        e = exp_of(x < 0 ? x : -x);
        const bool left = x < 0;
        n = left ? e : T(1);
        m = left ? T(1) : e;
        d = 1 + e;
    }
};

// ---------------------------------------------------------------------------------------------
// The activations. `parameters` counts them, in the order of the record; the constructor takes
// them `stride` apart. slope(x, partial) also calls partial(k, v) with the derivative v by each
// parameter k that can be trained.
// ---------------------------------------------------------------------------------------------

template <class T> struct srelu {
    static constexpr int parameters = 1;
    T t, inverse;
    // The inverse of a t below 3e-39 would be infinite, and NaN at x = -t.
    AFNLAB_FN srelu(const T* p, long) : t(p[0]), inverse(within(1 / p[0], T(0), T(1e38))) {}

    // The gate (1 + sin(pi x / 2 t)) / 2 is sin^2(pi w / 4), with w the distance from the nearer
    // end of [-t, t] in units of t; or 1 less that: all digits of a small gate are right. Beyond
    // the ends w is 0, and |x|, which may be infinite, is replaced by t.
    AFNLAB_FN T value(T x) const {
        const T size = at_most(magnitude(x), t);
        return (x > 0 ? x : T(0)) - size * sin_squared((t - size) * inverse);
    }
    AFNLAB_FN T slope(T x) const { return sine_gated_slope(within(x * inverse, T(-1), T(1))); }
    template <class Out> AFNLAB_FN T slope(T x, Out partial) const {
        const T u = within(x * inverse, T(-1), T(1));
        partial(0, -u * u * sine_gate_slope(u));
        return sine_gated_slope(u);
    }
};

template <class T> struct swish {
    static constexpr int parameters = 1;
    T beta;
    AFNLAB_FN swish(const T* p, long) : beta(p[0]) {}

    AFNLAB_FN T value(T x) const {
        const Logistic<T> s(beta * finite(x));
        return gated(x, ratio(s.n, s.d));
    }
    AFNLAB_FN T slope(T x) const {
        x = finite(x);
        const Logistic<T> s(beta * x);
        const T inverse = ratio(T(1), s.d);
        return inverse * (s.n + beta * x * (s.e * inverse));
    }
    template <class Out> AFNLAB_FN T slope(T x, Out partial) const {
        x = finite(x);
        const Logistic<T> s(beta * x);
        const T inverse = ratio(T(1), s.d), bend = s.e * inverse * inverse;
        partial(0, x * bend * x);
        return s.n * inverse + beta * x * bend;
    }
};

template <class T> struct gelu {
    static constexpr int parameters = 0;
    AFNLAB_FN gelu(const T*, long) {}

    AFNLAB_FN T value(T x) const {
        T density;
        const T tail = normal_tail(magnitude(x), density);
        return gated(x, x < 0 ? tail : 1 - tail);
    }
    AFNLAB_FN T slope(T x) const {
        T density;
        const T tail = normal_tail(magnitude(x), density);
        return (x < 0 ? tail : 1 - tail) + finite(x) * density;
    }
};

template <class T> struct mish {
    static constexpr int parameters = 0;
    AFNLAB_FN mish(const T*, long) {}

    // With s = n / d, r = 1 - s: the gate is s (1 + r) / (1 + r^2) = n (d + m) / (d^2 + m^2). An m
    // that changes nothing is 0, since its square would be a subnormal number, and slow.
    AFNLAB_FN static Logistic<T> logistic(T x) {
        Logistic<T> s(x);
        s.m = s.m < T(1e-18) ? T(0) : s.m;
        return s;
    }
    AFNLAB_FN T value(T x) const {
        const Logistic<T> s = logistic(x);
        return gated(x, ratio(s.n * (s.d + s.m), s.d * s.d + s.m * s.m));
    }
    AFNLAB_FN T slope(T x) const {
        const Logistic<T> s = logistic(x);
        const T inverse = ratio(T(1), s.d * s.d + s.m * s.m);
        const T bend = 4 * s.e * s.m * s.d * inverse * inverse;
        return s.n * (s.d + s.m) * inverse + finite(x) * bend;
    }
};

template <class T> struct gish {
    static constexpr int parameters = 0;
    AFNLAB_FN gish(const T*, long) {}

    // From u = exp(x): closing = exp(-u), and opening = 1 - exp(-u), so that the gate is
    // ln(1 + opening). Beyond x = 4.4, closing is below 1e-35, and x is replaced by that; below
    // LOWEST the gate has closed.
    AFNLAB_FN T gate(T x, T& u, T& opening, T& closing) const {
        u = exp_of_inside(x);
        const Exp<T> e = exp_inside(-u);
        closing = e.value();
        opening = -e.less_one();
        return log_of_1_plus(opening);
    }
    AFNLAB_FN T value(T x) const {
        T u, opening, closing;
        const T g = gate(within(x, LOWEST<T>, T(4.4)), u, opening, closing);
        return x < LOWEST<T> ? T(0) : x * g;
    }
    AFNLAB_FN T slope(T x) const {
        T u, opening, closing;
        const T near = within(x, LOWEST<T>, T(4.4)), g = gate(near, u, opening, closing);
        return x < LOWEST<T> ? T(0) : g + near * ratio(u * closing, 1 + opening);
    }
};

template <class T> struct logish {
    static constexpr int parameters = 0;
    AFNLAB_FN logish(const T*, long) {}

    AFNLAB_FN T value(T x) const {
        const Logistic<T> s(x);
        return gated(x, log_of_1_plus(ratio(s.n, s.d)));
    }
    AFNLAB_FN T slope(T x) const {
        const Logistic<T> s(x);
        const T g = log_of_1_plus(ratio(s.n, s.d));
        return g + finite(x) * ratio(s.e, s.d * (s.d + s.n));
    }
};

template <class T> struct smish {
    static constexpr int parameters = 0;
    AFNLAB_FN smish(const T*, long) {}

    // With s = n / d, q = s (2 + s): the gate is q / (2 + q) = k / (2 d^2 + k), k = n (2 d + n).
    AFNLAB_FN T value(T x) const {
        const Logistic<T> s(x);
        const T k = s.n * (2 * s.d + s.n);
        return gated(x, ratio(k, 2 * s.d * s.d + k));
    }
    AFNLAB_FN T slope(T x) const {
        const Logistic<T> s(x);
        const T k = s.n * (2 * s.d + s.n);
        const T inverse = ratio(T(1), 2 * s.d * s.d + k);
        const T bend = 4 * s.e * s.d * (s.d + s.n) * inverse * inverse;
        return k * inverse + finite(x) * bend;
    }
};

// The curve k = 1 / (c - exp(-x)) and its slope, from e = exp(-|x|).
template <class T> AFNLAB_FN T reciprocal_curve(T x, T c, T& slope) {
    const T e = exp_of(x < 0 ? x : -x);
    const bool left = x < 0;
    const T inverse = ratio(T(1), left ? c * e - 1 : c - e);
    slope = -e * inverse * inverse;
    return left ? e * inverse : inverse;
}

template <class T> struct apec {
    static constexpr int parameters = 4;  // alpha, beta, gamma, eps
    T alpha, beta, c;
    AFNLAB_FN apec(const T* p, long stride)
        : alpha(p[0]), beta(p[stride]), c(p[2 * stride] + p[3 * stride]) {}

    AFNLAB_FN T value(T x) const {
        T bend;
        return alpha + gated(beta - x, reciprocal_curve(x, c, bend));
    }
    AFNLAB_FN T slope(T x) const {
        T bend;
        const T k = reciprocal_curve(x, c, bend);
        return (beta - finite(x)) * bend - k;
    }
    template <class Out> AFNLAB_FN T slope(T x, Out partial) const {
        T bend;
        const T k = reciprocal_curve(x, c, bend);
        partial(0, 1);
        partial(1, k);
        partial(2, -gated(beta - x, k) * k);
        return (beta - finite(x)) * bend - k;
    }
};

template <class T> struct mapec {
    static constexpr int parameters = 6;  // alpha, beta, gamma, delta, zeta, eps
    T alpha, beta, c, sign, delta, zeta;
    AFNLAB_FN mapec(const T* p, long stride)
        : alpha(p[0]), beta(p[stride]), c(-magnitude(p[2 * stride]) - p[5 * stride]),
          sign(T(p[2 * stride] > 0) - T(p[2 * stride] < 0)), delta(p[3 * stride]),
          zeta(p[4 * stride]) {}

    // x stands once, times (delta - k): at infinity inf - inf would be NaN.
    AFNLAB_FN T unscaled(T x, T k) const { return alpha + beta * k + gated(x, delta - k); }

    AFNLAB_FN T value(T x) const {
        T bend;
        const T inner = unscaled(x, reciprocal_curve(x, c, bend));
        return times(zeta, inner);
    }
    AFNLAB_FN T slope(T x) const {
        T bend;
        const T k = reciprocal_curve(x, c, bend);
        return zeta * ((beta - finite(x)) * bend + (delta - k));
    }
    template <class Out> AFNLAB_FN T slope(T x, Out partial) const {
        T bend;
        const T k = reciprocal_curve(x, c, bend);
        partial(0, zeta);
        partial(1, zeta * k);
        partial(2, zeta * gated(beta - x, k) * k * sign);
        partial(3, zeta * x);
        partial(4, unscaled(x, k));
        return zeta * ((beta - finite(x)) * bend + (delta - k));
    }
};

template <class T> struct plu {
    static constexpr int parameters = 2;
    T alpha, c;
    AFNLAB_FN plu(const T* p, long stride) : alpha(p[0]), c(p[stride]) {}

    AFNLAB_FN T value(T x) const {
        const T inside = within(x, -c, c);
        return inside + times(alpha, x - inside);
    }
    AFNLAB_FN T slope(T x) const { return magnitude(x) > c ? alpha : T(1); }
    template <class Out> AFNLAB_FN T slope(T x, Out partial) const {
        partial(0, x - within(x, -c, c));
        partial(1, (1 - alpha) * (T(x > c) - T(x < -c)));
        return slope(x);
    }
};

template <class T> struct pilu {
    static constexpr int parameters = 3;
    T alpha, beta, gamma;
    AFNLAB_FN pilu(const T* p, long stride) : alpha(p[0]), beta(p[stride]), gamma(p[2 * stride]) {}

    AFNLAB_FN T value(T x) const {
        const T k = x > gamma ? alpha : beta;
        return times(k, x) + gamma * (1 - k);
    }
    AFNLAB_FN T slope(T x) const { return x > gamma ? alpha : beta; }
    template <class Out> AFNLAB_FN T slope(T x, Out partial) const {
        const bool right = x > gamma;
        partial(0, right ? x - gamma : T(0));
        partial(1, right ? T(0) : x - gamma);
        partial(2, 1 - slope(x));
        return slope(x);
    }
};

template <class T> struct frelu {
    static constexpr int parameters = 1;
    T b;
    AFNLAB_FN frelu(const T* p, long) : b(p[0]) {}

    AFNLAB_FN T value(T x) const { return (x < 0 ? T(0) : x) + b; }
    AFNLAB_FN T slope(T x) const { return T(x > 0); }
    template <class Out> AFNLAB_FN T slope(T x, Out partial) const {
        partial(0, 1);
        return slope(x);
    }
};

template <class T> struct double_relu {
    static constexpr int parameters = 1;
    T alpha;
    AFNLAB_FN double_relu(const T* p, long) : alpha(p[0]) {}

    AFNLAB_FN T value(T x) const { return x - within(x, -alpha, alpha); }
    AFNLAB_FN T slope(T x) const { return T(magnitude(x) > alpha); }
    template <class Out> AFNLAB_FN T slope(T x, Out partial) const {
        partial(0, T(x < -alpha) - T(x > alpha));
        return slope(x);
    }
};

template <class T> struct softsign {
    static constexpr int parameters = 0;
    AFNLAB_FN softsign(const T*, long) {}

    AFNLAB_FN T value(T x) const {
        x = finite(x);
        return ratio(x, 1 + magnitude(x));
    }
    AFNLAB_FN T slope(T x) const {
        const T inverse = ratio(T(1), 1 + magnitude(x));
        return inverse * inverse;
    }
};

template <class T> struct tanhshrink {
    static constexpr int parameters = 0;
    AFNLAB_FN tanhshrink(const T*, long) {}

    AFNLAB_FN T value(T x) const {
        const T a = magnitude(x);
        const T rest = a < 1 ? a * a * a * tanh_rest(a) : a - tanh_of(a);
        return x < 0 ? -rest : rest;
    }
    AFNLAB_FN T slope(T x) const {
        const T tanh_x = tanh_of(magnitude(x));
        return tanh_x * tanh_x;
    }
};

template <class T> struct hardswish {
    static constexpr int parameters = 0;
    AFNLAB_FN hardswish(const T*, long) {}

    AFNLAB_FN T value(T x) const { return gated(x, within(x + 3, T(0), T(6)) * T(1.0 / 6)); }
    AFNLAB_FN T slope(T x) const {
        return x < -3 ? T(0) : x > 3 ? T(1) : (x + T(1.5)) * T(1.0 / 3);
    }
};

template <class T> struct tanh {
    static constexpr int parameters = 0;
    AFNLAB_FN tanh(const T*, long) {}

    AFNLAB_FN T value(T x) const {
        const T y = tanh_of(magnitude(x));
        return x < 0 ? -y : y;
    }
    // Not 1 - y^2, which loses its digits where y is nearly 1.
    AFNLAB_FN T slope(T x) const {
        const T e = exp_of(-2 * magnitude(x)), inverse = ratio(T(1), 1 + e);
        return 4 * e * inverse * inverse;
    }
};

template <class T> struct sigmoid {
    static constexpr int parameters = 0;
    AFNLAB_FN sigmoid(const T*, long) {}

    AFNLAB_FN T value(T x) const {
        const Logistic<T> s(x);
        return ratio(s.n, s.d);
    }
    AFNLAB_FN T slope(T x) const {
        const Logistic<T> s(x);
        const T inverse = ratio(T(1), s.d);
        return s.e * inverse * inverse;
    }
};

template <class T> struct arctan {
    static constexpr int parameters = 0;
    AFNLAB_FN arctan(const T*, long) {}

    // arctan a = b + arctan((a - c) / (1 + a c)) with c = tan b, for b = 0, pi / 4 and pi / 2.
    AFNLAB_FN T value(T x) const {
        const T a = magnitude(x);
        const bool middle = a > T(0.41421356237309505), right = a > T(2.414213562373095);
        const T above = right ? T(-1) : middle ? a - 1 : a;
        const T below = right ? a : middle ? a + 1 : T(1);
        const T b = right ? T(1.5707963267948966) : middle ? T(0.7853981633974483) : T(0);
        const T y = b + arctan_of(ratio(above, below));
        return x < 0 ? -y : y;
    }
    AFNLAB_FN T slope(T x) const { return ratio(T(1), 1 + x * x); }
};

template <class T> struct relu_squared {
    static constexpr int parameters = 1;
    T a;
    AFNLAB_FN relu_squared(const T* p, long) : a(p[0]) {}

    AFNLAB_FN T root(T x) const { return x > 0 ? x : times(a, x); }
    AFNLAB_FN T value(T x) const {
        const T y = root(x);
        return y * y;
    }
    AFNLAB_FN T slope(T x) const { return 2 * (x > 0 ? x : times(a * a, x)); }
    template <class Out> AFNLAB_FN T slope(T x, Out partial) const {
        partial(0, x > 0 ? T(0) : 2 * root(x) * x);
        return slope(x);
    }
};

template <class T> struct xielu {
    static constexpr int parameters = 3;  // alpha_p, alpha_n, beta
    T right, left, beta, line;
    AFNLAB_FN xielu(const T* p, long stride)
        : right(p[0]), left(p[stride]), beta(p[2 * stride]), line(beta - left) {}

    AFNLAB_FN static T exponential_less_1(T x) { return exp_parts(at_most(x, T(0))).less_one(); }

    AFNLAB_FN T value(T x) const {
        const T fall = left * exponential_less_1(x) + times(line, x);
        return x > 0 ? x * (right * x + beta) : fall;
    }
    AFNLAB_FN T slope(T x) const {
        return (x > 0 ? 2 * right * x : left * exponential_less_1(x)) + beta;
    }
    template <class Out> AFNLAB_FN T slope(T x, Out partial) const {
        const T less_1 = exponential_less_1(x);
        partial(0, x > 0 ? x * x : T(0));
        partial(1, x > 0 ? T(0) : less_1 - x);
        partial(2, x);
        return (x > 0 ? 2 * right * x : left * less_1) + beta;
    }
};

// The exponent v of gelu_tanh, and exp(-|v|). The exponent grows as a cube, and its rounding with
// it: so it is computed in double, and what a float of it loses is put back.
AFNLAB_FN float cubic_exponential(float x, float& bend) {
    const double z = within(x, -30.0f, 30.0f), square = z * z;
    const double v = 1.5957691216057308 * z * (1 + 0.044715 * square);
    bend = float(1.5957691216057308 * (1 + 0.134145 * square));
    const double size = v < 0 ? -v : v;
    const float most = float(size), lost = float(size - most);
    const float e = exp_of(-most);
    return e - e * lost;
}
AFNLAB_FN double cubic_exponential(double x, double& bend) {
    const double z = within(x, -30.0, 30.0), square = z * z;
    const double v = 1.5957691216057308 * z * (1 + 0.044715 * square);
    bend = 1.5957691216057308 * (1 + 0.134145 * square);
    return exp_of(v < 0 ? v : -v);
}

template <class T> struct gelu_tanh {
    static constexpr int parameters = 0;
    AFNLAB_FN gelu_tanh(const T*, long) {}

    AFNLAB_FN T value(T x) const {
        T bend;
        const T e = cubic_exponential(x, bend);
        return gated(x, ratio(x < 0 ? e : T(1), 1 + e));
    }
    AFNLAB_FN T slope(T x) const {
        T bend;
        const T e = cubic_exponential(x, bend), inverse = ratio(T(1), 1 + e);
        return inverse * ((x < 0 ? e : T(1)) + within(x, T(-30), T(30)) * bend * (e * inverse));
    }
};

template <class T> struct logsigmoid {
    static constexpr int parameters = 0;
    AFNLAB_FN logsigmoid(const T*, long) {}

    AFNLAB_FN T value(T x) const {
        return at_most(x, T(0)) - log_of_1_plus(exp_of(x < 0 ? x : -x));
    }
    AFNLAB_FN T slope(T x) const {
        const Logistic<T> s(x);
        return ratio(s.m, s.d);
    }
};

// The sine of p, or with quarter = 0.5 its cosine, for |p| up to 1e9. For float, p is reduced to
// [-pi / 2, pi / 2] in double, by pi in three parts, and what is left is a float again.
AFNLAB_FN float turned(double p, double quarter, float) {
    const double shift = 6755399441055744.0;  // 1.5 * 2^52: adding it rounds to an integer
    const double turns = (p * 0.31830988618379067 - quarter + shift) - shift, k = turns + quarter;
    const double part = 0.5 * turns - ((0.5 * turns + shift) - shift);  // 0, or 0.5 in size if odd
    const double sign = (1 - 8 * part * part) * (1 - 4 * quarter);
    const float r = float(((p - k * 3.14159250259399414062) - k * 1.50995788317231927067e-7) -
                          k * 1.07806057163162381058e-14);
    const float w = within(r, -1.57079637f, 1.57079637f), z = w * w;
    const float y = w + w * z * polynomial(z, -0.166666597f, 0.00833307859f, -0.000198106907f,
                                           2.60831598e-06f);
    return float(sign) * y;
}
AFNLAB_FN double turned(double p, double quarter, double) {
    return quarter == 0 ? ::sin(p) : ::cos(p);
}

template <class T> struct sine {
    static constexpr int parameters = 1;
    static constexpr double FARTHEST = 1e9;
    T omega;
    AFNLAB_FN sine(const T* p, long) : omega(p[0]) {}

    AFNLAB_FN double phase(T x) const { return double(omega) * x; }  // exact for float
    AFNLAB_FN T cosine(T x) const {
        const double p = phase(x);
        const T open = T(!(magnitude(p) > FARTHEST));
        return open * turned(within(p, -FARTHEST, FARTHEST), 0.5, T(0));
    }
    AFNLAB_FN T value(T x) const {
        return turned(within(phase(x), -FARTHEST, FARTHEST), 0, T(0));
    }
    AFNLAB_FN T slope(T x) const { return omega * cosine(x); }
    template <class Out> AFNLAB_FN T slope(T x, Out partial) const {
        const T c = cosine(x);
        partial(0, finite(x) * c);
        return omega * c;
    }
};

}  // namespace afnlab
