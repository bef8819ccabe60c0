// What was chosen for a connection or a population, and why: for people, and for the budget of what is
// kept.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "aligned.hpp"
#include "work.hpp"

namespace neurodeploy {

// An operation. weight_bits: as packed, 0 where there are no weights. sum_bits: of the sums before
// they join others. low, high: bounds of a sum, where they are known. ways: how binary events may meet
// the weights, chosen by activity; none where messages count by value.
struct OperationReport {
  std::string form;
  int weight_bits = 0, sum_bits = 32;
  bool known = false;
  std::int64_t low = 0, high = 0;
  std::vector<Choice> ways;
  std::string reason;  // of the widths
};

// A population. current_bits: as they arrive. update_bits: of the arithmetic. looks: columns with
// currents that are too large for it are found, and advanced in 64 bits. checks: states whose range is
// looked after, the rest is kept by bounds.
struct PopulationReport {
  int current_bits = 32, update_bits = 32;
  bool looks = false;
  std::string checks;
  std::string reason;
};

template <class T>
std::size_t bytes_of(const std::vector<T>& values) {
  return values.capacity() * sizeof(T);
}
template <class T>
std::size_t bytes_of(const Aligned<T>& values) {
  return values.capacity() * sizeof(T);
}

}  // namespace neurodeploy
