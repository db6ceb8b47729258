// The float networks: dense layers, batch normalisation, an activation and dropout.
#pragma once

#include "native_network.h"

namespace {

enum Activation { RELU, TANH, SIGMOID };

constexpr float NORM_EPSILON = 1e-5f, NORM_MOMENTUM = 0.1f;
// The least magnitude of a tanh or sigmoid that was not dropped: zero says that it was.
constexpr float LEAST = 1e-30f;

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

template <Activation A>
inline Floats drop(const Dropout& dropout, Floats value, int jet, int unit) {
    Floats size = value < 0.0f ? -value : value;
    // A ReLU's zero has no slope, dropped or not.
    Floats kept = (A != RELU ? (size < LEAST ? splat(LEAST) : value) : value) * dropout.scale;
    return dropout.drops(jet, unit) ? Floats{} : kept;
}

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

struct Norm {
    size_t gamma, beta;                     // where they start in the network's parameters
    Buffer running_mean, running_variance;
    Buffer mean, inverse_deviation;         // of this batch
    Buffer before;                          // (jets, outputs) before batch normalisation
};

class FloatNetwork : public Network {
  public:
    FloatNetwork(int n_layers, const int* widths, int activation, bool batch_norm, float dropout, int max_jets,
                 const Loss& loss)
        : Network(n_layers, widths, 3, dropout, max_jets, loss),
          activation_(static_cast<Activation>(activation)),
          batch_norm_(batch_norm),
          norms_(n_layers) {
        for (int i = 0; i < n_layers; ++i) {
            size_t row = layers_[i].out_row;
            Norm& norm = norms_[i];
            norm.gamma = layers_[i].bias + row, norm.beta = layers_[i].bias + 2 * row;
            if (!normalised(i)) continue;
            norm.before = zeros(max_jets_ * row);
            for (Buffer* buffer : {&norm.running_mean, &norm.running_variance, &norm.mean, &norm.inverse_deviation})
                *buffer = zeros(row);
        }
    }

    // Gamma to running_variance only with batch normalisation.
    void exchange(int index, float** arrays, bool inwards, bool gradients) override {
        Layer& layer = layers_[index];
        float* base = gradients ? gradients_.get() : parameters_.get();
        copy(base + layer.weight, arrays[0], layer.n_out, layer.n_in, layer.in_row, inwards);
        copy(base + layer.bias, arrays[1], 1, layer.n_out, layer.out_row, inwards);
        if (normalised(index)) {
            Norm& norm = norms_[index];
            copy(base + norm.gamma, arrays[2], 1, layer.n_out, layer.out_row, inwards);
            copy(base + norm.beta, arrays[3], 1, layer.n_out, layer.out_row, inwards);
            if (!gradients) {
                copy(norm.running_mean.get(), arrays[4], 1, layer.n_out, layer.out_row, inwards);
                copy(norm.running_variance.get(), arrays[5], 1, layer.n_out, layer.out_row, inwards);
            }
        }
        if (inwards) refresh(index);
    }

  private:
    bool normalised(size_t index) const { return batch_norm_ && index + 1 < layers_.size(); }

    void refresh(size_t index) override { transpose(parameters_.get() + layers_[index].weight, layers_[index]); }

    void forward(size_t index, int n, bool training) override {
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
                    if constexpr (DROP) value = drop<A>(dropout, value, m + i, column);
                    store(output + at(m + i, row, column), value);
                }
            });
        } else {
            float* before = norms_[index].before.get();
            product([=](const Floats* sums, int m, int column) {
                for (int i = 0; i < TILE_ROWS; ++i) store(before + at(m + i, row, column), sums[i]);
            });
            normalise<A, DROP>(index, n, training);
        }
    }

    template <Activation A, bool DROP>
    void normalise(size_t index, int n, bool training) {
        Layer& layer = layers_[index];
        Norm& norm = norms_[index];
        const int row = layer.out_row;
        const float *gamma = parameters_.get() + norm.gamma, *beta = parameters_.get() + norm.beta;
        const float* before = norm.before.get();
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
                remember(norm.running_mean.get() + column, mean);
                remember(norm.running_variance.get() + column, variance * unbiased);
            } else {
                mean = load(norm.running_mean.get() + column);
                variance = load(norm.running_variance.get() + column);
            }
            Floats deviation = variance + NORM_EPSILON, inverse;
            for (int i = 0; i < LANES; ++i) inverse[i] = 1.0f / std::sqrt(deviation[i]);
            store(norm.mean.get() + column, mean);
            store(norm.inverse_deviation.get() + column, inverse);
            Floats slope = inverse * load(gamma + column), offset = load(beta + column);
            for (int jet = 0; jet < padded(n, ROWS); ++jet) {
                Floats value = activate<A>((load(z + at(jet, row, 0)) - mean) * slope + offset);
                if constexpr (DROP) value = drop<A>(dropout_, value, jet, column);
                store(output + at(jet, row, column), value);
            }
        }
    }

    static void remember(float* running, Floats value) {
        store(running, load(running) * (1 - NORM_MOMENTUM) + value * NORM_MOMENTUM);
    }

    void backward(size_t index, int n) override {
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
        const Norm& norm = norms_[index - 1];
        const float *before = norm.before.get(), *mean = norm.mean.get(), *inverse = norm.inverse_deviation.get();
        // A bias before batch normalisation changes nothing: its gradient stays exactly zero.
        float *gamma = gradients_.get() + norm.gamma, *beta = gradients_.get() + norm.beta;
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
        const float* slope = parameters_.get() + norm.gamma;
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

    Activation activation_;
    bool batch_norm_;
    std::vector<Norm> norms_;
};

}  // namespace
