// Vectors of floats, products of matrices in tiles, and the hash that drops units: what all networks are made of.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#if defined(__SSE__)
#include <immintrin.h>
#endif

namespace {

// A tile of TILE_ROWS x TILE_VECTORS sums stays in registers: 32 with AVX-512, 16 with AVX2, 32 short ones with NEON.
#if defined(__AVX512F__)
constexpr int LANES = 16, ROUNDS = 4, TILE_ROWS = 8, TILE_VECTORS = 3;
#elif defined(__AVX__)
constexpr int LANES = 8, ROUNDS = 3, TILE_ROWS = 4, TILE_VECTORS = 3;
#elif defined(__ARM_NEON)
constexpr int LANES = 4, ROUNDS = 2, TILE_ROWS = 8, TILE_VECTORS = 3;
#else
constexpr int LANES = 4, ROUNDS = 2, TILE_ROWS = 4, TILE_VECTORS = 2;
#endif
// Jets are padded to a multiple of every TILE_ROWS, rows to that and to whole vectors: each width is once a row's length
// and once a number of rows.
constexpr int ROWS = 8, ROW_UNIT = LANES > ROWS ? LANES : ROWS;

typedef float Floats __attribute__((vector_size(4 * LANES)));
typedef int32_t Ints __attribute__((vector_size(4 * LANES)));
typedef uint32_t Words __attribute__((vector_size(4 * LANES)));

inline int padded(int width, int multiple) { return (width + multiple - 1) / multiple * multiple; }
inline ptrdiff_t at(ptrdiff_t jet, ptrdiff_t row, ptrdiff_t column) { return jet * row + column; }

inline Floats splat(float value) { return value - Floats{}; }
inline Floats load(const float* p) { return *reinterpret_cast<const Floats*>(p); }
inline void store(float* p, Floats value) { *reinterpret_cast<Floats*>(p) = value; }
// NaN stays NaN: a loss must tell that a training has failed.
inline Floats at_most(Floats value, float limit) { return splat(limit) < value ? splat(limit) : value; }
inline Floats at_least(Floats value, float limit) { return splat(limit) > value ? splat(limit) : value; }

// exp as in Cephes' single precision routine: a relative error of about 1e-7.
inline Floats exponential(Floats x) {
    x = at_most(at_least(x, -87.0f), 88.0f);
    const Floats shift = splat(12582912.0f);  // adding it rounds to the nearest integer
    Floats n = (x * 1.44269504088896341f + shift) - shift;
    Floats r = x - n * 0.693359375f;
    r = r + n * 2.12194440e-4f;
    Floats p = splat(1.9875691500e-4f);
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * (r * r) + r + 1.0f;
    Ints exponent = (__builtin_convertvector(n, Ints) + 127) << 23;
    return p * reinterpret_cast<Floats>(exponent);
}

// Which units are dropped is a hash of seed, step, layer, jet and unit: see dropout.py, which defines it.
struct DropoutKeys {
    uint32_t first, second;
};

inline uint64_t scramble(uint64_t x) {  // splitmix64
    x += 0x9E3779B97F4A7C15ull;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ull;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBull;
    return x ^ (x >> 31);
}

inline DropoutKeys dropout_keys(uint64_t seed, uint64_t step, uint64_t layer) {
    uint64_t key = scramble(scramble(seed) ^ (step << 8 | layer));
    return {static_cast<uint32_t>(key), static_cast<uint32_t>(key >> 32)};
}

inline Words lane_numbers() {
    Words numbers;
    for (int i = 0; i < LANES; ++i) numbers[i] = i;
    return numbers;
}

inline Words dropout_hash(DropoutKeys keys, uint32_t jet, uint32_t unit) {
    Words x = ((jet << 16) + unit + lane_numbers()) * 0x9E3779B1u + keys.first;
    x ^= x >> 16;
    x *= 0x7FEB352Du;
    x ^= keys.second;
    x ^= x >> 15;
    x *= 0x846CA68Bu;
    return x ^ (x >> 16);
}

struct Dropout {
    uint32_t threshold = 0;  // a unit is dropped if its hash is below
    float scale = 1;         // of what is kept
    DropoutKeys keys{};

