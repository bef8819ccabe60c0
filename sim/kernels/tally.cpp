// Spikes counted by class of neuron: what each core does in a step follows from these few sums.
//
// Threads share out whole rows, so that nothing depends on their number.

#include "tally.hpp"

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include "team.hpp"

namespace nb = nanobind;

namespace {

constexpr std::int64_t kThreadBytes = 1 << 18;  // of bits, below which a thread costs more
constexpr std::int64_t kRows = 256;             // that a thread takes at a time

using Bits = nb::ndarray<const std::uint8_t, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using Classes = nb::ndarray<const std::int32_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Starts = nb::ndarray<const std::int64_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Columns = nb::ndarray<const std::int32_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Amounts = nb::ndarray<const std::int64_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Out = nb::ndarray<std::int64_t, nb::ndim<2>, nb::c_contig, nb::device::cpu>;

#if defined(__GNUC__)
#define NEURODEPLOY_INLINE inline __attribute__((always_inline))
#else
#define NEURODEPLOY_INLINE inline
#endif

NEURODEPLOY_INLINE int lowest(std::uint64_t word) {
#if defined(__GNUC__)
  return __builtin_ctzll(word);
#else
  int place = 0;
  while (!(word >> place & 1)) ++place;
  return place;
#endif
}

NEURODEPLOY_INLINE int ones(std::uint64_t word) {
#if defined(__GNUC__)
  return __builtin_popcountll(word);
#else
  int count = 0;
  for (; word; word &= word - 1) ++count;
  return count;
#endif
}

// The classes of each word of 64 lanes, with the lanes of each: those of a word stand from
// starts[word] to starts[word + 1]. A word of more than kMasks classes has none.
struct Masks {
  std::vector<std::uint32_t> starts;
  std::vector<std::uint64_t> lanes;
  std::vector<std::int32_t> classes;
};

constexpr std::size_t kMasks = 12;  // beyond, events are counted one by one

Masks masks_of(const std::int32_t* classes, std::int64_t count) {
  Masks masks;
  masks.starts.push_back(0);
  for (std::int64_t first = 0; first < count; first += 64) {
    const std::size_t start = masks.classes.size();
    for (std::int64_t lane = first; lane < std::min<std::int64_t>(count, first + 64); ++lane) {
      const auto begin = masks.classes.begin() + std::ptrdiff_t(start);
      const auto found = std::find(begin, masks.classes.end(), classes[lane]);
      const std::size_t place = std::size_t(found - masks.classes.begin());
      if (found == masks.classes.end()) {
        masks.classes.push_back(classes[lane]);
        masks.lanes.push_back(0);
      }
      masks.lanes[place] |= std::uint64_t(1) << (lane - first);
    }
    if (masks.classes.size() - start > kMasks) {
      masks.classes.resize(start);
      masks.lanes.resize(start);
    }
    masks.starts.push_back(std::uint32_t(masks.classes.size()));
  }
  return masks;
}

// The lanes of `size` bytes, lane l as bit l, whatever the order of bytes here.
NEURODEPLOY_INLINE std::uint64_t word_at(const std::uint8_t* bits, std::int64_t size) {
  std::uint64_t lanes = 0;
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
  std::memcpy(&lanes, bits, std::size_t(size));
#else
  for (std::int64_t byte = 0; byte < size; ++byte) {
    lanes |= std::uint64_t(bits[byte]) << (8 * byte);
  }
#endif
  return lanes;
}

struct Row {
  const std::uint8_t* bits;
  std::int64_t bytes;
  const std::int32_t* classes;
  std::uint32_t* sums;
};

NEURODEPLOY_INLINE void count_word(const Row& row, std::uint64_t lanes, std::int64_t word,
                                   const Masks& masks) {
  if (lanes == 0) return;
  const std::uint32_t start = masks.starts[word], end = masks.starts[word + 1];
  for (std::uint32_t mask = start; mask < end; ++mask) {
    row.sums[masks.classes[mask]] += std::uint32_t(ones(lanes & masks.lanes[mask]));
  }
  if (start != end) return;
  for (; lanes != 0; lanes &= lanes - 1) ++row.sums[row.classes[64 * word + lowest(lanes)]];
}

NEURODEPLOY_INLINE void count_row(const Row& row, const Masks& masks) {
  const std::int64_t words = row.bytes / 8;
  for (std::int64_t word = 0; word < words; ++word) {
    count_word(row, word_at(row.bits + 8 * word, 8), word, masks);
  }
  const std::int64_t rest = row.bytes - 8 * words;
  if (rest) count_word(row, word_at(row.bits + 8 * words, rest), words, masks);
}

using Count = void (*)(const Row&, const Masks&);

void count_plainly(const Row& row, const Masks& masks) { count_row(row, masks); }

#if defined(NEURODEPLOY_X86_KERNELS) && defined(__GNUC__)
__attribute__((target("popcnt"))) void count_with_popcnt(const Row& row, const Masks& masks) {
  count_row(row, masks);
}

Count counter() { return __builtin_cpu_supports("popcnt") ? count_with_popcnt : count_plainly; }
#else
Count counter() { return count_plainly; }
#endif

// What an event of each class adds: entries starts[k] to starts[k + 1] of class k.
struct Changes {
  const std::int64_t* starts;
  const std::int32_t* columns;
  const std::int64_t* amounts;
};

// Adds to `out` what the events of every class change, and clears the sums.
void add(std::vector<std::uint32_t>& sums, const Changes& changes, std::int64_t* out) {
  for (std::size_t kind = 0; kind < sums.size(); ++kind) {
    const std::int64_t events = sums[kind];
    if (events == 0) continue;
    for (std::int64_t at = changes.starts[kind]; at < changes.starts[kind + 1]; ++at) {
      out[changes.columns[at]] += events * changes.amounts[at];
    }
    sums[kind] = 0;
  }
}

void require(bool fits, const char* what) {
  if (!fits) throw nb::value_error(what);
}

void check(const Classes& classes, const Starts& starts, const Columns& columns, const Amounts& amounts,
           std::int64_t width) {
  const std::int64_t kinds = std::int64_t(starts.shape(0)) - 1;
  require(kinds >= 0 && starts.data()[0] == 0, "no classes");
  require(starts.data()[kinds] == std::int64_t(columns.shape(0)), "starts and columns do not fit");
  require(columns.shape(0) == amounts.shape(0), "columns and amounts do not fit");
  for (std::int64_t kind = 0; kind < kinds; ++kind) {
    require(starts.data()[kind] <= starts.data()[kind + 1], "starts are out of order");
  }
  for (std::size_t at = 0; at < columns.shape(0); ++at) {
    require(columns.data()[at] >= 0 && columns.data()[at] < width, "no such column");
  }
  for (std::size_t lane = 0; lane < classes.shape(0); ++lane) {
    require(classes.data()[lane] >= 0 && classes.data()[lane] < kinds, "no such class");
  }
}

void tally(Bits bits, Classes classes, Starts starts, Columns columns, Amounts amounts, Out out,
           int threads) {
  const std::int64_t rows = bits.shape(0), bytes = bits.shape(1), width = out.shape(1);
  require(out.shape(0) == std::size_t(rows) && std::int64_t(classes.shape(0)) == 8 * bytes,
          "bits, classes and sums do not fit");
  check(classes, starts, columns, amounts, width);
  const Masks masks = masks_of(classes.data(), std::int64_t(classes.shape(0)));
  const Changes changes{starts.data(), columns.data(), amounts.data()};
  const Count count = counter();
  const std::int64_t worth = rows * bytes / kThreadBytes + 1;
  const std::size_t members = std::size_t(std::clamp<std::int64_t>(threads, 1, worth));
  const nb::gil_scoped_release release;
  const std::size_t parts = std::size_t((rows + kRows - 1) / kRows);
  neurodeploy::for_each_item(parts, members, [&](std::size_t part) {
    std::vector<std::uint32_t> sums(starts.shape(0) - 1);
    const std::int64_t end = std::min(rows, std::int64_t(part + 1) * kRows);
    for (std::int64_t row = std::int64_t(part) * kRows; row < end; ++row) {
      count({bits.data() + row * bytes, bytes, classes.data(), sums.data()}, masks);
      add(sums, changes, out.data() + row * width);
    }
  });
}

}  // namespace

void register_tally(nb::module_& module) {
  module.def("tally", &tally, nb::arg("bits"), nb::arg("classes"), nb::arg("starts"),
             nb::arg("columns"), nb::arg("amounts"), nb::arg("out").noconvert(),
             nb::arg("threads"),
             "Add to each row of out, for every lane that is set in a row of bits, the amounts of "
             "its class.");
}
