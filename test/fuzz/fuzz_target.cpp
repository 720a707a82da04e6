#include "test/fuzz/fuzz_target.h"

#include <cstdio>
#include <cstdlib>

namespace tideline::fuzz {

void require(bool holds, std::string_view claim) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %.*s\n", static_cast<int>(claim.size()), claim.data());
  std::abort();
}

}  // namespace tideline::fuzz