    Ints drops(int jet, int unit) const { return dropout_hash(keys, jet, unit) < threshold; }
};

// One tile of c = finish(start + a b): a's element (m, k) is a[m * a_row + k * a_column], b's rows are vectors.
template <int NV, class Start, class Finish>
inline __attribute__((always_inline)) void multiply_tile(int n_inner, const float* a, ptrdiff_t a_row,
                                                         ptrdiff_t a_column, const float* b, ptrdiff_t b_row, int row,
                                                         int column, Start start, Finish finish) {
    Floats sums[TILE_ROWS][NV];
    for (int v = 0; v < NV; ++v) {
        Floats value = start(column + v * LANES);
        for (int m = 0; m < TILE_ROWS; ++m) sums[m][v] = value;
    }
    for (int k = 0; k < n_inner; ++k) {
        Floats right[NV];
        for (int v = 0; v < NV; ++v) right[v] = load(b + k * b_row + v * LANES);
        for (int m = 0; m < TILE_ROWS; ++m) {
            float left = a[m * a_row + k * a_column];
            for (int v = 0; v < NV; ++v) sums[m][v] += left * right[v];
        }
    }
    for (int v = 0; v < NV; ++v) {
        Floats column_of_tile[TILE_ROWS];
        for (int m = 0; m < TILE_ROWS; ++m) column_of_tile[m] = sums[m][v];
        finish(column_of_tile, row, column + v * LANES);
    }
}

// c = finish(start + a b) for all rows (a multiple of ROWS) and columns (of LANES); finish gets a tile's column of vectors.
template <class Start, class Finish>
void multiply(int n_rows, int n_columns, int n_inner, const float* a, ptrdiff_t a_row, ptrdiff_t a_column,
              const float* b, ptrdiff_t b_row, Start start, Finish finish) {
    int vectors = n_columns / LANES;
    for (int v = 0; v < vectors;) {
        int left = vectors - v, take = left == 3 ? TILE_VECTORS : left >= 2 ? 2 : 1;
        for (int m = 0; m < n_rows; m += TILE_ROWS) {
            const float* rows = a + m * a_row;
            const float* panel = b + v * LANES;
            if (take == 1) multiply_tile<1>(n_inner, rows, a_row, a_column, panel, b_row, m, v * LANES, start, finish);
            if (take == 2) multiply_tile<2>(n_inner, rows, a_row, a_column, panel, b_row, m, v * LANES, start, finish);
            if (take == 3) multiply_tile<3>(n_inner, rows, a_row, a_column, panel, b_row, m, v * LANES, start, finish);
        }
        v += take;
    }
}

inline Floats nothing(int) { return Floats{}; }

// Transpose a square of LANES x LANES numbers: interleaving the upper and the lower half of the rows, again and again.
inline void transpose_square(const float* from, ptrdiff_t from_row, float* to, ptrdiff_t to_row) {
    Floats rows[LANES], next[LANES];
    Ints low, high;
    for (int i = 0; i < LANES; ++i) {
        low[i] = i / 2 + (i % 2 ? LANES : 0);
        high[i] = low[i] + LANES / 2;
    }
    for (int i = 0; i < LANES; ++i) rows[i] = load(from + i * from_row);
    for (int round = 0; round < ROUNDS; ++round) {
        for (int i = 0; i < LANES / 2; ++i) {
            next[2 * i] = __builtin_shuffle(rows[i], rows[i + LANES / 2], low);
            next[2 * i + 1] = __builtin_shuffle(rows[i], rows[i + LANES / 2], high);
        }
        for (int i = 0; i < LANES; ++i) rows[i] = next[i];
    }
    for (int i = 0; i < LANES; ++i) store(to + i * to_row, rows[i]);
}

// Sum of f(jet) over jets, in four partial sums so that additions need not wait for each other.
template <class F>
inline Floats sum_over_jets(int n_jets, F f) {
    Floats parts[4] = {};
    int jet = 0;
    for (; jet + 4 <= n_jets; jet += 4)
        for (int i = 0; i < 4; ++i) parts[i] += f(jet + i);
    for (; jet < n_jets; ++jet) parts[0] += f(jet);
    return (parts[0] + parts[1]) + (parts[2] + parts[3]);
}

struct Free {
    void operator()(float* p) const { std::free(p); }
};
using Buffer = std::unique_ptr<float, Free>;

Buffer zeros(size_t count) {
    size_t bytes = (count * sizeof(float) + 63) / 64 * 64;
    float* p = static_cast<float*>(std::aligned_alloc(64, bytes ? bytes : 64));
    if (!p) throw std::bad_alloc();
    std::memset(p, 0, bytes);
    return Buffer(p);
}

// Numbers too small for a normalised float count as zero while this lasts, being slow on some processors; or they count.
struct Subnormals {
#if defined(__SSE__)
    unsigned int saved = _mm_getcsr();
    explicit Subnormals(bool count) { _mm_setcsr(count ? saved & ~0x8040u : saved | 0x8040u); }
    ~Subnormals() { _mm_setcsr(saved); }
#else
    explicit Subnormals(bool) {}
#endif
};

}  // namespace
