// The quantised networks: every number of a forward pass is an integer times a power of two.
//
// All values are exact in float32 as long as sums stay below 24 bits, so the order of additions does not matter. A
// scale times ln 2 is the derivative of the scale with respect to the logarithm that is trained: sums of gradients
// times (quantised value - value) give a range's gradient without a division by the scale.
#pragma once

#include "native_network.h"

namespace {

enum Kind { LINEAR, RELU_GRID, TABLE };

// A layer's quantisers, as quantized.py describes them: exponents of a table's sums, of constant biases.
struct Grids {
    int weight_bits, bias_bits, bias_exponent, kind, bits, exponent;
    const float *values, *slopes;
};

constexpr float LN2 = 0.69314718055994531f;

inline Floats clamp(Floats value, float smallest, float largest) { return at_most(at_least(value, smallest), largest); }

// To the nearest integer, ties to even; of magnitudes below 2^22.
inline Floats to_nearest(Floats value) {
    const Floats shift = splat(12582912.0f);
    return (value + shift) - shift;
}

inline Floats round_down(Floats value) {
#if defined(__AVX512F__)
    return _mm512_floor_ps(value);
#elif defined(__AVX__)
    return _mm256_floor_ps(value);
#else
    for (int i = 0; i < LANES; ++i) value[i] = std::floor(value[i]);
    return value;
#endif
}

// table[index] for each lane.
inline Floats look_up(const float* table, Ints index) {
#if defined(__AVX512F__)
    return _mm512_i32gather_ps(reinterpret_cast<__m512i>(index), table, 4);
#elif defined(__AVX2__)
    return _mm256_i32gather_ps(table, reinterpret_cast<__m256i>(index), 4);
#else
    Floats value;
    for (int i = 0; i < LANES; ++i) value[i] = table[index[i]];
    return value;
#endif
}

// 2^exponent; what is no number stays so.
inline float power_of_two(float exponent) {
    return std::fabs(exponent) < 1000 ? std::ldexp(1.0f, static_cast<int>(exponent)) : NAN;
}

// Numbers 0 or -1 to -1 or 0 in all bits.
inline Ints lanes_where(const int8_t* mask) {
    typedef int8_t Bytes __attribute__((vector_size(LANES)));
    Bytes bytes;
    std::memcpy(&bytes, mask, LANES);
    return __builtin_convertvector(bytes, Ints);
}

// An unsigned grid of a learned range, whose values are 0 to largest in steps of scale.
struct ReLUGrid {
    float scale, inverse, largest_integer, end;  // what reaches end is clipped

    ReLUGrid() = default;
    ReLUGrid(float range, int bits)
        : scale(power_of_two(std::ceil(range) - bits)),
          inverse(1 / scale),
          largest_integer(std::ldexp(1.0f, bits) - 1),
          end(std::ldexp(scale, bits)) {}

    Floats quantize(Floats value) const { return round_down(at_most(value * inverse, largest_integer)) * scale; }
    Ints passes(Floats value) const { return (value > 0.0f) & (value < end); }
};

// A signed grid; integers from smallest to largest.
struct SignedGrid {
    float scale, inverse, smallest, largest;
    float first, end;  // what is less than the first or reaches the end is rounded to integers outside

    SignedGrid() = default;
    SignedGrid(float exponent, int bits, bool narrow)
        : scale(power_of_two(exponent)),
          inverse(1 / scale),
          smallest(-std::ldexp(1.0f, bits - 1) + narrow),
          largest(std::ldexp(1.0f, bits - 1) - 1),
          // A half beyond an odd integer is rounded to the even one outside.
          first(narrow ? std::nextafter(smallest - 0.5f, 0.0f) : smallest - 0.5f),
          end(largest + 0.5f) {}

