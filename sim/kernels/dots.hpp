// All-to-all weights as 8-bit integers, four inputs at a time: a dot product of four spikes with four
// weights is one lane of one instruction.
//
// Steps are taken four at a time. A group of four inputs that is silent in all of them is left out;
// the weights of any other are loaded once for the four steps.

#pragma once

#include <cstdint>
#include <vector>

#include "aligned.hpp"
#include "operation.hpp"

namespace neurodeploy {

// Lanes of a target whose weights lie together.
struct Block {
  int first_lane;
  int width;
  std::size_t weight_at;  // of its first weight, in rows [input][width]
};

class Dots {
 public:
  // Factor by which the weights are divided to fit 8 bits: 1, 2 if all of them are even, or 0 if they
  // do not fit.
  static int scale_of(const Matrix& weight);

  // weight(lane, input) gives the weights; inputs is a multiple of kInputGroup.
  template <class Weight>
  Dots(int scale, int inputs, const std::vector<Block>& blocks, const Weight& weight)
      : scale_(scale), groups_(inputs / kDotInputs) {
    std::size_t size = 0;
    for (const Block& block : blocks) size += std::size_t(block.width) * inputs;
    packed_.resize(size);
    std::int8_t* to = packed_.data();
    for (const Block& block : blocks) {
      for (int g = 0; g < groups_; ++g) {
        for (int l = 0; l < block.width; ++l) {
          for (int i = 0; i < kDotInputs; ++i) {
            *to++ = std::int8_t(weight(block.first_lane + l, g * kDotInputs + i) / scale);
          }
        }
      }
    }
  }

  int groups() const { return groups_; }
  std::size_t bytes() const { return bytes_of(packed_); }

  // Lists the groups that are not silent, or all of them. Returns their number, each counted for every
  // column it is taken in.
  double list(const KernelTable& kernels, const Node& source, int lag, Work& work, const Span& span,
            bool all, Lists& lists) const;
  // Sums of the lanes of one block, of all pairs; `offset` is its first lane in the currents.
  void sum(const KernelTable& kernels, const Node& source, int lag, Work& work, const Span& span,
           const Lists& lists, const Block& block, const Currents& currents, int offset) const;

 private:
  int scale_, groups_;
  Aligned<std::int8_t> packed_;  // [block][group][lane][kDotInputs]
};

}  // namespace neurodeploy
