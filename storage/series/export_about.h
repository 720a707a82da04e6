#pragma once
// What an archive of history says of itself (docs/archive-format.md), as JSON.

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "messages/model/ids.h"
#include "messages/model/result.h"
#include "storage/series/table.h"

namespace tideline::series {

inline constexpr std::uint32_t kExportVersion = 1;

struct ExportAbout {
  Tier tier = Tier::kMinute;
  std::int64_t from_s = 0;  // s since the epoch: rows lie in [from_s, to_s)
  std::int64_t to_s = 0;
  std::map<model::NodeName, std::vector<PodInfo>> pods;
};

/// Holds no more than its text.
class ExportAboutText {
 public:
  ExportAboutText(Tier tier, std::int64_t from_s, std::int64_t to_s);
  /// kOverloaded, naming the node, where the text would be larger than an archive takes. Bytes of names that are no
  /// UTF-8 are replaced.
  model::Result<void> add(const model::NodeName& node, const PodInfo& pod);
  std::string finish() &&;

 private:
  std::string text_;
  bool first_ = true;
};

/// kInvalidArgument for a JSON object that tells of no export of history, kUnsupported with both versions for a newer
/// one, kMalformed names what is wrong in one. Passes over keys that it does not know.
model::Result<ExportAbout> parse_export_about(std::string_view about);

}  // namespace tideline::series
