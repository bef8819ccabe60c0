// What Python hands over to declare a network: plain records with named fields. What is checked here
// keeps a wrong record from touching memory that is not its own.

#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <array>
#include <string>
#include <vector>

#include "population_spec.hpp"

namespace neurodeploy {

namespace nb = nanobind;

template <class T, int kDimensions>
using Readable = nb::ndarray<const T, nb::ndim<kDimensions>, nb::c_contig, nb::device::cpu>;
using Column = Readable<std::int32_t, 1>;
using Shape = std::array<int, 3>;  // channels, height, width
using Pair = std::array<int, 2>;

inline void require(bool condition, const std::string& what) {
  if (!condition) throw nb::value_error(what.c_str());
}

// The array behind an attribute, never converted.
template <class Array>
Array array_of(const nb::object& value, const char* what) {
  Array array;
  require(nb::try_cast<Array>(value, array, false), std::string(what) + " is no array of its type");
  return array;
}

// A population. Fields that its model does not have stay as they are.
struct PopulationRecord {
  Shape shape{1, 1, 1};
  bool by_rows = false;
  std::string model;
  nb::dict parameters;                             // int32 arrays by the names of the model's facts
  nb::object gain = nb::none();                    // int32 [steps]
  nb::object signature = nb::none();               // int32 [steps * neurons]
  std::string reset;                               // zero, subtract or none; "" without a spike test
  int theta_shift = 0;
  std::int32_t low = 0, high = 0;
  int message_shift = 0;
  std::int64_t reset_interval = 0, reset_column = 0;
  std::int64_t lead = 0;

  PopulationSpec spec() const;
};

// A connection, or a part of one. Without a weight the values go straight to the neurons; a weight of
// two axes is a matrix, one of four a kernel.
struct EdgeRecord {
  int population = 0, port = 0, source = 0;
  int lag = 0;
  bool graded = false;
  nb::object weight = nb::none();  // int32
  std::vector<int> columns;        // of the matrix that take part, empty for all
  std::vector<int> row_delays;     // of the matrix, empty for none
  nb::object delays = nb::none();  // int32, as the matrix, or none
  int shift = 0;                   // right shift of every sum
  Pair stride{1, 1}, padding{0, 0}, dilation{1, 1};
  int groups = 1;
};

void register_specs(nb::module_& module);

}  // namespace neurodeploy
