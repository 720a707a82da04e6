#pragma once
// What is told and asked about history in tiers. A question carries its own answer.

#include <memory>
#include <vector>

#include <caf/all.hpp>

#include "coordinator/admin/backend.h"

namespace tideline::coordinator {

class PageReading;

// -- timers of the keeper
struct FoldTick {};
struct FoldRest {};
struct DropTablesTick {};
struct DropTablesRest {};

// -- admin -> fleet
/// The nodes that tell of this label now, by name; those without it where its value is empty.
struct AskLabelled {
  model::ClusterPart label;
  admin::Reply<std::vector<model::NodeName>> reply;
};

// -- admin -> series
/// With a label its nodes are filled in: those of them that history does not know are left out.
struct AskSeries {
  admin::SeriesQuery query;
  admin::Reply<admin::SeriesPage> reply;
};
struct AskHistoryPods {
  admin::HistoryPodsQuery query;
  admin::Reply<std::vector<series::PodInfo>> reply;
};
struct AskHistoryState {
  admin::Reply<admin::HistoryState> reply;
};
struct AskVerify {
  admin::VerifyQuery query;
  admin::Reply<series::VerifySlice> reply;
};
/// From the reader to itself: a page that is not read to its end.
struct PageRest {
  std::shared_ptr<PageReading> page;
  admin::Reply<admin::SeriesPage> reply;
};

// -- admin -> backup
/// Asked by whoever entered the BackupDoor.
struct AskBackup {
  admin::Caller caller;
  admin::Reply<admin::BackupMade> reply;
};

}  // namespace tideline::coordinator

// These messages never leave the process.
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tideline::coordinator::FoldTick)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tideline::coordinator::FoldRest)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tideline::coordinator::DropTablesTick)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tideline::coordinator::DropTablesRest)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tideline::coordinator::AskLabelled)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tideline::coordinator::AskSeries)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tideline::coordinator::AskHistoryPods)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tideline::coordinator::AskHistoryState)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tideline::coordinator::AskVerify)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tideline::coordinator::PageRest)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tideline::coordinator::AskBackup)
