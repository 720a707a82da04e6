#include "storage/rocks/old_rows.h"

#include <string>
#include <string_view>
#include <utility>

#include "storage/rocks/damage.h"
#include "storage/rocks/row_walk.h"

namespace tideline::rocks {
namespace {

constexpr std::size_t kMostPassed = 16;  // that are named of one walk

std::string_view key_at(const rocksdb::Iterator& it) {
  const rocksdb::Slice key = it.key();
  return {key.data(), key.size()};
}

}  // namespace

OldRows::OldRows(Database& database, rocksdb::ColumnFamilyHandle* family, const model::NodeName& from)
    : database_(database), family_(family) {
  rocksdb::ReadOptions once;
  once.fill_cache = false;
  it_.reset(database_.db().NewIterator(once, family_));
  seek(node_prefix(from));
  if (const auto first = head()) node_ = first->node;
}

model::Result<void> OldRows::status() const {
  if (malformed_) return model::Error(model::ErrorCode::kMalformed, "history: a key does not parse");
  // Where rows are not what was written it went on behind them.
  const rocksdb::Status at = it_->status();
  if (!at.ok() && !at.IsCorruption()) return database_.error(at, "looking for what to drop");
  return {};
}

void OldRows::seek(const std::string& key) {
  it_->Seek(key);
  pass_damage(key);
}

void OldRows::next() {
  last_.assign(key_at(*it_));
  it_->Next();
  pass_damage(last_);
}

void OldRows::pass_damage(const std::string& bad) {
  if (it_->Valid() || !it_->status().IsCorruption()) return;
  const DamageWalk rows(database_, family_, nullptr);
  std::optional<std::string> at = bad;
  while (at && !it_->Valid() && it_->status().IsCorruption()) {
    const std::string why = database_.error(it_->status(), "looking for what to drop").message();
    if (passed_.size() < kMostPassed && (passed_.empty() || passed_.back() != why)) passed_.push_back(why);
    at = rows.next_readable(*at, keys_end());
    if (at) it_->Seek(*at);
  }
}

std::optional<KeyHead> OldRows::head() {
  if (!it_->Valid()) return std::nullopt;
  auto found = key_head(key_at(*it_));
  malformed_ = malformed_ || !found;
  return found;
}

std::optional<model::WallTime> OldRows::oldest(const model::NodeName& node) {
  if (node_ != node) return std::nullopt;
  const auto first = head();
  return first && first->node == node ? std::optional(first->at) : std::nullopt;
}

void OldRows::go_behind(const model::NodeName& node) {
  seek(node_end(node));
  const auto first = head();
  node_ = first ? std::optional(first->node) : std::nullopt;
}

OldRows::Left OldRows::drop(rocksdb::WriteBatch& batch, const model::NodeName& node, model::WallTime time,
                            std::size_t& most) {
  Left left;
  if (node_ != node) return left;
  const std::string until = time_key(node, time);
  for (; it_->Valid() && key_at(*it_) < until && most > 0; --most, ++left.dropped)
    next();
  if (const auto first = head(); first && first->node == node) left.oldest = first->at;
  if (left.dropped > 0) {
    // Up to where the walk ended, not up to a time: more rows than `most` may be of one instant.
    const std::string end = left.done_until(time) ? until : std::string(key_at(*it_));
    batch.DeleteRange(family_, node_prefix(node), end);
  }
  go_behind(node);
  return left;
}

void OldRows::drop_before(rocksdb::WriteBatch& batch, const model::NodeName& node, model::WallTime time) {
  if (node_ != node) return;
  const std::string until = time_key(node, time);
  batch.DeleteRange(family_, node_prefix(node), until);
  seek(until);
}

bool OldRows::drop_all(rocksdb::WriteBatch& batch, const model::NodeName& node, model::WallTime time) {
  if (node_ != node) return false;
  const auto first = head();
  const bool any = first && first->at < time;
  if (any) batch.DeleteRange(family_, node_prefix(node), time_key(node, time));
  go_behind(node);
  return any;
}

}  // namespace tideline::rocks
