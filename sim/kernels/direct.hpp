// Input values that go straight to the neurons.

#pragma once

#include "operation.hpp"

namespace neurodeploy {

class Direct : public Operation {
 public:
  Direct(const Wiring& wiring, const Layout& source, const Layout& target);

  OperationReport report() const override {
    OperationReport report;
    report.form = "direct";
    report.reason = "the values themselves";
    return report;
  }
  std::size_t bytes() const override { return sizeof *this + bytes_of(source_lanes_); }
  void list(const KernelTable&, const Node&, Work&, const Span&) const override {}
  void add(const KernelTable& kernels, const Node& source, Work& work, const Span& span,
           const Segment& segment, const Currents& currents) const override;

 private:
  std::vector<std::int32_t> source_lanes_;  // per target lane, -1 for padding; empty if equal
};

}  // namespace neurodeploy
