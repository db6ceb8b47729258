// Parameters, batches, the losses and Adam, which float and quantised networks share.
#pragma once

#include <algorithm>
#include <vector>

#include "native_vectors.h"

namespace {

constexpr float BETA1 = 0.9f, BETA2 = 0.999f, ADAM_EPSILON = 1e-8f;

struct Layer {
    int n_in, n_out, in_row, out_row;  // true widths and lengths of rows
    size_t weight, bias;               // where they start in the network's parameters
    Buffer transposed;                 // the weights that products are with, (inputs, outputs)
    Buffer output;                     // (jets, outputs) after activation and dropout
};

// As losses.py defines it: the cross-entropy of classes, or of a number with the difference d and c, which is d put
// within the limit, factor c (d - c / 2).
struct Loss {
    int of_classes;
    float factor, limit;
};

// Jets as they lie outside: features (jets, inputs), classes (jets,) int64 or targets (jets, outputs) float, weights
// (jets,) or null for ones.
struct Jets {
    const float* x;
    const void* y;
    const float* weights;
};

class Network {
  public:
    // Behind all weights stand parameter_rows of each layer, of an output's length: the bias, and what else is trained.
    Network(int n_layers, const int* widths, int parameter_rows, float dropout, int max_jets, const Loss& loss)
        : max_jets_(padded(max_jets, ROWS)), loss_(loss) {
        size_t count = 0;
        int widest = 0;
        for (int i = 0; i < n_layers; ++i) {
            Layer layer{};
            layer.n_in = widths[i];
            layer.n_out = widths[i + 1];
            layer.in_row = padded(layer.n_in, ROW_UNIT);
            layer.out_row = padded(layer.n_out, ROW_UNIT);
            layer.weight = count;
            count += weights_of(layer);
            layers_.push_back(std::move(layer));
        }
        n_weights_ = count;
        for (Layer& layer : layers_) {
            size_t row = layer.out_row;
            layer.bias = count;
            count += parameter_rows * row;
            layer.transposed = zeros(layer.in_row * row);
            layer.output = zeros(max_jets_ * row);
            widest = layer.out_row > widest ? layer.out_row : widest;
        }
        n_parameters_ = count;
        parameters_ = zeros(count), gradients_ = zeros(count), first_ = zeros(count), second_ = zeros(count);
        input_ = zeros(max_jets_ * layers_[0].in_row);
        upper_ = zeros(max_jets_ * widest), lower_ = zeros(max_jets_ * widest);
        weights_.resize(max_jets_);
        if (loss_.of_classes) labels_.resize(max_jets_);
        else targets_ = zeros(max_jets_ * layers_.back().out_row);
        long long threshold = std::llround(dropout * 4294967296.0);
        dropout_.threshold = static_cast<uint32_t>(threshold < 4294967295 ? threshold : 4294967295);
        dropout_.scale = 1 / (1 - dropout);
    }

    virtual ~Network() = default;

    // Parameters of a layer go in and out densely packed.
    virtual void exchange(int index, float** arrays, bool inwards, bool gradients) = 0;

    // One pass over the jets in the order given; returns the mean over batches of the loss.
    double train(const Jets& jets, const int64_t* order, int64_t n_jets, int batch_size, float learning_rate, float l1,
                 uint64_t seed) {
        double total = 0;
        int64_t n_batches = 0;
        for (int64_t start = 0; start < n_jets; start += batch_size) {
            int n = static_cast<int>(n_jets - start < batch_size ? n_jets - start : batch_size);
            if (n < 2) break;  // batch normalisation has no variance of a single jet
            gather(jets, order, start, n, n_jets - start - n < batch_size ? n_jets - start - n : batch_size);
            total += step(n, seed);
            update(learning_rate, l1);
            ++n_batches;
        }
        return finite() ? total / n_batches : NAN;
    }

    // Gradients of the mean loss of one batch, as the next step would see them; nothing is updated but batch
    // normalisation's running statistics.
    double differentiate(const Jets& jets, int n_jets, uint64_t seed) {
        gather(jets, nullptr, 0, n_jets, 0);
        return step(n_jets, seed);
    }

    // The mean loss, and what the score is made of: the weight of the jets that are called what they are, or each
    // output's sum of squared differences.
    void evaluate(const Jets& jets, int64_t n_jets, double* loss, double* sums) {
        double total = 0, weight = 0;
        std::fill_n(sums, loss_.of_classes ? 1 : layers_.back().n_out, 0.0);
        infer(jets, n_jets, [&](int64_t, int n) {
            total += lose(n, 0, sums);
            weight += batch_weight(n);
        });
        *loss = total / weight;
    }

