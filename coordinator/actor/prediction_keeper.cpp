#include "coordinator/actor/prediction_keeper.h"

#include <utility>

#include <fmt/format.h>

#include "messages/log/log.h"
#include "storage/store/limits.h"

namespace tideline::coordinator {

using profile::ProfileBook;

static_assert(ProfileBook::kMaxSliceBytes <= store::kMaxSettingValueBytes, "a slice must fit a setting");

std::string prediction_setting(std::size_t slice) {
  return fmt::format("prediction/{}", slice);
}

model::Result<ProfileBook> remembered_predictions(const store::HistoryStore& store, const fleet::Arrival& now) {
  ProfileBook book;
  for (std::size_t slice = 0; slice < ProfileBook::kSlices; ++slice) {
    const auto key = prediction_setting(slice);
    const auto bytes = store.setting(key);
    if (!bytes) return bytes.error().in("reading what predictions rest on");
    if (!*bytes) continue;
    const auto read = book.read(**bytes, now.mono, now.wall);
    if (!read) log::warn("prediction-memory", "{}: {}; its nodes are learnt anew", key, read.error().message());
  }
  return book;
}

PredictionKeeper::PredictionKeeper(const ProfileBook& book) {
  for (std::size_t slice = 0; slice < ProfileBook::kSlices; ++slice)
    stored_[slice] = !book.is_empty(slice);
}

std::optional<KeepSetting> PredictionKeeper::next(ProfileBook& book, const fleet::Arrival& now) {
  const std::size_t slice = slice_;
  slice_ = (slice_ + 1) % ProfileBook::kSlices;
  auto written = book.write(slice, now.mono, now.wall);
  if (written.left_out > 0) {
    log::warn("prediction-memory", "{}: no room for {} nodes, which a restart would learn anew",
              prediction_setting(slice), written.left_out);
  }
  const bool has_nodes = !written.bytes.empty();
  if (!has_nodes && !stored_[slice]) return std::nullopt;
  stored_[slice] = has_nodes;
  return KeepSetting{prediction_setting(slice), std::move(written.bytes)};
}

}  // namespace tideline::coordinator
