#pragma once
// How much of the heap a piece of code takes. In a sanitizer's build, whose own `operator new` has to stay, it reads 0.

#include <cstddef>

namespace tideline::fuzz {

/// Counts from here.
void restart_heap_meter();
/// The most bytes that were in use at once since then, beyond those in use then. Of this process's one thread.
std::size_t heap_peak();

}  // namespace tideline::fuzz
