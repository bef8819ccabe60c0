// Registers the counting of spikes by class with the compiled module.
#pragma once

#include <nanobind/nanobind.h>

void register_tally(nanobind::module_& module);
