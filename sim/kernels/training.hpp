// The CUBA-LIF recurrence of training on float arrays that hold integers; see training.cpp.
#pragma once

#include <nanobind/nanobind.h>

void register_training(nanobind::module_& module);
