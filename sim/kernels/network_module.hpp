// Registers networks with the compiled module.

#pragma once

#include <nanobind/nanobind.h>

namespace neurodeploy {

void register_network(nanobind::module_& module);

}  // namespace neurodeploy
