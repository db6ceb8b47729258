// Training small dense networks on a CPU: everything between two batches in one call, for one network at a time.
//
// A network of a trigger with its gradients, Adam's moments and the activations of a batch fits into a core's
// second-level cache, so nothing is gained by stacking networks in memory: they are stacked in time. Matrices are
// row-major, their rows padded to whole vectors; what lies beyond the true width is zero or never read. No sum is
// split over the lanes of a vector: each has one order, whatever the width of the processor's registers.
//
// Shapes: activations (jets, width), weights (outputs, inputs) as in torch.nn.Linear, transposed ones (inputs, outputs).

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>
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

enum Activation { RELU, TANH, SIGMOID };

constexpr float BETA1 = 0.9f, BETA2 = 0.999f, ADAM_EPSILON = 1e-8f, NORM_EPSILON = 1e-5f, NORM_MOMENTUM = 0.1f;
// The least magnitude of a tanh or sigmoid that was not dropped: zero says that it was.
constexpr float LEAST = 1e-30f;

inline int padded(int width, int multiple) { return (width + multiple - 1) / multiple * multiple; }
inline ptrdiff_t at(ptrdiff_t jet, ptrdiff_t row, ptrdiff_t column) { return jet * row + column; }

inline Floats splat(float value) { return value - Floats{}; }
inline Floats load(const float* p) { return *reinterpret_cast<const Floats*>(p); }
inline void store(float* p, Floats value) { *reinterpret_cast<Floats*>(p) = value; }
// What is not a number stays so: a loss must tell that a training has failed.
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

// The rational approximation of Eigen: one division, and a relative error of a few 1e-7.
inline Floats hyperbolic_tangent(Floats x) {
    x = at_most(at_least(x, -7.90531111f), 7.90531111f);
    Floats square = x * x;
    Floats p = splat(-2.76076847742355e-16f);
    p = p * square + 2.00018790482477e-13f;
    p = p * square - 8.60467152213735e-11f;
    p = p * square + 5.12229709037114e-08f;
    p = p * square + 1.48572235717979e-05f;
    p = p * square + 6.37261928875436e-04f;
    p = p * square + 4.89352455891786e-03f;
    Floats q = splat(1.19825839466702e-06f);
    q = q * square + 1.18534705686654e-04f;
    q = q * square + 2.26843463243900e-03f;
    q = q * square + 4.89352518554385e-03f;
    return x * p / q;
}

template <Activation A>
inline Floats activate(Floats x) {
    if constexpr (A == RELU) return at_least(x, 0.0f);
    if constexpr (A == TANH) return hyperbolic_tangent(x);
    return 0.5f + 0.5f * hyperbolic_tangent(0.5f * x);
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

    template <Activation A>
    Floats apply(Floats value, int jet, int unit) const {
        Floats size = value < 0.0f ? -value : value;
        // A ReLU's zero has no slope, dropped or not.
        Floats kept = (A != RELU ? (size < LEAST ? splat(LEAST) : value) : value) * scale;
        return dropout_hash(keys, jet, unit) < threshold ? Floats{} : kept;
    }
};

// Gradient with respect to a unit's input, from that with respect to its (scaled, perhaps dropped) output.
template <Activation A, bool DROP>
inline Floats through_activation(Floats gradient, Floats output, float scale) {
    if constexpr (DROP) {
        gradient *= scale;
        if constexpr (A == RELU) return output > 0.0f ? gradient : Floats{};
        Floats value = output * (1.0f / scale);
        Floats slope = A == TANH ? 1.0f - value * value : value * (1.0f - value);
        return output == 0.0f ? Floats{} : gradient * slope;
    }
    if constexpr (A == RELU) return output > 0.0f ? gradient : Floats{};
    if constexpr (A == TANH) return gradient * (1.0f - output * output);
    return gradient * (output * (1.0f - output));
}

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

struct Layer {
    int n_in, n_out, in_row, out_row;                 // true widths and lengths of rows
    size_t weight, bias, gamma, beta;                 // where they start in the network's parameters
    Buffer transposed;                                // (inputs, outputs)
    Buffer running_mean, running_variance;            // of batch normalisation
    Buffer mean, inverse_deviation;                   // of this batch
    Buffer before;                                    // (jets, outputs) before batch normalisation
    Buffer output;                                    // (jets, outputs) after activation and dropout
};

