#pragma once
// Reads one session's reports, which may leave their pods out. For this room's sources only.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "messages/model/report.h"
#include "messages/model/result.h"
#include "messages/schema/link.capnp.h"

namespace tideline::link {

class ReportReader {
 public:
  struct Read {
    std::shared_ptr<const model::Report> report;
    std::vector<std::byte> bytes;  // as ArrivedReport has them
    std::uint64_t pods_left_out = 0;
  };
  /// A report that is read is the newest of the session: the next may leave out its pods. `draw`: a number for a list
  /// of pods that no other has, ever. kMalformed beyond ReportLimits; other errors as codec::read has them.
  model::Result<Read> read(schema::NodeSession::ReportParams::Reader params,
                           const std::function<std::uint64_t()>& draw);

 private:
  std::uint64_t named_ = 0;  // what the node calls the list of pods_; 0 = no list
  std::uint64_t drawn_ = 0;  // what history does
  model::SharedPods pods_;   // of the newest report that had its pods, and of all since
};

}  // namespace tideline::link