    // Outputs, (jets, outputs) without padding.
    void predict(const float* x, int64_t n_jets, float* outputs) {
        const Layer& last = layers_.back();
        infer({x, nullptr, nullptr}, n_jets, [&](int64_t start, int n) {
            copy(last.output.get(), outputs + start * last.n_out, n, last.n_out, last.out_row, false);
        });
    }

  protected:
    virtual void forward(size_t index, int n, bool training) = 0;
    // From the gradient with respect to a layer's products in upper_ to its weights' and that of the layer below.
    virtual void backward(size_t index, int n) = 0;
    // Prepares what products need of a layer's parameters, after these have changed.
    virtual void refresh(size_t index) = 0;
    // Jets have been gathered: what a network does to its inputs.
    virtual void enter(int) {}

    static size_t weights_of(const Layer& layer) { return static_cast<size_t>(layer.out_row) * layer.in_row; }
    const float* input(size_t index) const { return index ? layers_[index - 1].output.get() : input_.get(); }

    static void copy(float* inside, float* outside, int n_rows, int n_columns, int row, bool inwards) {
        for (int i = 0; i < n_rows; ++i) {
            float *a = inside + static_cast<size_t>(i) * row, *b = outside + static_cast<size_t>(i) * n_columns;
            std::memcpy(inwards ? a : b, inwards ? b : a, n_columns * sizeof(float));
        }
    }

    static void transpose(const float* weight, Layer& layer) {
        for (int i = 0; i < layer.out_row; i += LANES)
            for (int j = 0; j < layer.in_row; j += LANES)
                transpose_square(weight + static_cast<size_t>(i) * layer.in_row + j, layer.in_row,
                                 layer.transposed.get() + static_cast<size_t>(j) * layer.out_row + i, layer.out_row);
    }

    std::vector<Layer> layers_;
    int64_t max_jets_;
    Buffer parameters_, gradients_, first_, second_, input_, upper_, lower_;
    Dropout dropout_;

  private:
    bool finite() const {
        float sum = 0;  // times zero, only what is not finite counts
        for (size_t i = 0; i < n_parameters_; ++i) sum += parameters_.get()[i] * 0.0f;
        return sum == 0;
    }

    void gather(const Jets& jets, const int64_t* order, int64_t start, int n, int64_t n_next) {
        const int width = layers_[0].n_in, row = layers_[0].in_row;
        const int n_out = layers_.back().n_out, out_row = layers_.back().out_row;
        for (int i = 0; i < n; ++i) {
            int64_t jet = order ? order[start + i] : start + i;
            std::memcpy(input_.get() + at(i, row, 0), jets.x + jet * width, width * sizeof(float));
            weights_[i] = jets.weights ? jets.weights[jet] : 1.0f;
            if (!jets.y) continue;
            if (loss_.of_classes) labels_[i] = static_cast<int32_t>(static_cast<const int64_t*>(jets.y)[jet]);
            else std::memcpy(targets_.get() + at(i, out_row, 0), static_cast<const float*>(jets.y) + jet * n_out,
                             n_out * sizeof(float));
        }
        std::memset(input_.get() + at(n, row, 0), 0, at(padded(n, ROWS) - n, row, 0) * sizeof(float));
        enter(n);
        const char* y = static_cast<const char*>(jets.y);
        const size_t y_bytes = loss_.of_classes ? sizeof(int64_t) : n_out * sizeof(float);
        for (int i = 0; i < n_next; ++i) {  // the next batch comes from all over memory
            const int64_t jet = order[start + n + i];
            const char* next = reinterpret_cast<const char*>(jets.x + jet * width);
            for (size_t byte = 0; byte < width * sizeof(float) + 63; byte += 64) __builtin_prefetch(next + byte);
            __builtin_prefetch(y + jet * y_bytes);
            if (jets.weights) __builtin_prefetch(jets.weights + jet);
        }
    }

    // Call f(start, n) for each batch of jets whose outputs there are, without dropout.
    template <class F>
    void infer(const Jets& jets, int64_t n_jets, F f) {
        for (int64_t start = 0; start < n_jets; start += max_jets_) {
            int n = static_cast<int>(n_jets - start < max_jets_ ? n_jets - start : max_jets_);
            gather(jets, nullptr, start, n, 0);
            for (size_t i = 0; i < layers_.size(); ++i) forward(i, n, false);
            f(start, n);
        }
    }