    Floats to_nearest_value(Floats value) const {
        return to_nearest(clamp(value * inverse, smallest, largest)) * scale;
    }
    Floats value_below(Floats value) const { return round_down(clamp(value * inverse, smallest, largest)) * scale; }
    Ints rounds_inside(Floats value) const {
        Floats number = value * inverse;
        return (number >= first) & (number < end);
    }
};

struct Quantisers {
    Grids bits;
    size_t weight_range, activation_range;  // where they are in the network's parameters
    SignedGrid weight_grid, bias_grid, table_grid;
    ReLUGrid relu_grid;
    std::vector<int8_t> mask;               // -1 where there is a weight, 0 where it is pruned or padding
    std::vector<float> values, slopes;      // of a table
    Buffer weight, bias;                    // quantised
    Buffer before;                          // (jets, outputs): a ReLU's result before its quantiser, a table's slopes
};

class QuantizedNetwork : public Network {
  public:
    QuantizedNetwork(int n_layers, const int* widths, const int* input, const Grids* grids, float dropout, int max_jets,
                     const Loss& loss)
        : Network(n_layers, widths, 2, dropout, max_jets, loss),
          input_grid_(static_cast<float>(input[1]), input[0], false),
          quantisers_(n_layers) {
        size_t widest = 0;
        for (int i = 0; i < n_layers; ++i) {
            const Layer& layer = layers_[i];
            Quantisers& q = quantisers_[i];
            q.bits = grids[i];
            q.weight_range = layer.bias + layer.out_row;
            q.activation_range = q.weight_range + 1;
            q.bias_grid = SignedGrid(static_cast<float>(q.bits.bias_exponent), q.bits.bias_bits, false);
            q.mask.assign(weights_of(layer), 0);
            q.weight = zeros(weights_of(layer));
            q.bias = zeros(layer.out_row);
            if (q.bits.kind != LINEAR) q.before = zeros(max_jets_ * layer.out_row);
            if (q.bits.kind == TABLE) {
                size_t size = size_t(1) << q.bits.bits;
                q.table_grid = SignedGrid(static_cast<float>(q.bits.exponent), q.bits.bits, false);
                q.values.assign(q.bits.values, q.bits.values + size);
                q.slopes.assign(q.bits.slopes, q.bits.slopes + size);
            }
            for (size_t row : {layer.in_row, layer.out_row}) widest = row > widest ? row : widest;
        }
        range_sums_ = zeros(widest);
    }

    // Weight, bias, the weights' range, a ReLU's range (or null).
    void exchange(int index, float** arrays, bool inwards, bool gradients) override {
        const Layer& layer = layers_[index];
        const Quantisers& q = quantisers_[index];
        float* base = gradients ? gradients_.get() : parameters_.get();
        copy(base + layer.weight, arrays[0], layer.n_out, layer.n_in, layer.in_row, inwards);
        copy(base + layer.bias, arrays[1], 1, layer.n_out, layer.out_row, inwards);
        copy(base + q.weight_range, arrays[2], 1, 1, 1, inwards);
        if (arrays[3]) copy(base + q.activation_range, arrays[3], 1, 1, 1, inwards);
        if (inwards) refresh(index);
    }

    // A weight that is pruned stays at zero: it has no gradient, and Adam forgets that it had one.
    void set_mask(int index, const uint8_t* mask) {
        const Layer& layer = layers_[index];
        Quantisers& q = quantisers_[index];
        for (int i = 0; i < layer.n_out; ++i) {
            for (int j = 0; j < layer.n_in; ++j) {
                size_t here = static_cast<size_t>(i) * layer.in_row + j;
                bool kept = mask[static_cast<size_t>(i) * layer.n_in + j];
                q.mask[here] = -kept;
                if (!kept)
                    for (Buffer* buffer : {&parameters_, &first_, &second_}) buffer->get()[layer.weight + here] = 0;
            }
        }
        refresh(index);
    }

  private:
    void refresh(size_t index) override {
        Layer& layer = layers_[index];
        Quantisers& q = quantisers_[index];
        const float *weight = parameters_.get() + layer.weight, *bias = parameters_.get() + layer.bias;
        const SignedGrid grid(std::ceil(parameters_.get()[q.weight_range]) - (q.bits.weight_bits - 1),
                              q.bits.weight_bits, true);
        q.weight_grid = grid;
        float* to = q.weight.get();
        for (size_t i = 0; i < weights_of(layer); i += LANES) store(to + i, grid.to_nearest_value(load(weight + i)));
        transpose(to, layer);
        for (int i = 0; i < layer.out_row; i += LANES)
            store(q.bias.get() + i, q.bias_grid.to_nearest_value(load(bias + i)));
        if (q.bits.kind == RELU_GRID) q.relu_grid = ReLUGrid(parameters_.get()[q.activation_range], q.bits.bits);
    }