class Network {
  public:
    Network(int n_layers, const int* widths, int activation, bool batch_norm, float dropout, int max_jets)
        : activation_(static_cast<Activation>(activation)), batch_norm_(batch_norm), max_jets_(padded(max_jets, ROWS)) {
        size_t count = 0;
        int widest = 0;
        for (int i = 0; i < n_layers; ++i) {
            Layer layer{};
            layer.n_in = widths[i];
            layer.n_out = widths[i + 1];
            layer.in_row = padded(layer.n_in, ROW_UNIT);
            layer.out_row = padded(layer.n_out, ROW_UNIT);
            layer.weight = count;
            count += static_cast<size_t>(layer.out_row) * layer.in_row;
            layers_.push_back(std::move(layer));
        }
        n_weights_ = count;
        for (int i = 0; i < n_layers; ++i) {
            Layer& layer = layers_[i];
            size_t row = layer.out_row;
            layer.bias = count, layer.gamma = count + row, layer.beta = count + 2 * row;
            count += 3 * row;
            layer.transposed = zeros(static_cast<size_t>(layer.in_row) * row);
            layer.output = zeros(max_jets_ * row);
            if (normalised(i)) {
                layer.before = zeros(max_jets_ * row);
                for (Buffer* buffer : {&layer.running_mean, &layer.running_variance, &layer.mean,
                                       &layer.inverse_deviation})
                    *buffer = zeros(row);
            }
            widest = layer.out_row > widest ? layer.out_row : widest;
        }
        n_parameters_ = count;
        parameters_ = zeros(count), gradients_ = zeros(count), first_ = zeros(count), second_ = zeros(count);
        input_ = zeros(max_jets_ * layers_[0].in_row);
        upper_ = zeros(max_jets_ * widest), lower_ = zeros(max_jets_ * widest);
        labels_.resize(max_jets_);
        long long threshold = std::llround(dropout * 4294967296.0);
        dropout_.threshold = static_cast<uint32_t>(threshold < 4294967295 ? threshold : 4294967295);
        dropout_.scale = 1 / (1 - dropout);
    }

    // Parameters of a layer go in and out densely packed; gamma to running_variance only with batch normalisation.
    void exchange(int index, float** arrays, bool inwards, bool gradients) {
        Layer& layer = layers_[index];
        float* base = gradients ? gradients_.get() : parameters_.get();
        copy(base + layer.weight, arrays[0], layer.n_out, layer.n_in, layer.in_row, inwards);
        copy(base + layer.bias, arrays[1], 1, layer.n_out, layer.out_row, inwards);
        if (normalised(index)) {
            copy(base + layer.gamma, arrays[2], 1, layer.n_out, layer.out_row, inwards);
            copy(base + layer.beta, arrays[3], 1, layer.n_out, layer.out_row, inwards);
            if (!gradients) {
                copy(layer.running_mean.get(), arrays[4], 1, layer.n_out, layer.out_row, inwards);
                copy(layer.running_variance.get(), arrays[5], 1, layer.n_out, layer.out_row, inwards);
            }
        }
        if (inwards) transpose(layer);
    }

    // One pass over the jets in the order given; returns the mean over batches of the cross-entropy.
    double train(const float* x, const int64_t* y, const int64_t* order, int64_t n_jets, int batch_size,
                 float learning_rate, float l1, uint64_t seed) {
        double total = 0;
        int64_t n_batches = 0;
        for (int64_t start = 0; start < n_jets; start += batch_size) {
            int n = static_cast<int>(n_jets - start < batch_size ? n_jets - start : batch_size);
            if (n < 2) break;  // batch normalisation has no variance of a single jet
            gather(x, y, order + start, n, n_jets - start - n < batch_size ? n_jets - start - n : batch_size);
            total += step(n, seed);
            update(learning_rate, l1);
            ++n_batches;
        }
        return finite() ? total / n_batches : NAN;
    }

