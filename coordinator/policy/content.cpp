#include "coordinator/policy/content.h"

#include <algorithm>
#include <cstdint>
#include <string_view>

#include <fmt/format.h>

#include "coordinator/policy/diff.h"

namespace tideline::policy {
namespace {

// Fowler, Noll, Vo: FNV-1a with 64 bits.
constexpr std::uint64_t kOffsetBasis = 0xcbf29ce484222325U;
constexpr std::uint64_t kPrime = 0x100000001b3U;

void hash_in(std::uint64_t& hash, std::string_view text) {
  for (const char c : text) {
    hash ^= static_cast<unsigned char>(c);
    hash *= kPrime;
  }
}

}  // namespace

model::PolicyContent content_of(const model::NodePolicy& policy) {
  std::vector<std::string> lines;
  for (const Difference& set : diff(model::NodePolicy{}, policy))
    lines.push_back(fmt::format("{} {} {}\n", set.key->document, set.key->path, text_of(set.after)));
  // Whatever order a later table has them in.
  std::sort(lines.begin(), lines.end());
  std::uint64_t hash = kOffsetBasis;
  for (const auto& line : lines)
    hash_in(hash, line);
  return model::PolicyContent(std::max<std::uint64_t>(hash, 1));
}

model::PolicyContent ContentMemo::of(const model::NodePolicy& policy) {
  for (const auto& [known, content] : kept_) {
    if (known == policy) return content;
  }
  const auto content = content_of(policy);
  if (kept_.size() < kMaxKept) kept_.emplace_back(policy, content);
  return content;
}

std::string text_of(model::PolicyContent content) {
  return content.value() == 0 ? "" : fmt::format("{:016x}", content.value());
}

}  // namespace tideline::policy
