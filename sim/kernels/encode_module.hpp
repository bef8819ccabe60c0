// Registers the encoders with the compiled module.
#pragma once

#include <nanobind/nanobind.h>

void register_encoders(nanobind::module_& module);
