// Faults as Python hands them over: connections whose words may break, rows of numbers.

#pragma once

#include "faults.hpp"
#include "network.hpp"
#include "specs.hpp"

namespace neurodeploy {

using FaultArray =
    nb::ndarray<const std::int64_t, nb::shape<-1, kFaultFields>, nb::c_contig, nb::device::cpu>;

inline Matrix matrix(const Readable<std::int32_t, 2>& values) {
  return {values.data(), int(values.shape(0)), int(values.shape(1))};
}

inline void check_matrix(const Layout& source, const Layout& target,
                         const Readable<std::int32_t, 2>& values) {
  require(int(values.shape(0)) == target.size() && int(values.shape(1)) == source.size(),
          "the matrix does not fit source and target");
}

// The kernel of a connection, checked against what it reads and feeds.
Kernel kernel_of(const EdgeRecord& edge, const Layout& source, const Layout& target,
                 const Readable<std::int32_t, 4>& weight);

// A connection with its whole matrix or kernel. latest: delay that a fault may give.
FaultEdge fault_edge(const Network& network, const EdgeRecord& record, int latest);

// Lists of faults, and of every sample of a batch the number of its list. Each fault is of a list, a
// place and a site that there are.
Faults faults_of(const Network& network, const FaultArray& array, const Column& owners,
                 std::int64_t batch);

}  // namespace neurodeploy
