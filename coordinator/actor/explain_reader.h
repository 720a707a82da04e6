#pragma once
// Reads what an explanation of one node is folded from, newest first and no further back than its bounds let it.

#include <cstddef>
#include <functional>

#include "coordinator/admin/backend.h"
#include "storage/store/history_store.h"

namespace tideline::coordinator {

/// What one explanation may cost; beyond any of them it is cut and says so.
struct ExplainBounds {
  std::size_t events = 200'000;
  std::size_t pages = 512;
  model::Duration time = std::chrono::seconds(3);
};

/// Errors: those of the store. `mono_now` is asked between pages.
model::Result<admin::Explanation> explain(const store::HistoryStore& store, const admin::ExplainQuery& query,
                                          model::WallTime now, const ExplainBounds& bounds,
                                          const std::function<model::MonoTime()>& mono_now);

}  // namespace tideline::coordinator