    // Gradients of the mean cross-entropy of one batch, as the next step would see them; nothing is updated but
    // batch normalisation's running statistics.
    double differentiate(const float* x, const int64_t* y, int n_jets, uint64_t seed) {
        gather(x, y, nullptr, n_jets, 0);
        return step(n_jets, seed);
    }

    void evaluate(const float* x, const int64_t* y, int64_t n_jets, double* loss, int64_t* n_correct) {
        double total = 0;
        int64_t correct = 0;
        for (int64_t start = 0; start < n_jets; start += max_jets_) {
            int n = static_cast<int>(n_jets - start < max_jets_ ? n_jets - start : max_jets_);
            gather(x + start * layers_[0].n_in, y + start, nullptr, n, 0);
            for (size_t i = 0; i < layers_.size(); ++i) forward(i, n, false);
            total += classify(n, &correct, false);
        }
        *loss = total / n_jets;
        *n_correct = correct;
    }

  private:
    bool normalised(size_t index) const { return batch_norm_ && index + 1 < layers_.size(); }
    const float* input(size_t index) const { return index ? layers_[index - 1].output.get() : input_.get(); }

    bool finite() const {
        float sum = 0;  // times zero, only what is not finite counts
        for (size_t i = 0; i < n_parameters_; ++i) sum += parameters_.get()[i] * 0.0f;
        return sum == 0;
    }

    static void copy(float* inside, float* outside, int n_rows, int n_columns, int row, bool inwards) {
        for (int i = 0; i < n_rows; ++i) {
            float *a = inside + static_cast<size_t>(i) * row, *b = outside + static_cast<size_t>(i) * n_columns;
            std::memcpy(inwards ? a : b, inwards ? b : a, n_columns * sizeof(float));
        }
    }

    void transpose(Layer& layer) {
        const float* weight = parameters_.get() + layer.weight;
        for (int i = 0; i < layer.out_row; i += LANES)
            for (int j = 0; j < layer.in_row; j += LANES)
                transpose_square(weight + static_cast<size_t>(i) * layer.in_row + j, layer.in_row,
                                 layer.transposed.get() + static_cast<size_t>(j) * layer.out_row + i, layer.out_row);
    }

    void gather(const float* x, const int64_t* y, const int64_t* order, int n, int64_t n_next) {
        int width = layers_[0].n_in, row = layers_[0].in_row;
        for (int i = 0; i < n; ++i) {
            int64_t jet = order ? order[i] : i;
            std::memcpy(input_.get() + static_cast<size_t>(i) * row, x + jet * width, width * sizeof(float));
            labels_[i] = static_cast<int32_t>(y[jet]);
        }
        for (int i = n; i < padded(n, ROWS); ++i) {
            std::memset(input_.get() + static_cast<size_t>(i) * row, 0, row * sizeof(float));
            labels_[i] = 0;
        }
        for (int i = 0; i < n_next; ++i) {  // the next batch comes from all over memory
            const char* next = reinterpret_cast<const char*>(x + order[n + i] * width);
            for (size_t byte = 0; byte < width * sizeof(float) + 63; byte += 64) __builtin_prefetch(next + byte);
            __builtin_prefetch(y + order[n + i]);
        }
    }

    double step(int n, uint64_t seed) {
        ++step_;
        for (size_t i = 0; i < layers_.size(); ++i) {
            dropout_.keys = dropout_keys(seed, step_, i);
            forward(i, n, true);
        }
        double loss = classify(n, nullptr, true) / n;
        for (size_t i = layers_.size(); i-- > 0;) backward(i, n);
        return loss;
    }

    void forward(size_t index, int n, bool training) {
        switch (activation_) {
            case RELU: return training && dropout_.threshold ? forward_as<RELU, true>(index, n, training)
                                                             : forward_as<RELU, false>(index, n, training);
            case TANH: return training && dropout_.threshold ? forward_as<TANH, true>(index, n, training)
                                                             : forward_as<TANH, false>(index, n, training);
            default: return training && dropout_.threshold ? forward_as<SIGMOID, true>(index, n, training)
                                                           : forward_as<SIGMOID, false>(index, n, training);
        }
    }

