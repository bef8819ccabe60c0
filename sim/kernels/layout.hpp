// How the values of one input or population are laid out in memory: lanes instead of neurons.

#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "kernels.hpp"

namespace neurodeploy {

inline int padded_to(int size, int multiple) {
  return (size + multiple - 1) / multiple * multiple;
}

// Consecutive lanes that are computed together, and the rows of the map that they hold.
struct Segment {
  int index;
  int first_lane;
  int lanes;  // multiple of kGranule
  int used;   // lanes that hold a neuron, before the padding
  int first_row;
  int rows;
};

// Maps are stored channels last, [row][column][channel], so that the channels of one position are
// adjacent; a flat population is a map of one row. Lanes past the last neuron of a segment are
// padding: no neuron lives there, nothing is ever sent from them.
class Layout {
 public:
  // shape: channels, height, width. by_rows: cut segments between rows, as convolutions need, instead
  // of every kBlock lanes.
  Layout(int channels, int height, int width, bool by_rows);

  int channels() const { return channels_; }
  int height() const { return height_; }
  int width() const { return width_; }
  int size() const { return channels_ * height_ * width_; }
  int row_size() const { return width_ * channels_; }
  int lanes() const { return lanes_; }
  bool padded() const { return lanes_ != size(); }

  const std::vector<Segment>& segments() const { return segments_; }
  int row_start(int row) const { return row_start_[row]; }
  int lane_of(int neuron) const { return ordered_ ? neuron : lane_of_[neuron]; }
  // Neuron in C,H,W order that a lane holds, or -1.
  int neuron_of(int lane) const;
  // Whether every lane holds the same neuron as in another layout.
  bool agrees_with(const Layout& other) const {
    return lanes_ == other.lanes_ && channels_ == other.channels_ && height_ == other.height_ &&
           row_start_ == other.row_start_ && ordered_ == other.ordered_;
  }
  std::size_t bytes() const {
    return (segments_.capacity() * sizeof(Segment)) +
           (row_start_.capacity() + lane_of_.capacity() + neuron_of_.capacity()) * sizeof(int);
  }
  // Whether lane i holds neuron i for all of them.
  bool ordered() const { return ordered_; }

  // Copies the values of all neurons, in C,H,W order, to their lanes of `to`.
  template <class From, class To, class Convert>
  void to_lanes(const From* from, To* to, const Convert& convert) const {
    if (ordered_) {
      for (int n = 0; n < size(); ++n) to[n] = convert(from[n]);
      return;
    }
    const std::ptrdiff_t plane = std::ptrdiff_t(height_) * width_;
    for (int y = 0; y < height_; ++y, from += width_) {
      for (int c = 0; c < channels_; ++c) {
        To* lane = to + row_start_[y] + c;
        const From* row = from + c * plane;
        for (int x = 0; x < width_; ++x, lane += channels_) *lane = convert(row[x]);
      }
    }
  }

  // Copies `lanes` values (lane order, starting at first_lane) to the neurons of `to`.
  template <class Value>
  void to_neurons(const Value* from, int first_lane, int lanes, Value* to) const {
    if (ordered_) {
      std::copy_n(from, std::max(0, std::min(lanes, size() - first_lane)), to + first_lane);
      return;
    }
    for (int l = 0; l < lanes; ++l) {
      const int neuron = neuron_of_[first_lane + l];
      if (neuron >= 0) to[neuron] = from[l];
    }
  }

 private:
  int channels_, height_, width_;
  int lanes_ = 0;
  bool ordered_ = true;
  std::vector<Segment> segments_;
  std::vector<int> row_start_;
  std::vector<std::int32_t> lane_of_, neuron_of_;
};

}  // namespace neurodeploy
