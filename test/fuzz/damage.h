#pragma once
// Ways to damage an input, for the targets' damage().

#include <random>

#include "test/fuzz/fuzz_target.h"

namespace tideline::fuzz {

/// Of a Cap'n Proto message: a bit, a byte, a word, two words swapped, a cut, or growth.
void damage_words(Bytes& bytes, std::mt19937_64& random);
/// Of JSON: a token put in, bytes left out, a byte, a piece copied or repeated, a cut, or another digit.
void damage_text(Bytes& bytes, std::mt19937_64& random);

}  // namespace tideline::fuzz