    // A feature's smallest negative number is below zero, so that it rounds to the first integer there.
    __attribute__((noinline)) void enter(int n) override {
        Subnormals guard(true);
        const SignedGrid grid = input_grid_;
        float* x = input_.get();
        for (ptrdiff_t i = 0; i < at(n, layers_[0].in_row, 0); i += LANES) store(x + i, grid.value_below(load(x + i)));
    }

    void forward(size_t index, int n, bool training) override {
        bool drop = dropout_.threshold != 0;
        switch (quantisers_[index].bits.kind) {
            case LINEAR: return product(index, n, [](Floats sums, int, int, ptrdiff_t) { return sums; });
            case RELU_GRID: return !training ? forward_relu<false, false>(index, n)
                                   : drop    ? forward_relu<true, true>(index, n)
                                             : forward_relu<true, false>(index, n);
            default: return !training ? look_up_sums<false, false>(index, n)
                            : drop    ? look_up_sums<true, true>(index, n)
                                      : look_up_sums<true, false>(index, n);
        }
    }

    // Store f(sums, jet, column, where that is) as the layer's output.
    template <class F>
    void product(size_t index, int n, F f) {
        const Layer& layer = layers_[index];
        const float* bias = quantisers_[index].bias.get();
        float* output = layer.output.get();
        const int row = layer.out_row;
        multiply(padded(n, ROWS), row, layer.n_in, input(index), layer.in_row, 1, layer.transposed.get(), row,
                 [bias](int column) { return load(bias + column); },
                 [=](const Floats* sums, int m, int column) {
                     for (int i = 0; i < TILE_ROWS; ++i) {
                         ptrdiff_t here = at(m + i, row, column);
                         store(output + here, f(sums[i], m + i, column, here));
                     }
                 });
    }

    template <bool TRAINING, bool DROP>
    void forward_relu(size_t index, int n) {
        const ReLUGrid grid = quantisers_[index].relu_grid;
        float* before = quantisers_[index].before.get();
        const Dropout dropout = dropout_;
        product(index, n, [=](Floats sums, int jet, int column, ptrdiff_t here) {
            Floats value = at_least(sums, 0.0f);
            if constexpr (DROP) value = dropout.drops(jet, column) ? Floats{} : value;
            if constexpr (TRAINING) store(before + here, value);
            Floats result = grid.quantize(value);
            if constexpr (DROP) result *= dropout.scale;
            return result;
        });
    }

    template <bool TRAINING, bool DROP>
    void look_up_sums(size_t index, int n) {
        const SignedGrid grid = quantisers_[index].table_grid;
        const float *values = quantisers_[index].values.data(), *slopes = quantisers_[index].slopes.data();
        float* before = quantisers_[index].before.get();
        const Dropout dropout = dropout_;
        product(index, n, [=](Floats sums, int jet, int column, ptrdiff_t here) {
            Floats exact = round_down(sums * grid.inverse);
            // NaN has a place in the table, but stays NaN.
            Floats number = exact > grid.smallest ? exact : splat(grid.smallest);
            number = at_most(number, grid.largest);
            Ints place = __builtin_convertvector(number - grid.smallest, Ints);
            Floats result = look_up(values, place);
            result = sums == sums ? result : sums;
            if constexpr (TRAINING) {
                Floats slope = number == exact ? look_up(slopes, place) : Floats{};
                if constexpr (DROP) {
                    Ints drops = dropout.drops(jet, column);
                    slope = drops ? Floats{} : slope * dropout.scale;
                    result = drops ? Floats{} : result * dropout.scale;
                }
                store(before + here, slope);
            }
            return result;
        });
    }