    template <Activation A, bool DROP>
    void forward_as(size_t index, int n, bool training) {
        Layer& layer = layers_[index];
        const float* bias = parameters_.get() + layer.bias;
        int row = layer.out_row;
        auto begin = [bias](int column) { return load(bias + column); };
        auto product = [&](auto finish) {
            multiply(padded(n, ROWS), row, layer.n_in, input(index), layer.in_row, 1, layer.transposed.get(), row, begin,
                     finish);
        };
        float* output = layer.output.get();
        const Dropout dropout = dropout_;
        if (index + 1 == layers_.size()) {
            product([=](const Floats* sums, int m, int column) {
                for (int i = 0; i < TILE_ROWS; ++i) store(output + at(m + i, row, column), sums[i]);
            });
        } else if (!batch_norm_) {
            product([=](const Floats* sums, int m, int column) {
                for (int i = 0; i < TILE_ROWS; ++i) {
                    Floats value = activate<A>(sums[i]);
                    if constexpr (DROP) value = dropout.template apply<A>(value, m + i, column);
                    store(output + at(m + i, row, column), value);
                }
            });
        } else {
            float* before = layer.before.get();
            product([=](const Floats* sums, int m, int column) {
                for (int i = 0; i < TILE_ROWS; ++i) store(before + at(m + i, row, column), sums[i]);
            });
            normalise<A, DROP>(layer, n, training);
        }
    }

    template <Activation A, bool DROP>
    void normalise(Layer& layer, int n, bool training) {
        const int row = layer.out_row;
        const float *gamma = parameters_.get() + layer.gamma, *beta = parameters_.get() + layer.beta;
        const float* before = layer.before.get();
        float* output = layer.output.get();
        for (int column = 0; column < row; column += LANES) {
            const float* z = before + column;
            Floats mean, variance;
            if (training) {
                mean = sum_over_jets(n, [=](int jet) { return load(z + at(jet, row, 0)); }) * (1.0f / n);
                variance = sum_over_jets(n, [=](int jet) {
                    Floats difference = load(z + at(jet, row, 0)) - mean;
                    return difference * difference;
                });
                variance *= 1.0f / n;
                float unbiased = static_cast<float>(n) / (n - 1);
                remember(layer.running_mean.get() + column, mean);
                remember(layer.running_variance.get() + column, variance * unbiased);
            } else {
                mean = load(layer.running_mean.get() + column);
                variance = load(layer.running_variance.get() + column);
            }
            Floats deviation = variance + NORM_EPSILON, inverse;
            for (int i = 0; i < LANES; ++i) inverse[i] = 1.0f / std::sqrt(deviation[i]);
            store(layer.mean.get() + column, mean);
            store(layer.inverse_deviation.get() + column, inverse);
            Floats slope = inverse * load(gamma + column), offset = load(beta + column);
            for (int jet = 0; jet < padded(n, ROWS); ++jet) {
                Floats value = activate<A>((load(z + at(jet, row, 0)) - mean) * slope + offset);
                if constexpr (DROP) value = dropout_.template apply<A>(value, jet, column);
                store(output + at(jet, row, column), value);
            }
        }
    }

    static void remember(float* running, Floats value) {
        store(running, load(running) * (1 - NORM_MOMENTUM) + value * NORM_MOMENTUM);
    }

    // Cross-entropy summed over the jets; its gradient (of the mean) goes to upper_ and to the last layer's bias.
    double classify(int n, int64_t* n_correct, bool gradient) {
        Layer& layer = layers_.back();
        const int n_out = layer.n_out, row = layer.out_row;
        float* bias = gradients_.get() + layer.bias;
        if (gradient) std::memset(bias, 0, row * sizeof(float));
        double total = 0;
        for (int jet = 0; jet < n; ++jet) {
            const float* logits = layer.output.get() + at(jet, row, 0);
            int best = 0;
            for (int i = 1; i < n_out; ++i)
                if (logits[i] > logits[best] || logits[i] != logits[i]) best = i;
            float sum = 0, largest = logits[best];
            float* to = upper_.get() + at(jet, row, 0);
            for (int column = 0; column < row; column += LANES) {
                Floats value = exponential(load(logits + column) - largest);
                for (int i = 0; i < LANES; ++i) {
                    if (column + i < n_out) sum += value[i];
                    else value[i] = 0;
                }
                store(to + column, value);
            }
            int label = labels_[jet];
            total += std::log(sum) - (logits[label] - largest);
            if (n_correct) *n_correct += best == label;
            if (gradient) {
                float scale = 1.0f / (sum * n);
                for (int column = 0; column < row; column += LANES) {
                    Floats value = load(to + column) * scale;
                    if (label >= column && label < column + LANES) value[label - column] -= 1.0f / n;
                    store(to + column, value);
                    store(bias + column, load(bias + column) + value);
                }
            }
        }
        if (gradient && n % ROWS)
            std::memset(upper_.get() + at(n, row, 0), 0, at(padded(n, ROWS) - n, row, 0) * sizeof(float));
        return total;
    }

