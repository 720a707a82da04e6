#pragma once
// What a fuzz target is: the function that libFuzzer and random_driver.cpp call, and what the latter has to know of it.

#include <cstddef>
#include <cstdint>
#include <random>
#include <string_view>
#include <vector>

/// One input. Must return 0, and must end the process when something does not hold.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace tideline::fuzz {

using Bytes = std::vector<std::uint8_t>;

/// Ends the process unless it holds; `claim` is on stderr then.
void require(bool holds, std::string_view claim);

/// For the target to count with: inputs that were taken for good.
inline std::uint64_t accepted = 0;

// Each target's own:

/// Sound inputs. Same state of `random`, same inputs.
std::vector<Bytes> corpus(std::mt19937_64& random);
/// One step of damage.
void damage(Bytes& bytes, std::mt19937_64& random);
/// The most heap that one input of that size may hold at any one time.
std::size_t heap_bound(std::size_t size);

}  // namespace tideline::fuzz
