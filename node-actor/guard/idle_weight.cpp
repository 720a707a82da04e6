#include "node-actor/guard/idle_weight.h"

#include <array>
#include <filesystem>
#include <utility>

namespace tideline::guard {
namespace {

struct Spelling {
  const char* file;
  const char* of_idle;
  const char* by_default;
};
/// scheduler weight 3 of an idle group and 1024 as shares (v1), and as hundredths of the default (v2).
constexpr std::array<Spelling, 2> kSpellings = {{{.file = "cpu.shares", .of_idle = "3", .by_default = "1024"},
                                                 {.file = "cpu.weight", .of_idle = "0", .by_default = "100"}}};

}  // namespace

std::optional<IdleWeight> weight_taken_by(const kernel::FileIdentity& file, const std::string& value) {
  const std::filesystem::path path(file.path);
  if (path.filename() != "cpu.idle") return std::nullopt;
  for (const auto& spelling : kSpellings) {
    auto beside = (path.parent_path() / spelling.file).string();
    auto current = kernel::read_file(beside);
    if (!current) continue;
    return IdleWeight{.file = {.path = std::move(beside), .device = file.device, .inode = file.inode},
                      .current = std::move(*current),
                      .next = value == "1" ? spelling.of_idle : spelling.by_default};
  }
  return std::nullopt;
}

}  // namespace tideline::guard
