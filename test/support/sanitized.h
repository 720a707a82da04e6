#pragma once

namespace tideline::test {

/// Whether this build, and so the programs that a test starts, is a sanitizer's: several times slower, and what it
/// takes of memory says nothing. For tests that name a time or an amount.
#ifdef TIDELINE_SANITIZED
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif

}  // namespace tideline::test
