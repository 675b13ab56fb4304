// What a call hands over: a structure whose fields Python fills in by name (launch.py). They are
// listed once here, and a library tells where each lies, so that Python can refuse one that differs.
#pragma once

#include <stddef.h>
#include <stdint.h>

#define AFNLAB_MEMBER(type, name) type name;
#define AFNLAB_PLACE(type, name) {#name, offsetof(Fields, name), sizeof(Fields::name)},

// struct name, and the exported function that tells its layout, up to a row without a name. It tells
// the codes and sizes of the types of elements too.
#define AFNLAB_STRUCTURE(name, FIELDS)                                                           \
    namespace afnlab {                                                                           \
    struct name { FIELDS(AFNLAB_MEMBER) };                                                       \
    }                                                                                            \
    extern "C" const afnlab::Place* afnlab_layout_##name() {                                     \
        using namespace afnlab;                                                                  \
        using Fields = name;                                                                     \
        static const Place places[] = {                                                          \
            {"float32", FLOAT32, 4}, {"float64", FLOAT64, 8}, {"float16", FLOAT16, 2},           \
            {"bfloat16", BFLOAT16, 2}, FIELDS(AFNLAB_PLACE) {nullptr, 0, 0}};                    \
        return places;                                                                           \
    }

namespace afnlab {

enum Dtype { FLOAT32, FLOAT64, FLOAT16, BFLOAT16 };
struct Place { const char* name; int64_t at, size; };
using Numbers = double[8];

}  // namespace afnlab

// outer, channels, inner: a tensor in the order of its memory; every channel has its own parameters,
// or all have the same, and channels is 1. grad_y: null for out = f(x), else out = grad_y f'(x).
// numbers: the parameters, where there is no table (parameters, channels) of the type that is
// computed in. sums: null, or (parameters, channels) for the gradients with respect to them. The
// rest is for a CPU (threads) or a GPU; room: (parameters, channels, blocks) for its blocks' sums.
#define AFNLAB_LAUNCH(FIELD)                                                                     \
    FIELD(int64_t, outer) FIELD(int64_t, channels) FIELD(int64_t, inner)                         \
    FIELD(const void*, x) FIELD(const void*, grad_y) FIELD(void*, out)                           \
    FIELD(Numbers, numbers) FIELD(const void*, table)                                            \
    FIELD(double*, sums) FIELD(double*, room) FIELD(void*, stream)                               \
    FIELD(int32_t, dtype) FIELD(int32_t, threads) FIELD(int32_t, device) FIELD(int32_t, blocks)

AFNLAB_STRUCTURE(Launch, AFNLAB_LAUNCH)

// The exported functions, one for each activation; they return 0, or a code for afnlab_error.
#define AFNLAB_EXPORT(name) AFNLAB_EXPORT_(name)  // AFNLAB_ONLY is expanded on the way
#define AFNLAB_EXPORT_(name)                                                                     \
    extern "C" int afnlab_##name(const afnlab::Launch* launch) {                                 \
        return afnlab::dispatch<afnlab::name>(*launch);                                          \
    }