    void backward(size_t index, int n) override {
        Layer& layer = layers_[index];
        Quantisers& q = quantisers_[index];
        differentiate_weights(index, n);
        float *bias = parameters_.get() + layer.bias, *of_bias = gradients_.get() + layer.bias;
        for (int i = 0; i < layer.out_row; i += LANES)
            store(of_bias + i, q.bias_grid.rounds_inside(load(bias + i)) ? load(of_bias + i) : Floats{});
        if (!index) return;
        if (quantisers_[index - 1].bits.kind == RELU_GRID)
            dropout_.threshold ? descend_relu<true>(index, n) : descend_relu<false>(index, n);
        else
            descend_table(index, n);
        std::swap(upper_, lower_);
    }

    void differentiate_weights(size_t index, int n) {
        const Layer& layer = layers_[index];
        const Quantisers& q = quantisers_[index];
        const float *weight = parameters_.get() + layer.weight, *quantised = q.weight.get();
        const int8_t* mask = q.mask.data();
        const SignedGrid grid = q.weight_grid;
        const int row = layer.in_row;
        float *gradient = gradients_.get() + layer.weight, *range = range_sums_.get();
        std::memset(range, 0, row * sizeof(float));
        multiply(padded(layer.n_out, ROWS), row, n, upper_.get(), 1, layer.out_row, input(index), row, nothing,
                 [=](const Floats* sums, int m, int column) {
                     Floats total = load(range + column);
                     for (int i = 0; i < TILE_ROWS; ++i) {
                         ptrdiff_t here = at(m + i, row, column);
                         Floats value = load(weight + here);
                         Ints passes = grid.rounds_inside(value);
                         total += sums[i] * (load(quantised + here) - (passes ? value : Floats{}));
                         store(gradient + here, passes & lanes_where(mask + here) ? sums[i] : Floats{});
                     }
                     store(range + column, total);
                 });
        gradients_.get()[q.weight_range] = LN2 * sum(range, row);
    }

    // Store in lower_ the gradient with respect to the sums of the layer below, and add them up for its bias.
    template <class F>
    void descend(size_t index, int n, F f) {
        const Layer& layer = layers_[index];
        const int row = layer.in_row;
        float *to = lower_.get(), *bias = gradients_.get() + layers_[index - 1].bias;
        std::memset(bias, 0, row * sizeof(float));
        multiply(padded(n, ROWS), row, layer.n_out, upper_.get(), layer.out_row, 1, quantisers_[index].weight.get(), row,
                 nothing, [=](const Floats* sums, int m, int column) {
                     Floats total = load(bias + column);
                     for (int i = 0; i < TILE_ROWS; ++i) {
                         ptrdiff_t here = at(m + i, row, column);
                         Floats value = f(sums[i], column, here);
                         store(to + here, value);
                         total += value;
                     }
                     store(bias + column, total);
                 });
    }

    template <bool DROP>
    void descend_relu(size_t index, int n) {
        const Quantisers& below = quantisers_[index - 1];
        const ReLUGrid grid = below.relu_grid;
        const float* before = below.before.get();
        const float scale = dropout_.scale;
        const int row = layers_[index].in_row;
        float* range = range_sums_.get();
        std::memset(range, 0, row * sizeof(float));
        descend(index, n, [=](Floats gradient, int column, ptrdiff_t here) {
            if constexpr (DROP) gradient *= scale;
            Floats value = load(before + here);
            Ints passes = grid.passes(value);
            Floats error = grid.quantize(value) - (passes ? value : Floats{});
            store(range + column, load(range + column) + gradient * error);
            return passes ? gradient : Floats{};
        });
        gradients_.get()[below.activation_range] = LN2 * sum(range, row);
    }

    void descend_table(size_t index, int n) {
        const float* slopes = quantisers_[index - 1].before.get();
        descend(index, n, [=](Floats gradient, int, ptrdiff_t here) { return gradient * load(slopes + here); });
    }

    // In an order that does not depend on the length of a vector.
    static float sum(const float* values, int n) {
        float parts[16] = {}, total = 0;
        for (int i = 0; i < n; ++i) parts[i % 16] += values[i];
        for (float part : parts) total += part;
        return total;
    }

    SignedGrid input_grid_;
    std::vector<Quantisers> quantisers_;
    Buffer range_sums_;
};

}  // namespace
