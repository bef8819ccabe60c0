// The patches of a convolution as bit strings, channels last.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "training_layer.hpp"

namespace {

// channels, height, width, kernel, stride, padding of a convolution; channels-last bits.
struct Window {
  std::size_t channels, height, width, kernel, stride, padding;
  std::size_t out(std::size_t size) const { return (size + 2 * padding - kernel) / stride + 1; }
  std::size_t positions() const { return out(height) * out(width); }
  std::size_t inputs() const { return kernel * kernel * channels; }
};

inline std::uint32_t bits_at(const std::uint32_t* row, std::size_t offset, std::size_t count) {
  const std::uint64_t wide = row[offset / 32] | std::uint64_t(row[offset / 32 + 1]) << 32;
  return std::uint32_t(wide >> (offset % 32)) & (0xffffffffu >> (32 - count));
}

// Copies `count` bits, which may touch one word beyond those of the strings.
inline void copy_bits(const std::uint32_t* from, std::size_t at, std::uint32_t* to, std::size_t offset,
               std::size_t count) {
  for (std::size_t done = 0; done < count; done += 32) {
    const std::size_t part = std::min<std::size_t>(32, count - done);
    const std::uint64_t wide = std::uint64_t(bits_at(from, at + done, part))
                               << ((offset + done) % 32);
    to[(offset + done) / 32] |= std::uint32_t(wide);
    to[(offset + done) / 32 + 1] |= std::uint32_t(wide >> 32);
  }
}

inline void gather_patch(const Window& w, const std::uint32_t* image, std::size_t oy, std::size_t ox,
                  std::uint32_t* patch) {
  const auto left = std::ptrdiff_t(ox * w.stride) - std::ptrdiff_t(w.padding);
  const std::size_t from = left < 0 ? std::size_t(-left) : 0;
  const std::ptrdiff_t room = std::ptrdiff_t(w.width) - left;
  const std::size_t to = std::min(w.kernel, std::size_t(std::max<std::ptrdiff_t>(0, room)));
  if (from >= to) return;
  for (std::size_t ky = 0; ky < w.kernel; ++ky) {
    const auto y = std::ptrdiff_t(oy * w.stride + ky) - std::ptrdiff_t(w.padding);
    if (y < 0 || y >= std::ptrdiff_t(w.height)) continue;
    const std::size_t at = (std::size_t(y) * w.width + std::size_t(left + std::ptrdiff_t(from)));
    copy_bits(image, at * w.channels, patch, (ky * w.kernel + from) * w.channels,
              (to - from) * w.channels);
  }
}

// A patch of at most 64 bits whose rows have at most 32, all inside the image.
inline std::uint64_t gather_small(const Window& w, const std::uint32_t* image, std::size_t y,
                                  std::size_t x) {
  const std::size_t count = w.kernel * w.channels;
  std::uint64_t patch = 0;
  for (std::size_t ky = 0; ky < w.kernel; ++ky) {
    const std::size_t at = ((y + ky) * w.width + x) * w.channels;
    patch |= std::uint64_t(bits_at(image, at, count)) << (ky * count);
  }
  return patch;
}

// patterns[word * rows + p * steps + t] from the bits of step t, `stride` words apart.
inline void gather_sample(const Window& w, const std::uint32_t* bits, std::size_t stride,
                          std::size_t steps, std::uint32_t* patterns, std::size_t rows) {
  const std::size_t words = words_of(w.inputs()), wide = w.out(w.width);
  std::vector<std::uint32_t> patch(words + 2);
  const bool small = w.padding == 0 && w.inputs() <= 64 && w.kernel * w.channels <= 32;
  for (std::size_t t = 0; t < steps; ++t) {
    const std::uint32_t* image = bits + t * stride;
    for (std::size_t p = 0; p < w.positions(); ++p) {
      const std::size_t row = p * steps + t;
      if (small) {
        const std::uint64_t both = gather_small(w, image, p / wide * w.stride, p % wide * w.stride);
        patterns[row] = std::uint32_t(both);
        if (words > 1) patterns[rows + row] = std::uint32_t(both >> 32);
        continue;
      }
      std::fill(patch.begin(), patch.end(), 0u);
      gather_patch(w, image, p / wide, p % wide, patch.data());
      for (std::size_t k = 0; k < words; ++k) patterns[k * rows + row] = patch[k];
    }
  }
}

}  // namespace