    double step(int n, uint64_t seed) {
        ++step_;
        for (size_t i = 0; i < layers_.size(); ++i) {
            dropout_.keys = dropout_keys(seed, step_, i);
            forward(i, n, true);
        }
        double weight = batch_weight(n);
        double loss = lose(n, static_cast<float>(weight), nullptr) / weight;
        for (size_t i = layers_.size(); i-- > 0;) backward(i, n);
        return loss;
    }

    double batch_weight(int n) const {
        double total = 0;
        for (int jet = 0; jet < n; ++jet) total += weights_[jet];
        return total;
    }

    // Losses times weights, summed over the jets. With sums, what the score is made of is added to them; without, the
    // gradient of the loss of a batch of this weight goes to upper_ and to the last layer's bias.
    double lose(int n, float batch_weight, double* sums) {
        const Layer& layer = layers_.back();
        const int row = layer.out_row;
        if (!sums) std::memset(gradients_.get() + layer.bias, 0, row * sizeof(float));
        double total = loss_.of_classes ? classify(n, batch_weight, sums) : regress(n, batch_weight, sums);
        if (!sums && n % ROWS)
            std::memset(upper_.get() + at(n, row, 0), 0, at(padded(n, ROWS) - n, row, 0) * sizeof(float));
        return total;
    }

    double classify(int n, float batch_weight, double* sums) {
        Layer& layer = layers_.back();
        const int n_out = layer.n_out, row = layer.out_row;
        float* bias = gradients_.get() + layer.bias;
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
            const int label = labels_[jet];
            const float weight = weights_[jet];
            total += static_cast<double>(weight) * (std::log(sum) - (logits[label] - largest));
            if (sums && best == label) *sums += weight;
            if (!sums) {
                float scale = weight / (sum * batch_weight);
                for (int column = 0; column < row; column += LANES) {
                    Floats value = load(to + column) * scale;
                    if (label >= column && label < column + LANES) value[label - column] -= weight / batch_weight;
                    store(to + column, value);
                    store(bias + column, load(bias + column) + value);
                }
            }
        }
        return total;
    }

    double regress(int n, float batch_weight, double* sums) {
        const Layer& layer = layers_.back();
        const int n_out = layer.n_out, row = layer.out_row;
        float* bias = gradients_.get() + layer.bias;
        double total = 0;
        for (int jet = 0; jet < n; ++jet) {
            const float *output = layer.output.get() + at(jet, row, 0), *target = targets_.get() + at(jet, row, 0);
            float* to = upper_.get() + at(jet, row, 0);
            const double weight = weights_[jet];
            double loss = 0;
            for (int column = 0; column < row; column += LANES) {
                Floats difference = load(output + column) - load(target + column);
                Floats clipped = at_most(at_least(difference, -loss_.limit), loss_.limit);
                Floats losses = clipped * (difference - 0.5f * clipped);
                for (int i = 0; i < LANES && column + i < n_out; ++i) {
                    double size = difference[i];
                    loss += losses[i];
                    if (sums) sums[column + i] += weight * (size * size);
                }
                if (!sums) {
                    Ints inside = reinterpret_cast<Ints>(lane_numbers()) < n_out - column;
                    float scale = loss_.factor * weights_[jet] / (batch_weight * n_out);
                    Floats value = inside ? clipped * scale : Floats{};
                    store(to + column, value);
                    store(bias + column, load(bias + column) + value);
                }
            }
            total += weight * loss;
        }
        return total * loss_.factor / n_out;
    }

    void update(float learning_rate, float l1) {
        double correction1 = 1 - std::pow(static_cast<double>(BETA1), step_);
        double correction2 = 1 - std::pow(static_cast<double>(BETA2), step_);
        float rate = static_cast<float>(learning_rate / correction1);
        float inverse = static_cast<float>(1 / std::sqrt(correction2));
        adam(0, n_weights_, rate, inverse, l1);
        adam(n_weights_, n_parameters_, rate, inverse, 0);
        for (size_t i = 0; i < layers_.size(); ++i) refresh(i);
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

    size_t n_weights_ = 0, n_parameters_ = 0;
    int64_t step_ = 0;
    Loss loss_;
    std::vector<int32_t> labels_;  // of a batch, as the targets and weights are
    Buffer targets_;
    std::vector<float> weights_;
};

}  // namespace
