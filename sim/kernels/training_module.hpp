// Registers the training scan with the compiled module.
#pragma once

#include <nanobind/nanobind.h>

void register_training(nanobind::module_& module);
