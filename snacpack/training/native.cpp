// Training small dense networks on a CPU: everything between two batches in one call, for one network at a time.
//
// A network of a trigger with its gradients, Adam's moments and the activations of a batch fits into a core's
// second-level cache, so nothing is gained by stacking networks in memory: they are stacked in time. Matrices are
// row-major, their rows padded to whole vectors; what lies beyond the true width is zero or never read. No sum is
// split over the lanes of a vector: each has one order, whatever the width of the processor's registers.
//
// Shapes: activations (jets, width), weights (outputs, inputs) as in torch.nn.Linear, transposed ones (inputs, outputs).

#include "native_float.h"
#include "native_quantized.h"

extern "C" {

void* network_create(int n_layers, const int* widths, int activation, int batch_norm, float dropout, int max_jets,
                     const Loss* loss) {
    try {
        return static_cast<Network*>(
            new FloatNetwork(n_layers, widths, activation, batch_norm != 0, dropout, max_jets, *loss));
    } catch (const std::bad_alloc&) {
        return nullptr;
    }
}

void* network_create_quantized(int n_layers, const int* widths, const int* input, const Grids* grids, float dropout,
                               int max_jets, const Loss* loss) {
    try {
        return static_cast<Network*>(new QuantizedNetwork(n_layers, widths, input, grids, dropout, max_jets, *loss));
    } catch (const std::bad_alloc&) {
        return nullptr;
    }
}

void network_destroy(void* network) { delete static_cast<Network*>(network); }

void network_exchange(void* network, int layer, float** arrays, int inwards, int gradients) {
    static_cast<Network*>(network)->exchange(layer, arrays, inwards != 0, gradients != 0);
}

// A quantised network's mask is 0 where a weight is held at zero.
void network_mask(void* network, int layer, const uint8_t* mask) {
    static_cast<QuantizedNetwork*>(static_cast<Network*>(network))->set_mask(layer, mask);
}

double network_train(void* network, const Jets* jets, const int64_t* order, int64_t n_jets, int batch_size,
                     float learning_rate, float l1, uint64_t seed) {
    Subnormals guard(false);
    return static_cast<Network*>(network)->train(*jets, order, n_jets, batch_size, learning_rate, l1, seed);
}

double network_differentiate(void* network, const Jets* jets, int n_jets, uint64_t seed) {
    Subnormals guard(false);
    return static_cast<Network*>(network)->differentiate(*jets, n_jets, seed);
}

void network_evaluate(void* network, const Jets* jets, int64_t n_jets, double* loss, double* sums) {
    Subnormals guard(false);
    static_cast<Network*>(network)->evaluate(*jets, n_jets, loss, sums);
}

void network_predict(void* network, const float* x, int64_t n_jets, float* outputs) {
    Subnormals guard(false);
    static_cast<Network*>(network)->predict(x, n_jets, outputs);
}
}