    // From the gradient with respect to a layer's products in upper_ to its weights' and that of the layer below.
    void backward(size_t index, int n) {
        Layer& layer = layers_[index];
        float* gradient = gradients_.get() + layer.weight;
        const int in_row = layer.in_row, n_in = layer.n_in;
        multiply(padded(layer.n_out, ROWS), in_row, n, upper_.get(), 1, layer.out_row, input(index), in_row, nothing,
                 [=](const Floats* sums, int m, int column) {
                     Ints inside = reinterpret_cast<Ints>(lane_numbers()) < n_in - column;
                     for (int i = 0; i < TILE_ROWS; ++i)
                         store(gradient + (m + i) * in_row + column, inside ? sums[i] : Floats{});
                 });
        if (!index) return;
        switch (activation_) {
            case RELU: dropout_.threshold ? descend<RELU, true>(index, n) : descend<RELU, false>(index, n); break;
            case TANH: dropout_.threshold ? descend<TANH, true>(index, n) : descend<TANH, false>(index, n); break;
            default: dropout_.threshold ? descend<SIGMOID, true>(index, n) : descend<SIGMOID, false>(index, n);
        }
        std::swap(upper_, lower_);
    }

    template <Activation A, bool DROP>
    void descend(size_t index, int n) {
        Layer &layer = layers_[index], &below = layers_[index - 1];
        const int row = layer.in_row;
        const float *output = below.output.get(), *weight = parameters_.get() + layer.weight;
        const float scale = dropout_.scale;
        float* to = lower_.get();
        auto product = [&](auto finish) {
            multiply(padded(n, ROWS), row, layer.n_out, upper_.get(), layer.out_row, 1, weight, row, nothing, finish);
        };
        if (!batch_norm_) {
            float* bias = gradients_.get() + below.bias;
            std::memset(bias, 0, row * sizeof(float));
            product([=](const Floats* sums, int m, int column) {
                Floats total = load(bias + column);
                for (int i = 0; i < TILE_ROWS; ++i) {
                    ptrdiff_t here = at(m + i, row, column);
                    Floats value = through_activation<A, DROP>(sums[i], load(output + here), scale);
                    store(to + here, value);
                    total += value;
                }
                store(bias + column, total);
            });
            return;
        }
        const float *before = below.before.get(), *mean = below.mean.get(), *inverse = below.inverse_deviation.get();
        // A bias before batch normalisation changes nothing: its gradient stays exactly zero.
        float *gamma = gradients_.get() + below.gamma, *beta = gradients_.get() + below.beta;
        std::memset(gamma, 0, row * sizeof(float));
        std::memset(beta, 0, row * sizeof(float));
        product([=](const Floats* sums, int m, int column) {
            Floats of_beta = load(beta + column), of_gamma = load(gamma + column);
            Floats centre = load(mean + column), unit = load(inverse + column);
            for (int i = 0; i < TILE_ROWS; ++i) {
                ptrdiff_t here = at(m + i, row, column);
                Floats value = through_activation<A, DROP>(sums[i], load(output + here), scale);
                store(to + here, value);
                of_beta += value;
                of_gamma += value * ((load(before + here) - centre) * unit);
            }
            store(beta + column, of_beta);
            store(gamma + column, of_gamma);
        });
        const float* slope = parameters_.get() + below.gamma;
        for (int column = 0; column < row; column += LANES) {
            Floats centre = load(mean + column), unit = load(inverse + column);
            Floats factor = load(slope + column) * unit;
            Floats shift = load(beta + column) * (1.0f / n), tilt = load(gamma + column) * unit * (1.0f / n);
            for (int jet = 0; jet < n; ++jet) {
                ptrdiff_t here = at(jet, row, column);
                store(to + here, factor * (load(to + here) - shift - (load(before + here) - centre) * tilt));
            }
            for (int jet = n; jet < padded(n, ROWS); ++jet) store(to + at(jet, row, column), Floats{});
        }
    }

