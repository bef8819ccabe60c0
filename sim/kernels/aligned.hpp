// Arrays that start at a cache line, so that no row of vectors lies across two.

#pragma once

#include <cstddef>
#include <new>
#include <vector>

namespace neurodeploy {

constexpr std::size_t kCacheLine = 64;

template <class T>
struct CacheLineAllocator {
  typedef T value_type;

  CacheLineAllocator() = default;
  template <class Other>
  CacheLineAllocator(const CacheLineAllocator<Other>&) {}

  T* allocate(std::size_t count) {
    return static_cast<T*>(::operator new(count * sizeof(T), std::align_val_t(kCacheLine)));
  }
  void deallocate(T* memory, std::size_t) {
    ::operator delete(memory, std::align_val_t(kCacheLine));
  }
  bool operator==(const CacheLineAllocator&) const { return true; }
  bool operator!=(const CacheLineAllocator&) const { return false; }
};

template <class T>
using Aligned = std::vector<T, CacheLineAllocator<T>>;

}  // namespace neurodeploy
