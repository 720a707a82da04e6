#include "test/fuzz/damage.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

namespace tideline::fuzz {
namespace {

/// Repetition must not grow an input for ever.
constexpr std::size_t kMaxTextBytes = 64 << 10;

/// Bytes that often change what JSON means.
constexpr std::array<std::string_view, 26> kTokens = {
    "{",    "}",       "[",    "]",       "\"",    ":",    ",",
    "null", "true",    "-",    "1e9",     "1e999", "-0",   "\\u",
    "\\",   "\n",      "\xff", "enable",  "{}",    "[[[[", "99999999999999999",
    "0.5",  "\\ud800", "data", "\\u0000", "\x1e"};

std::size_t upto(std::size_t most, std::mt19937_64& random) {
  return static_cast<std::size_t>(random() % (most + 1));
}

using Difference = Bytes::difference_type;

void put(Bytes& bytes, std::size_t at, std::string_view text) {
  bytes.insert(bytes.begin() + static_cast<Difference>(at), text.begin(), text.end());
}

/// A piece of the text, once or many times, at another place.
void repeat(Bytes& bytes, std::size_t at, std::mt19937_64& random) {
  const auto piece = bytes.begin() + static_cast<Difference>(at);
  const std::size_t length = std::min(upto(40, random), bytes.size() - at);
  Bytes copies;
  for (auto times = random() % 8 == 0 ? upto(1200, random) : 1; times > 0; --times)
    copies.insert(copies.end(), piece, piece + static_cast<Difference>(length));
  if (bytes.size() + copies.size() > kMaxTextBytes) return;
  const auto to = static_cast<Difference>(upto(bytes.size(), random));
  bytes.insert(bytes.begin() + to, copies.begin(), copies.end());
}

}  // namespace

void damage_words(Bytes& bytes, std::mt19937_64& random) {
  if (bytes.size() < 16) {
    bytes.resize(64);
    return;
  }
  const std::size_t at = random() % bytes.size();
  const std::size_t word = (random() % (bytes.size() / 8)) * 8;
  switch (random() % 6) {
    case 0:
      bytes[at] ^= static_cast<std::uint8_t>(1u << (random() % 8));
      break;
    case 1:
      bytes[at] = static_cast<std::uint8_t>(random());
      break;
    case 2:
      for (std::size_t i = 0; i < 8; ++i)
        bytes[word + i] = static_cast<std::uint8_t>(random());
      break;
    case 3: {
      const std::size_t other = (random() % (bytes.size() / 8)) * 8;
      for (std::size_t i = 0; i < 8; ++i)
        std::swap(bytes[word + i], bytes[other + i]);
      break;
    }
    case 4:
      bytes.resize(8 * (1 + random() % (bytes.size() / 8)));
      break;
    default:
      bytes.resize(bytes.size() + 8 * (random() % 4));
      break;
  }
}

void damage_text(Bytes& bytes, std::mt19937_64& random) {
  const std::size_t at = upto(bytes.size(), random);
  switch (random() % 8) {
    case 0:
      put(bytes, at, kTokens[upto(kTokens.size() - 1, random)]);
      break;
    case 1: {
      const std::size_t end = std::min(bytes.size(), at + upto(8, random));
      bytes.erase(bytes.begin() + static_cast<Difference>(at), bytes.begin() + static_cast<Difference>(end));
      break;
    }
    case 2:
      if (at < bytes.size()) bytes[at] = static_cast<std::uint8_t>(random());
      break;
    case 3:
      repeat(bytes, at, random);
      break;
    case 4:
      bytes.resize(at);
      break;
    default:  // a digit for a digit, so that ranges are met, not only syntax
      for (std::size_t i = at; i < bytes.size(); ++i) {
        if (bytes[i] < '0' || bytes[i] > '9') continue;
        bytes[i] = static_cast<std::uint8_t>('0' + random() % 10);
        break;
      }
      break;
  }
}

}  // namespace tideline::fuzz
