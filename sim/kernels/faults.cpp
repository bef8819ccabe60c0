#include "faults.hpp"

#include "arithmetic.hpp"
#include "encode.hpp"

namespace neurodeploy {

namespace {

constexpr int kStateBits = 24;
constexpr std::uint32_t kOwnCounters = std::uint32_t(1) << 30;  // plus the kind: of no other draw

// Word `source mod 4` of the block (source / 4, column, edge, kOwnCounters + kind).
std::uint32_t drawn(std::uint64_t key, std::uint32_t kind, int edge, std::int64_t column, int source) {
  std::uint32_t c[4] = {std::uint32_t(source / 4), std::uint32_t(column), std::uint32_t(edge),
                        kOwnCounters + kind};
  std::uint32_t first = std::uint32_t(key), second = std::uint32_t(key >> 32);
  for (int round = 0; round < kPhiloxRounds; ++round) {
    const std::uint64_t p0 = std::uint64_t(kPhiloxFirst) * c[0];
    const std::uint64_t p1 = std::uint64_t(kPhiloxSecond) * c[2];
    const std::uint32_t next[4] = {std::uint32_t(p1 >> 32) ^ c[1] ^ first, std::uint32_t(p1),
                                   std::uint32_t(p0 >> 32) ^ c[3] ^ second, std::uint32_t(p0)};
    std::copy(next, next + 4, c);
    first += kPhiloxFirstStep;
    second += kPhiloxSecondStep;
  }
  return c[source % 4];
}

}  // namespace

std::int32_t StateFault::flipped(std::int32_t value) const {
  if (reading == Reading::kWide) return std::int32_t(std::uint32_t(value) ^ mask);
  const std::uint32_t low = (std::uint32_t(1) << kStateBits) - 1;
  const std::uint32_t word = (std::uint32_t(value) & low) ^ mask;
  const std::int32_t read = std::int32_t(word << (32 - kStateBits)) >> (32 - kStateBits);
  if (reading == Reading::kSaturated) return std::int32_t(saturate(read));
  const bool folded = reading == Reading::kFolded && read == -std::int32_t(kLimit);
  return folded ? std::int32_t(kLimit) : read;
}

bool MessageFault::strikes(int edge, std::int64_t at, int source) const {
  if (source < first || source >= last) return false;
  if (message == Message::kFlipped) return at == column;
  if (limit > UINT32_MAX) return true;
  return drawn(key, std::uint32_t(message) - 1, edge, at, source) < limit;
}

void Faults::add(const FaultFields& f, const std::vector<FaultEdge>& edges) {
  const std::int64_t list = f[1];
  const int place = int(f[2]);
  switch (FaultKind(f[0])) {
    case FaultKind::kWeight:
      weights.add({list, place, int(f[3]), int(f[4]), std::int32_t(f[5]), int(f[6])});
      return touch(list, edges[place].population, kTouchCurrents);
    case FaultKind::kParameter:
      parameters.add({list, place, int(f[3]), int(f[4]), int(f[5]), std::int32_t(f[6])});
      return touch(list, place, kTouchUpdate);
    case FaultKind::kState:
      states.add({list, place, int(f[3]), int(f[4]), f[5], std::uint32_t(f[6]), Reading(f[7])});
      return touch(list, place, kTouchUpdate);
    case FaultKind::kNeuron: {
      const Broken broken = Broken(f[3]);
      neurons.add({list, place, broken, int(f[4]), int(f[5])});
      return touch(list, place, broken == Broken::kSaturated ? kTouchUpdate : kTouchSent);
    }
    case FaultKind::kMessage:
      messages.add({list, place, Message(f[3]), int(f[4]), int(f[5]), f[6], std::uint32_t(f[7]),
                    std::uint64_t(f[6]), std::uint64_t(f[7])});
      return touch(list, edges[place].population, kTouchCurrents);
  }
}

void Faults::order() {
  weights.order();
  parameters.order();
  states.order();
  neurons.order();
  messages.order();
}

std::int32_t Disturbed::change_of(std::int64_t column, int source) const {
  if (column < 0 || column >= std::int64_t(columns.size())) return 0;
  const std::vector<MessageChange>& changes = columns[std::size_t(column)];
  const auto found = std::lower_bound(
      changes.begin(), changes.end(), source,
      [](const MessageChange& change, int value) { return change.source < value; });
  return found != changes.end() && found->source == source ? found->value : 0;
}

std::int64_t Disturbed::events_of(int source) const {
  std::int64_t sum = 0;
  for (const auto& changes : columns) {
    for (const MessageChange& change : changes) sum += change.source == source ? change.events : 0;
  }
  return sum;
}

}  // namespace neurodeploy
