// The compiled module: what it is made of, and how errors reach Python.

#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "dispatch.hpp"
#include "encode_module.hpp"
#include "network_module.hpp"
#include "specs.hpp"
#include "tally.hpp"
#include "team.hpp"
#include "training_module.hpp"

namespace nb = nanobind;

NB_MODULE(_native, module) {
  module.doc() = "Compiled kernels of the native engine.";
  // A process may end while a user's Simulator lives, in a daemon thread for instance: that is no
  // fault of reference counting, and nothing that a user should read of.
  nb::set_leak_warnings(false);
  nb::register_exception_translator([](const std::exception_ptr& thrown, void*) {
    try {
      std::rethrow_exception(thrown);
    } catch (const neurodeploy::NoThreads& error) {
      const nb::object type = nb::module_::import_("neurodeploy.errors").attr("EngineError");
      PyErr_SetString(type.ptr(), error.what());
    }
  });
  module.def("instruction_sets", &neurodeploy::instruction_sets,
             "Names of the instruction sets that this build has and this processor runs, fastest "
             "first.");
  neurodeploy::register_specs(module);
  neurodeploy::register_network(module);
  register_training(module);
  register_encoders(module);
  register_tally(module);
}
