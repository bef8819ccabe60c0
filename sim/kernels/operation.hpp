// An operation turns the messages of a source into currents of a target.

#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <vector>

#include "kernels.hpp"
#include "layout.hpp"
#include "report.hpp"
#include "work.hpp"

namespace neurodeploy {

constexpr std::int64_t kUnbounded = std::numeric_limits<std::int64_t>::max();

// Smallest and largest value that a current can have; low <= 0 <= high.
struct Bounds {
  std::int64_t low = 0, high = 0;

  bool known() const { return high != kUnbounded; }
  std::int64_t magnitude() const { return high > -low ? high : -low; }
  // Of the sum of two currents.
  Bounds operator+(const Bounds& other) const {
    if (!known() || !other.known()) return unbounded();
    return {low + other.low, high + other.high};
  }
  // Of either of two currents.
  Bounds either(const Bounds& other) const {
    return {low < other.low ? low : other.low, high > other.high ? high : other.high};
  }
  static Bounds unbounded() { return {-kUnbounded, kUnbounded}; }
};

// Currents that arrive at one port of a segment: [sample of the span][column][lane of the segment].
struct Currents {
  void* sums;   // int16 if narrow, else int32
  bool narrow;
  int lanes;

  std::int16_t* narrow_row(int pair) const {
    return static_cast<std::int16_t*>(sums) + std::ptrdiff_t(pair) * lanes;
  }
  std::int32_t* row(int pair) const {
    return static_cast<std::int32_t*>(sums) + std::ptrdiff_t(pair) * lanes;
  }
};

// Adds what a span costs to the effort of one choice.
inline void spend(Lists& lists, Choice choice, double adds, double dots) {
  Effort& effort = lists.effort[int(choice)];
  effort.adds += std::int64_t(adds);
  effort.dots += std::int64_t(dots);
}

// Where an operation reads and how late its currents arrive.
struct Wiring {
  int source;       // index of the node
  int lag;          // columns between sending and arrival
  bool graded;      // messages count by value, not as events
};

// Whether the values of a column are those of the column before: still images are given as graded
// values that stay the same, and need to be multiplied but once.
inline bool repeats(const std::int32_t* row, std::ptrdiff_t lanes) {
  return std::memcmp(row, row - lanes, std::size_t(lanes) * sizeof *row) == 0;
}

class Operation {
 public:
  explicit Operation(const Wiring& wiring) : wiring_(wiring) {}
  virtual ~Operation() = default;

  // Lists the messages that arrive in the span; called once per span, before `add`.
  virtual void list(const KernelTable& kernels, const Node& source, Work& work,
                    const Span& span) const = 0;
  // Adds the currents of one segment of the target, modulo 2^32; 16-bit currents it sets, all of them.
  virtual void add(const KernelTable& kernels, const Node& source, Work& work, const Span& span,
                   const Segment& segment, const Currents& currents) const = 0;
  // Whether `add` can deliver 16-bit currents.
  virtual bool narrow() const { return false; }
  virtual Bounds bounds() const { return Bounds::unbounded(); }
  // Whether samples share the reading of weights: otherwise they are taken one at a time, so that an
  // interrupt does not wait for all of them.
  virtual bool shares_weights() const { return true; }
  // What was chosen when the operation was made; what it holds beside its own members.
  virtual OperationReport report() const = 0;
  virtual std::size_t bytes() const = 0;
  // Bytes per sample in which currents wait for their delay to pass; the engine says where.
  virtual std::size_t pending_bytes() const { return 0; }

  // Asks for a way of adding; one that does not exist here is not taken.
  void force(Choice choice) { forced_ = choice; }

  const Wiring& wiring() const { return wiring_; }
  std::size_t index = 0;
  std::size_t pending_at = 0;

 protected:
  Choice forced() const { return forced_; }

 private:
  Wiring wiring_;
  Choice forced_ = Choice::kAuto;
};

// A matrix as it came: int32 [rows][columns], row = target neuron, column = source value.
struct Matrix {
  const std::int32_t* values;
  int rows, columns;

  std::int32_t at(int row, int column) const {
    return values[std::ptrdiff_t(row) * columns + column];
  }
};

}  // namespace neurodeploy
