// Python bindings of the native engine.

#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <string>
#include <vector>

#include "training_module.hpp"

namespace nb = nanobind;

NB_MODULE(_native, module) {
  module.doc() = "Compiled kernels of the native engine.";
  module.def("instruction_sets", [] { return std::vector<std::string>{"portable"}; },
             "Names of the instruction sets that this build has and this processor runs.");
  register_training(module);
}
