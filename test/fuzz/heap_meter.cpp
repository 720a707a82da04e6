#include "test/fuzz/heap_meter.h"

#include <algorithm>
#include <cstdlib>
#include <new>

#include <malloc.h>

namespace {

std::size_t in_use = 0;
std::size_t most_in_use = 0;
std::size_t in_use_before = 0;

}  // namespace

#ifndef TIDELINE_SANITIZED

void* operator new(std::size_t size) {
  void* memory = std::malloc(std::max<std::size_t>(size, 1));
  if (memory == nullptr) throw std::bad_alloc();
  in_use += malloc_usable_size(memory);
  most_in_use = std::max(most_in_use, in_use);
  return memory;
}

void operator delete(void* memory) noexcept {
  if (memory == nullptr) return;
  in_use -= malloc_usable_size(memory);
  std::free(memory);
}

void operator delete(void* memory, std::size_t /*size*/) noexcept {
  operator delete(memory);
}

#endif

namespace tideline::fuzz {

void restart_heap_meter() {
  in_use_before = in_use;
  most_in_use = in_use;
}

std::size_t heap_peak() {
  return most_in_use - in_use_before;
}

}  // namespace tideline::fuzz
