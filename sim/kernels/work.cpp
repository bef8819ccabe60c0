#include "work.hpp"

namespace neurodeploy {

void Buffer::reserve(std::size_t bytes) {
  if (bytes <= size_) return;
  owner_.reset(new std::uint8_t[bytes + kCacheLine]);
  const auto address = reinterpret_cast<std::uintptr_t>(owner_.get());
  data_ = owner_.get() + (kCacheLine - address % kCacheLine);
  size_ = bytes;
}

Work::Work(std::size_t bytes, int samples, std::size_t operations, std::size_t populations)
    : sample_bytes(bytes),
      capacity(samples),
      lists(operations),
      u_wraps(populations * samples),
      v_saturations(populations * samples) {
  std::memset(memory_.as<std::uint8_t>(bytes * samples), 0, bytes * samples);
}

}  // namespace neurodeploy
