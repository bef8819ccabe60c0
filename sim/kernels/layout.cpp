#include "layout.hpp"

namespace neurodeploy {

namespace {

constexpr int kRowLanes = 512;   // rows are joined into segments of about this many lanes,
constexpr int kFewestRows = 4;   // and of so many rows, because a source row reaches several

}  // namespace

Layout::Layout(int channels, int height, int width, bool by_rows)
    : channels_(channels), height_(height), width_(width), row_start_(height) {
  const int rows = by_rows ? std::min(height, std::max(kFewestRows, kRowLanes / row_size())) : height;
  for (int row = 0; row < height; row += rows) {
    const int held = std::min(rows, height - row);
    for (int r = 0; r < held; ++r) row_start_[row + r] = lanes_ + r * row_size();
    const int end = lanes_ + padded_to(held * row_size(), kGranule);
    const int step = by_rows ? end - lanes_ : kBlock;
    for (int lane = lanes_; lane < end; lane += step) {
      const int used = std::min(step, lanes_ + held * row_size() - lane);
      segments_.push_back(
          {int(segments_.size()), lane, std::min(step, end - lane), used, row, held});
    }
    lanes_ = end;
  }
  const bool gaps = segments_.size() > 1 && by_rows && row_size() * rows % kGranule != 0;
  ordered_ = !gaps && (channels == 1 || height * width == 1);
  if (ordered_) return;
  lane_of_.resize(size());
  neuron_of_.assign(lanes_, -1);
  for (int c = 0; c < channels; ++c) {
    for (int y = 0; y < height; ++y) {
      for (int x = 0; x < width; ++x) {
        const int neuron = (c * height + y) * width + x;
        const int lane = row_start_[y] + x * channels + c;
        lane_of_[neuron] = lane;
        neuron_of_[lane] = neuron;
      }
    }
  }
}

int Layout::neuron_of(int lane) const {
  if (!ordered_) return neuron_of_[lane];
  return lane < size() ? lane : -1;
}

}  // namespace neurodeploy
