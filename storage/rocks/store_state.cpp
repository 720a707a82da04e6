#include "storage/rocks/store_state.h"

#include <string>
#include <utility>

#include <fmt/format.h>

#include "messages/log/log.h"
#include "storage/rocks/damage.h"
#include "storage/rocks/layout.h"
#include "storage/rocks/row_walk.h"

namespace tideline::rocks {
namespace {

constexpr std::size_t kMostNamed = 256;

model::Error bad_row(std::string_view what) {
  return {model::ErrorCode::kMalformed, fmt::format("{} does not parse", what)};
}

}  // namespace

model::Result<std::optional<store::NodeIndex>> StoreState::resting_index(const model::NodeName& node) const {
  using Found = std::optional<store::NodeIndex>;
  std::string value;
  const auto got = database->db().Get({}, database->forgotten, node.str(), &value);
  if (got.IsNotFound()) return Found();
  if (!got.ok()) return database->error(got, "reading sequence numbers of node " + node.str());
  auto index = stored_index(value);
  if (!index) return index.error().in("node " + node.str());
  return Found(std::move(index).value());
}

model::Result<std::optional<FoldRow>> StoreState::fold_row(const model::NodeName& node) const {
  using Found = std::optional<FoldRow>;
  std::string value;
  const auto got = database->db().Get({}, database->fold, node.str(), &value);
  if (got.IsNotFound()) return Found();
  if (!got.ok()) return database->error(got, "reading how far node " + node.str() + " is folded");
  const auto row = stored_fold(value);
  if (!row) return bad_row("how far it is folded").in("node " + node.str());
  return Found(*row);
}

void StoreState::name_unreadable(const std::string& why) {
  const std::lock_guard lock(named_mutex);
  if (named.size() >= kMostNamed || !named.insert(why).second) return;
  log::error("retention-unreadable", "{}", why);
}

model::Result<void> StoreState::each_fold(const model::NodeName& from, const TakeFold& take) const {
  const DamageWalk rows(*database, database->fold, nullptr);
  return rows.walk(
      from.str(), keys_end(),
      [&take](std::string_view key, std::string_view value) {
        const auto row = stored_fold(value);
        return !row || take(model::NodeName(std::string(key)), *row);
      },
      [](const UnreadableRows&) { return true; });
}

model::Result<void> StoreState::load() {
  const auto counter = database->get_meta(kEventCounterKey);
  if (!counter && !database->is_lenient()) return counter.error();
  if (counter && counter->has_value()) {
    const auto value = decode_u64(**counter);
    if (!value && !database->is_lenient()) return bad_row("event counter");
    event_counter = value.value_or(0);
  }
  if (auto loaded = load_indexes(); !loaded) return loaded;
  if (auto loaded = load_event_nodes(); !loaded) return loaded;
  if (auto loaded = load_folds(); !loaded) return loaded;
  return load_blocks();
}

model::Result<void> StoreState::each_row(rocksdb::ColumnFamilyHandle* family, std::string_view what,
                                         const Take& take) const {
  const bool is_lenient = database->is_lenient();
  std::optional<model::Error> trouble;
  const DamageWalk rows(*database, family, nullptr);
  const auto walked = rows.walk(
      "", keys_end(),
      [&](std::string_view key, std::string_view value) {
        const auto taken = take(key, value);
        if (!taken && !is_lenient) trouble = taken.error();
        return !trouble;
      },
      [&](const UnreadableRows& unreadable) {
        const auto code = unreadable.corrupt ? model::ErrorCode::kMalformed : model::ErrorCode::kUnavailable;
        if (!is_lenient) trouble = model::Error(code, unreadable.why).in(what);
        return is_lenient;
      });
  if (trouble) return *trouble;
  return walked;
}

model::Result<void> StoreState::load_indexes() {
  return each_row(database->dedup, "reading sequence numbers",
                  [this](std::string_view key, std::string_view value) -> model::Result<void> {
                    const model::NodeName node{std::string(key)};
                    auto index = stored_index(value);
                    if (!index) return index.error().in("node " + node.str());
                    indexes.emplace(node, std::move(index).value());
                    return {};
                  });
}

model::Result<void> StoreState::load_event_nodes() {
  const std::unique_ptr<rocksdb::Iterator> it(database->db().NewIterator({}, database->event));
  for (it->SeekToFirst(); it->Valid();) {
    const auto head = key_head(view(it->key()));
    if (!head) {
      it->Next();
      continue;
    }
    event_nodes.insert(head->node);
    it->Seek(node_end(head->node));
  }
  if (!it->status().ok() && !database->is_lenient()) {
    return database->error(it->status(), "looking for nodes with events");
  }
  return {};
}

model::Result<void> StoreState::load_folds() {
  std::map<model::NodeName, std::uint64_t> late;
  auto loaded = each_row(database->late, "reading which reports are late",
                         [&late](std::string_view key, std::string_view) -> model::Result<void> {
                           const auto head = key_head(key);
                           if (!head) return bad_row("the key of a late report");
                           ++late[head->node];
                           return {};
                         });
  if (!loaded) return loaded;
  loaded = each_row(database->fold, "reading how far nodes are folded",
                    [this, &late](std::string_view key, std::string_view value) -> model::Result<void> {
                      const model::NodeName node{std::string(key)};
                      const auto row = stored_fold(value);
                      if (!row) return bad_row("how far it is folded").in("node " + node.str());
                      if (!indexes.contains(node) && !late.contains(node)) return {};
                      FoldState& state = desk.of(node);
                      state.folded_until_ms = row->folded_until_ms;
                      state.newest_s = row->newest_s;
                      return {};
                    });
  if (!loaded) return loaded;
  // A look at each node's reports is for the first fold.
  for (const auto& [node, index] : indexes) {
    FoldState& state = desk.of(node);
    state.first_ms = state.folded_until_ms;
  }
  for (const auto& [node, count] : late)
    desk.of(node).late = count;
  // Nothing is folded by one who only reads.
  return database->is_read_only() ? look_for_first_reports() : model::Result<void>();
}

model::Result<void> StoreState::look_for_first_reports() {
  for (const auto& [node, index] : indexes) {
    FoldState& state = desk.of(node);
    state.first_ms.reset();
    state.first_is_known = true;
    const DamageWalk rows(*database, database->report, nullptr);
    const auto looked = rows.walk(
        time_key(node, {state.folded_until_ms}), node_end(node),
        [&state](std::string_view key, std::string_view) {
          if (const auto head = key_head(key)) state.first_ms = head->at.ms;
          return !state.first_ms;
        },
        [](const UnreadableRows&) { return true; });
    if (!looked) return looked;
  }
  return {};
}

model::Result<void> StoreState::load_blocks() {
  return each_row(database->block, "reading counts of tables",
                  [this](std::string_view key, std::string_view value) -> model::Result<void> {
                    const auto block = block_head(key);
                    const auto count = stored_block(value);
                    if (!block || !count) return bad_row("a count of tables");
                    blocks.emplace(*block, *count);
                    return {};
                  });
}

}  // namespace tideline::rocks
