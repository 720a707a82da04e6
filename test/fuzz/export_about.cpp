// What an archive of history says of itself, and the names of its series, from anyone: whatever they are, the answer is
// a value that holds or an Error, and what was accepted is written and read back the same.
//
// An input's first byte says what the others are, modulo kWays: a description, or a name.

#include "storage/series/export_about.h"

#include <algorithm>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "storage/series/export.h"
#include "test/fuzz/damage.h"
#include "test/fuzz/fuzz_target.h"

namespace tideline::fuzz {
namespace {

using series::ExportAbout;

enum class Way : std::uint8_t { kAbout, kName };
constexpr std::uint8_t kWays = 2;

void check_refusal(const model::Error& error) {
  require(error.message().size() <= 1024, "a refusal does not repeat what it refuses");
  require(std::none_of(error.message().begin(), error.message().end(),
                       [](unsigned char c) { return c < 0x20 || c == 0x7f; }),
          "a refusal holds no control characters");
}

std::string text_of(const ExportAbout& about) {
  series::ExportAboutText text(about.tier, about.from_s, about.to_s);
  for (const auto& [node, pods] : about.pods) {
    for (const auto& pod : pods)
      require(text.add(node, pod).ok(), "what is read has room where it is written");
  }
  return std::move(text).finish();
}

bool about_holds(std::string_view bytes) {
  const auto about = series::parse_export_about(bytes);
  if (!about) {
    check_refusal(about.error());
    return false;
  }
  require(about->from_s <= about->to_s, "its range is one");
  const auto again = series::parse_export_about(text_of(*about));
  require(again.ok(), "what is read can be written");
  require(again->tier == about->tier && again->from_s == about->from_s && again->to_s == about->to_s &&
              again->pods == about->pods,
          "a description is read the same when it is written again");
  return true;
}

bool name_holds(std::string_view bytes) {
  const auto parsed = series::parse_archive_name(bytes);
  if (!parsed) {
    check_refusal(parsed.error());
    return false;
  }
  const auto name = series::archive_name(parsed->node, parsed->subject);
  if (!name) {
    check_refusal(name.error());
    require(bytes.size() > columns::ChunkLimits::kMaxName, "a name that has room is one");
    return false;
  }
  require(*name == bytes, "a name is written as it was read");
  return true;
}

Bytes input_of(Way way, std::string_view bytes) {
  // Not insert() behind the first: GCC 12 believes that it writes beyond the one byte.
  Bytes input(1 + bytes.size(), static_cast<std::uint8_t>(way));
  std::copy(bytes.begin(), bytes.end(), input.begin() + 1);
  return input;
}

}  // namespace

std::vector<Bytes> corpus(std::mt19937_64& random) {
  std::vector<Bytes> sound;
  for (std::size_t pods : {0, 1, 3, 20}) {
    ExportAbout about{.tier = series::Tier::kQuarterHour, .from_s = 1'764'547'200, .to_s = 1'764'633'600, .pods = {}};
    for (; pods > 0; --pods) {
      const std::string number = std::to_string(random() % 1000);
      about.pods[model::NodeName("n" + std::to_string(random() % 3))].push_back(
          {.uid = model::PodUid("uid-" + number),
           .name_space = "shop",
           .name = "web-\"\xC3\xA4\"-" + number,
           .workload = random() % 2 == 0 ? "Deployment/web" : "",
           .qos = static_cast<model::QosClass>(random() % 5),
           .first_s = 1'764'547'200,
           .last_s = 1'764'547'200 + static_cast<std::int64_t>(random() % 86'400)});
    }
    sound.push_back(input_of(Way::kAbout, text_of(about)));
  }
  for (const char* name : {"n1", "n1.zone-a", "n1/pod/2f1c-77", "n1/pod/a/b", "n1/workload/shop/Deployment/web"})
    sound.push_back(input_of(Way::kName, name));
  return sound;
}

void damage(Bytes& bytes, std::mt19937_64& random) {
  damage_text(bytes, random);
}

/// A pod of some fifty bytes of text is several strings and its place among the others.
std::size_t heap_bound(std::size_t size) {
  return (std::size_t{1} << 20) + 64 * size;
}

}  // namespace tideline::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace fuzz = tideline::fuzz;
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const bool is_about = static_cast<fuzz::Way>(*data % fuzz::kWays) == fuzz::Way::kAbout;
  fuzz::accepted += (is_about ? fuzz::about_holds(bytes) : fuzz::name_holds(bytes)) ? 1 : 0;
  return 0;
}