    void update(float learning_rate, float l1) {
        double correction1 = 1 - std::pow(static_cast<double>(BETA1), step_);
        double correction2 = 1 - std::pow(static_cast<double>(BETA2), step_);
        float rate = static_cast<float>(learning_rate / correction1);
        float inverse = static_cast<float>(1 / std::sqrt(correction2));
        adam(0, n_weights_, rate, inverse, l1);
        adam(n_weights_, n_parameters_, rate, inverse, 0);
        for (Layer& layer : layers_) transpose(layer);
    }

    void adam(size_t from, size_t to, float rate, float inverse, float l1) {
        float* __restrict__ parameter = parameters_.get();
        float* __restrict__ first = first_.get();
        float* __restrict__ second = second_.get();
        const float* __restrict__ gradients = gradients_.get();
        for (size_t i = from; i < to; ++i) {
            float value = parameter[i];
            float sign = value > 0 ? 1.0f : value < 0 ? -1.0f : 0.0f;
            float gradient = gradients[i] + l1 * sign;
            float m = first[i] + (1 - BETA1) * (gradient - first[i]);
            float v = BETA2 * second[i] + (1 - BETA2) * gradient * gradient;
            first[i] = m;
            second[i] = v;
            parameter[i] = value - rate * m / (std::sqrt(v) * inverse + ADAM_EPSILON);
        }
    }

    std::vector<Layer> layers_;
    Activation activation_;
    bool batch_norm_;
    int64_t max_jets_;
    size_t n_weights_ = 0, n_parameters_ = 0;
    int64_t step_ = 0;
    Buffer parameters_, gradients_, first_, second_, input_, upper_, lower_;
    std::vector<int32_t> labels_;
    Dropout dropout_;
};

// Numbers too small for a normalised float count as zero while a call lasts: they are slow on some processors.
struct FlushToZero {
#if defined(__SSE__)
    unsigned int saved = _mm_getcsr();
    FlushToZero() { _mm_setcsr(saved | 0x8040); }
    ~FlushToZero() { _mm_setcsr(saved); }
#else
    FlushToZero() {}
#endif
};

}  // namespace

extern "C" {

void* network_create(int n_layers, const int* widths, int activation, int batch_norm, float dropout, int max_jets) {
    try {
        return new Network(n_layers, widths, activation, batch_norm != 0, dropout, max_jets);
    } catch (const std::bad_alloc&) {
        return nullptr;
    }
}

void network_destroy(void* network) { delete static_cast<Network*>(network); }

void network_exchange(void* network, int layer, float** arrays, int inwards, int gradients) {
    static_cast<Network*>(network)->exchange(layer, arrays, inwards != 0, gradients != 0);
}

double network_train(void* network, const float* x, const int64_t* y, const int64_t* order, int64_t n_jets,
                     int batch_size, float learning_rate, float l1, uint64_t seed) {
    FlushToZero guard;
    return static_cast<Network*>(network)->train(x, y, order, n_jets, batch_size, learning_rate, l1, seed);
}

double network_differentiate(void* network, const float* x, const int64_t* y, int n_jets, uint64_t seed) {
    FlushToZero guard;
    return static_cast<Network*>(network)->differentiate(x, y, n_jets, seed);
}

void network_evaluate(void* network, const float* x, const int64_t* y, int64_t n_jets, double* loss,
                      int64_t* n_correct) {
    FlushToZero guard;
    static_cast<Network*>(network)->evaluate(x, y, n_jets, loss, n_correct);
}
}
