#include "storage/rocks/damage.h"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <system_error>
#include <utility>

#include <rocksdb/table_properties.h>

#include "storage/rocks/row_walk.h"

namespace tideline::rocks {
namespace {

/// `key` as a number, plus 2^bit; false: it has no such number of so many digits.
bool add_power(std::string& key, std::size_t bit) {
  if (bit / 8 >= key.size()) return false;
  unsigned carry = 1U << (bit % 8);
  for (std::size_t i = key.size() - bit / 8; i > 0 && carry != 0; --i) {
    const unsigned sum = static_cast<unsigned char>(key[i - 1]) + carry;
    key[i - 1] = static_cast<char>(sum & 0xFFU);
    carry = sum >> 8U;
  }
  return carry == 0;
}

}  // namespace

std::optional<std::uint64_t> file_number_of(const std::string& why) {
  const std::size_t end = why.find(".sst");
  if (end == std::string::npos) return std::nullopt;
  std::size_t begin = end;
  while (begin > 0 && why[begin - 1] >= '0' && why[begin - 1] <= '9')
    --begin;
  std::uint64_t number = 0;
  const auto [stop, problem] = std::from_chars(why.data() + begin, why.data() + end, number);
  if (problem != std::errc() || stop != why.data() + end) return std::nullopt;
  return number;
}

std::unique_ptr<rocksdb::Iterator> DamageWalk::rows_before(const rocksdb::Slice& upper) const {
  rocksdb::ReadOptions once;
  once.snapshot = snapshot_;
  once.iterate_upper_bound = &upper;
  once.fill_cache = false;
  if (!without_.empty()) {
    once.table_filter = [this](const rocksdb::TableProperties& file) {
      return !without_.contains(file.orig_file_number);
    };
  }
  return std::unique_ptr<rocksdb::Iterator>(database_.db().NewIterator(once, family_));
}

bool DamageWalk::readable_from(const std::string& key, const rocksdb::Slice& upper) const {
  const auto it = rows_before(upper);
  it->Seek(key);
  return it->status().ok();
}

std::optional<std::string> DamageWalk::next_readable(const std::string& bad, const std::string& upper) const {
  const rocksdb::Slice end(upper);
  // More digits than the key has, so that the next number lies right behind it, and enough to tell keys apart.
  constexpr std::size_t kDigits = 64;
  std::string base = bad;
  base.resize(std::max(bad.size() + 1, kDigits), '\0');
  std::size_t bit = 0;
  // Steps that double, as damage is of a block and not of all that is behind it.
  for (;; ++bit) {
    std::string probe = base;
    if (!add_power(probe, bit) || probe >= upper || readable_from(probe, end)) break;
  }
  // From base + 2^bit on there is nothing, or it can be read; base cannot. So it stays until they are neighbours.
  for (std::size_t back = bit; back > 0; --back) {
    std::string probe = base;
    if (add_power(probe, back - 1) && probe < upper && !readable_from(probe, end)) base = std::move(probe);
  }
  if (!add_power(base, 0) || base >= upper) return std::nullopt;
  return base;
}

model::Result<void> DamageWalk::walk(const std::string& lower, const std::string& upper, const Visit& visit,
                                     const Damage& damage) const {
  const rocksdb::Slice end(upper);
  std::string at = lower;
  while (at < upper) {
    std::string last = at;
    const auto it = rows_before(end);
    for (it->Seek(at); it->Valid(); it->Next()) {
      last.assign(it->key().data(), it->key().size());
      if (!visit(view(it->key()), view(it->value()))) return {};
    }
    if (it->status().ok()) return {};
    const rocksdb::Status status = it->status();
    if (!status.IsCorruption() && !status.IsIOError()) return database_.error(status, "reading");
    UnreadableRows rows{.after = last,
                        .before = next_readable(last, upper),
                        .corrupt = status.IsCorruption(),
                        .why = status.ToString()};
    if (!damage(rows) || !rows.before) return {};
    at = *std::move(rows.before);
  }
  return {};
}

}  // namespace tideline::rocks
