// What an API server sends in answer to a list or a watch: whatever it is, the answer is a page or events that hold, or
// one Error that is short.
//
// An input's first byte says how: 'l' and a page of a list; otherwise the size of the pieces in which the lines of a
// watch come.

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "k8s-bridge/api/line_splitter.h"
#include "k8s-bridge/api/wire.h"
#include "test/fuzz/damage.h"
#include "test/fuzz/fuzz_target.h"

namespace tideline::fuzz {
namespace {

using k8s_api::LineSplitter;
using k8s_api::WatchEvent;
using k8s_api::WireLimits;

constexpr char kList = 'l';
constexpr std::size_t kMaxBytes = 1 << 20;
constexpr std::size_t kMaxLineBytes = 4096;

void check_refusal(const model::Error& error) {
  require(error.message().size() <= 2048, "a refusal does not repeat what it refuses");
  require(std::none_of(error.message().begin(), error.message().end(),
                       [](unsigned char c) { return c < 0x20 || c == 0x7f; }),
          "a refusal holds no control characters");
}

void check_version(const std::string& version) {
  require(!version.empty() && version.size() <= WireLimits::kMaxVersionBytes,
          "a version is there and within its bound");
}

bool page_holds(std::string_view text) {
  const auto page = k8s_api::parse_list_page(text, kMaxBytes);
  if (!page) {
    check_refusal(page.error());
    return false;
  }
  check_version(page->resource_version);
  require(page->continue_token.size() <= WireLimits::kMaxContinueBytes, "a token is within its bound");
  require(page->items.is_array(), "items are a list");
  for (const auto& item : page->items)
    require(item.is_object(), "an item is an object");
  return true;
}

bool line_holds(std::string_view line) {
  require(!line.empty() && line.size() <= kMaxLineBytes && line.find('\n') == std::string_view::npos,
          "a line is one, and within its bound");
  const auto event = k8s_api::parse_watch_event(line, kMaxLineBytes);
  if (!event) {
    check_refusal(event.error());
    return false;
  }
  require(event->object.is_object(), "an event's object is one");
  if (event->kind != WatchEvent::Kind::kError) {
    check_version(event->resource_version);
    return true;
  }
  if (const auto status = k8s_api::api_status(event->object)) {
    require(k8s_api::describe(*status).size() <= 512, "what a status says is short");
  }
  return true;
}

Bytes bytes_of(char first, std::string_view text) {
  // Not insert() behind the first: GCC 12 believes that it writes beyond the one byte.
  Bytes bytes(1 + text.size(), static_cast<std::uint8_t>(first));
  std::copy(text.begin(), text.end(), bytes.begin() + 1);
  return bytes;
}

}  // namespace

std::vector<Bytes> corpus(std::mt19937_64& random) {
  const std::string pod =
      R"({"kind":"Pod","metadata":{"name":"web-1","namespace":"shop","uid":"6f1","resourceVersion":"812",)"
      R"("labels":{"koordinator.sh/qosClass":"LS"},"managedFields":[{"fieldsV1":{"f:spec":{"f:a":{}}}}]},)"
      R"("spec":{"nodeName":"n1","containers":[{"resources":{"requests":{"cpu":"500m"}}}]}})";
  const std::string status =
      R"|({"kind":"Status","code":410,"reason":"Expired","message":"too old resource version: 1 (2)"})|";
  const auto event = [](const std::string& type, const std::string& object) {
    return R"({"type":")" + type + R"(","object":)" + object + "}\n";
  };
  std::vector<Bytes> sound;
  sound.push_back(bytes_of(kList, R"({"metadata":{"resourceVersion":"10"},"items":[]})"));
  sound.push_back(bytes_of(
      kList,
      R"({"kind":"PodList","metadata":{"resourceVersion":"10","continue":"abc"},"items":[)" + pod + "," + pod + "]}"));
  for (const char* type : {"ADDED", "MODIFIED", "DELETED"})
    sound.push_back(bytes_of(static_cast<char>(1 + random() % 100), event(type, pod)));
  const std::string bookmark = event("BOOKMARK", R"({"metadata":{"resourceVersion":"99"}})");
  sound.push_back(bytes_of('\x01', event("ADDED", pod) + bookmark + "\n" + event("ERROR", status)));
  return sound;
}

void damage(Bytes& bytes, std::mt19937_64& random) {
  damage_text(bytes, random);
}

/// Two bytes of JSON may be a value of sixteen, in a list with twice the room it needs.
std::size_t heap_bound(std::size_t size) {
  return (std::size_t{16} << 20) + 128 * size;
}

}  // namespace tideline::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace fuzz = tideline::fuzz;
  if (size == 0) return 0;
  const char first = static_cast<char>(*data);
  std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  bool taken = false;
  if (first == fuzz::kList) {
    taken = fuzz::page_holds(text);
  } else {
    fuzz::LineSplitter lines(fuzz::kMaxLineBytes);
    const std::size_t piece = std::max<std::size_t>(*data, 1);
    while (!text.empty()) {
      const auto outcome = lines.push(text.substr(0, piece), [&taken](std::string_view line) {
        const bool holds = fuzz::line_holds(line);
        taken = taken || holds;
        return holds;
      });
      if (outcome != fuzz::LineSplitter::Outcome::kMore) break;
      text.remove_prefix(std::min(piece, text.size()));
    }
  }
  fuzz::accepted += taken ? 1 : 0;
  return 0;
}
