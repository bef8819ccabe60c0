// A whole layer of training, forward and backward: arguments and the table of instruction sets.
//
// The input is binary. A convolution is a dense layer whose samples are positions: `sites` counts
// the positions of all samples, and its inputs are the bits of one patch. A row is a site at a
// step, site-major: row = site * steps + t. Outputs are [steps][sites][channels].
#pragma once

#include <cstddef>
#include <cstdint>

#include "training.hpp"

constexpr std::size_t kLayerVector = 16;               // 32-bit lanes of a vector
constexpr std::size_t kLayerBlock = 4 * kLayerVector;  // channels of a block
constexpr std::size_t kLayerTile = 128;                // rows whose gradients stay in the L1 cache
constexpr std::size_t kTableWords = 8 * 16;            // rows of the tables of 32 inputs

struct LayerShape {
  std::size_t steps, sites, channels, inputs;
};

static inline std::size_t words_of(std::size_t bits) { return (bits + 31) / 32; }
static inline std::size_t blocks_of(const LayerShape& s) {
  return (s.channels + kLayerBlock - 1) / kLayerBlock;
}
static inline std::size_t vectors_of(const LayerShape& s, std::size_t block) {
  const std::size_t left = s.channels - block * kLayerBlock;
  return left >= kLayerBlock ? 4 : (left + kLayerVector - 1) / kLayerVector;
}

// Tiles cover the rows of consecutive sites, or, with many steps, a span of one site's steps.
static inline std::size_t tile_sites(const LayerShape& s) {
  return s.steps >= kLayerTile ? 1 : kLayerTile / s.steps;
}
static inline std::size_t spans_of(const LayerShape& s) {
  return (s.steps + kLayerTile - 1) / kLayerTile;
}
static inline std::size_t groups_of(const LayerShape& s) {
  return (s.sites + tile_sites(s) - 1) / tile_sites(s);
}

struct LayerForward {
  LayerShape shape;
  const std::uint32_t* patterns;  // [words][rows]: bits of 32 inputs
  const std::int16_t* half;       // [inputs, padded to 32][channels, padded]: weights / 2
  std::int16_t* tables;           // per block [words][8 groups][16 subsets][block's channels]
  const std::int32_t *keep_u, *keep_v, *limit, *shift;  // [channels, padded]
  float *s, *v;                                         // v before the reset
  std::uint32_t* bits;                                  // [samples * steps][out_words]: spikes
  std::size_t sites_per_sample, out_words;
};

struct LayerBackward {
  LayerShape shape;
  const std::uint32_t* patterns;
  std::uint64_t* columns;  // [groups][spans][inputs, padded to 32][2]: rows in which an input fired
  const float *grad_s, *grad_v, *v;  // gradients may be null
  const float *keep_u, *keep_v, *limit;  // [channels, padded]
  int kind;
  float width, unit;
  bool spiking, reset_gradient;
  float* grad_a;   // may be null
  double* totals;  // may be null
};

struct LayerLoops {
  // Packs one row of values into words; false when one is neither 0 nor 1.
  bool (*pack)(const float* from, std::size_t count, std::uint32_t* row);
  // Tables of one block of channels.
  void (*tables)(const LayerForward& pass, std::size_t block);
  // Spikes and v of sites [first, last); scratch holds rows x kLayerBlock values.
  void (*forward)(const LayerForward& pass, std::size_t first, std::size_t last,
                  std::int16_t* scratch);
  // Columns of one group of sites.
  void (*columns)(const LayerBackward& pass, std::size_t group);
  // Adds groups [first, last) of a block to weights [inputs][block's channels] and to
  // totals [3][kLayerBlock]: voltage decay, threshold, bias.
  void (*backward)(const LayerBackward& pass, std::size_t block, std::size_t first,
                   std::size_t last, float* weights, double* totals);
};

extern const LayerLoops kLayerPortable;
#ifdef NEURODEPLOY_TRAINING_AVX2
extern const LayerLoops kLayerAvx2;
extern const LayerLoops kLayerAvx512;
#endif
