// The memory of one worker: a few samples with their states and recent messages, and scratch space.

#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "aligned.hpp"
#include "faults.hpp"
#include "kernels.hpp"
#include "layout.hpp"

namespace neurodeploy {

// Aligned memory that grows and is never cleared.
class Buffer {
 public:
  template <class T>
  T* as(std::size_t count) {
    reserve(count * sizeof(T));
    return reinterpret_cast<T*>(data_);
  }
  std::uint8_t* data() const { return data_; }

 private:
  void reserve(std::size_t bytes);

  std::unique_ptr<std::uint8_t[]> owner_;
  std::uint8_t* data_ = nullptr;
  std::size_t size_ = 0;
};

// An input or a population: its layout and where a sample's memory holds its messages.
//
// Messages are kept in rows of lanes, one row per column: `history` rows of the past, then the rows
// of the present chunk. Bytes hold 0/1 events, values hold int32 messages.
struct Node {
  explicit Node(const Layout& shape) : layout(shape) {}

  Layout layout;
  bool has_bytes = false, has_values = false;
  int history = 0;
  bool counted_late = true;  // events are counted when a chunk ends, not when they are sent
  std::size_t bytes_at = 0, values_at = 0, counts_at = 0;
};

// A part of the present chunk: some of its samples and some of its columns.
struct Span {
  int sample, samples;
  int column, columns;

  int pairs() const { return samples * columns; }
};

// How the binary events of a connection meet its weights; results do not depend on it.
enum class Choice {
  kAuto,
  kRows,     // rows of weights, or taps, of active inputs are added
  kSubsets,  // rows of tables of the sums over active inputs
  kTiles,    // dot products of groups of inputs that are active within a few columns
  kDense,    // dot products of all groups
};

constexpr int kChoices = int(Choice::kDense) + 1;
constexpr int kEffortBytes = 64;  // of the vectors that efforts are counted in

// What one operation did, in vectors of kEffortBytes.
struct Effort {
  std::int64_t adds = 0;  // of table rows or weights to sums
  std::int64_t dots = 0;  // of spikes with weights
};

// Active inputs of every (sample, column) pair of a span.
struct Lists {
  Choice choice = Choice::kRows;
  Effort effort[kChoices];
  std::vector<std::uint16_t> tiled;
  std::vector<std::uint32_t> events;
  std::vector<std::int32_t> messages;
  std::vector<std::uint32_t> starts;
  std::vector<std::uint16_t> order;   // [tile][pair], pairs by their number of events
  std::vector<std::uint16_t> patterns;
  std::vector<std::uint8_t> repeats;  // pair equals the one before, its messages are not listed
  bool any_repeats = false;
};

template <class T>
void grow(std::vector<T>& list, std::size_t size) {
  if (list.size() < size) list.resize(size);
}

struct Work {
  Work(std::size_t sample_bytes, int samples, std::size_t operations, std::size_t populations);

  std::uint8_t* sample(int s) const { return memory_.data() + s * sample_bytes; }

  template <class T>
  T* at(int s, std::size_t offset) const {
    return reinterpret_cast<T*>(sample(s) + offset);
  }
  // Row of messages of a column of the present chunk; negative columns lie in the past.
  std::uint8_t* bytes(const Node& node, int s, int column) const {
    return sample(s) + node.bytes_at + row(node, column);
  }
  std::int32_t* values(const Node& node, int s, int column) const {
    return at<std::int32_t>(s, node.values_at) + row(node, column);
  }

  const std::size_t sample_bytes;
  const int capacity;     // samples that the memory holds
  int position = 0;       // rows of this run that lie before the present chunk
  std::int64_t column = 0;  // of the stream, first of the present chunk
  std::vector<Lists> lists;  // per operation
  Buffer ports[2], sums, delayed, table, map_rows, bias, compact, words;
  std::vector<std::int32_t*> slots;  // of a delay ring, by delay
  Buffer records[kStates];
  std::vector<std::int64_t> u_wraps, v_saturations;  // [population][sample]
  std::vector<Disturbed> disturbed;                  // [sample][connection], only in runs with faults
  std::map<std::pair<int, const NeuronFault*>, std::vector<std::int32_t>> held;  // by slow neurons
  std::vector<std::uint64_t> changes;                // of the currents of one segment and column

 private:
  std::ptrdiff_t row(const Node& node, int column) const {
    return std::ptrdiff_t(node.history + position + column) * node.layout.lanes();
  }

  Buffer memory_;
};

}  // namespace neurodeploy
