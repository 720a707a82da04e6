#include "storage/series/export_about.h"

#include <array>
#include <limits>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "messages/model/json_text.h"
#include "messages/model/report.h"
#include "storage/columns/archive.h"
#include "storage/columns/chunk.h"
#include "storage/store/limits.h"

namespace tideline::series {
namespace {

using nlohmann::json;

constexpr std::string_view kExportMark = "history";
/// The object, its list of pods, one of them; what a newer writer puts below may be a little deeper.
constexpr std::size_t kMaxAboutDepth = 8;
constexpr std::size_t kMaxPodUidBytes = 253;  // as validate(Report) has it
constexpr std::size_t kMaxShownAboutBytes = 80;

/// A pod as it stands there.
struct ListedPod {
  std::string node;
  std::string uid;
  std::string name_space;
  std::string name;
  std::string workload;
  std::string qos;
  std::optional<std::int64_t> first;
  std::optional<std::int64_t> last;
};

/// "" or what is wrong with it.
std::string fault_of_listed(const ListedPod& pod) {
  if (pod.node.empty() || pod.node.size() > store::kMaxNodeNameBytes || pod.node.find('/') != std::string::npos) {
    return fmt::format("node: '{}' is no name of a node", model::printable(pod.node, kMaxShownAboutBytes));
  }
  if (pod.uid.empty() || pod.uid.size() > kMaxPodUidBytes) {
    return fmt::format("uid: it has {} bytes, not 1 to {}", pod.uid.size(), kMaxPodUidBytes);
  }
  for (const std::string* text : {&pod.name_space, &pod.name, &pod.workload}) {
    if (text->size() > model::ReportLimits::kMaxTextBytes) {
      return fmt::format("a name of {} bytes, more than {}", text->size(), model::ReportLimits::kMaxTextBytes);
    }
  }
  if (!model::qos_class_from(pod.qos)) {
    return fmt::format("qos: '{}' is none", model::printable(pod.qos, kMaxShownAboutBytes));
  }
  constexpr std::int64_t kMost = columns::ChunkLimits::kMaxValue;
  if (!pod.first || !pod.last || *pod.first < -kMost || *pod.last > kMost || *pod.first > *pod.last) {
    return "first and last are no times, the one not after the other";
  }
  return {};
}

/// Takes one pod at a time, and no tree of all of them: 64 MiB of text would take gigabytes as one.
class AboutReader final : public nlohmann::json_sax<json> {
 public:
  bool null() override { return other(); }
  bool boolean(bool /*value*/) override { return other(); }
  bool number_integer(number_integer_t value) override { return number(value); }
  bool number_unsigned(number_unsigned_t value) override {
    constexpr auto kMost = static_cast<number_unsigned_t>(std::numeric_limits<std::int64_t>::max());
    return value > kMost ? other() : number(static_cast<std::int64_t>(value));
  }
  bool number_float(number_float_t /*value*/, const string_t& /*spelling*/) override { return other(); }
  bool string(string_t& value) override {
    std::string* const place = is_of_root() ? root_text() : is_of_pod() ? pod_text() : nullptr;
    if (place != nullptr) *place = std::move(value);
    return place != nullptr || other();
  }
  bool binary(binary_t& /*value*/) override { return fail("binary values are not JSON"); }
  bool key(string_t& name) override {
    if (is_of_root() || is_of_pod()) key_ = std::move(name);
    return true;
  }
  bool start_object(std::size_t /*count*/) override {
    if (depth_ == 2 && in_pods_) pod_ = {};
    return deeper();
  }
  bool end_object() override {
    --depth_;
    return depth_ != 2 || !in_pods_ || take_pod();
  }
  bool start_array(std::size_t /*count*/) override {
    if (depth_ == 2 && in_pods_) return fail("pods: a list is no pod");
    if (depth_ == 1) in_pods_ = key_ == "pods";
    return deeper();
  }
  bool end_array() override {
    --depth_;
    if (depth_ == 1) in_pods_ = false;
    return true;
  }
  bool parse_error(std::size_t position, const std::string& /*token*/, const json::exception& /*error*/) override {
    return fail(fmt::format("not JSON at byte {}", position));
  }

  bool is_export() const { return mark_ == kExportMark; }
  const std::optional<std::int64_t>& version() const { return version_; }
  model::Result<ExportAbout> take() && {
    const auto tier = tier_from(std::string_view(tier_));
    if (!tier) fail(fmt::format("tier: '{}' is none", model::printable(tier_, kMaxShownAboutBytes)));
    if (!from_ || !to_ || *from_ > *to_) fail("from and to are no times, the one not after the other");
    if (!why_.empty()) return model::Error(model::ErrorCode::kMalformed, std::move(why_));
    about_.tier = *tier;
    about_.from_s = *from_;
    about_.to_s = *to_;
    return std::move(about_);
  }
  const std::string& reason() const { return why_; }

 private:
  bool fail(std::string why) {
    if (why_.empty()) why_ = std::move(why);
    return false;
  }
  bool is_of_root() const { return depth_ == 1; }
  bool is_of_pod() const { return depth_ == 3 && in_pods_; }

  bool deeper() {
    if (depth_ >= kMaxAboutDepth) return fail(fmt::format("nested deeper than {} levels", kMaxAboutDepth));
    ++depth_;
    return true;
  }
  /// A value of a kind that nothing here has: of a key that is unknown, or it will be missed.
  bool other() { return depth_ != 2 || !in_pods_ || fail("pods: a value is no pod"); }
  bool number(std::int64_t value) {
    std::optional<std::int64_t>* const place = is_of_root() ? root_number() : is_of_pod() ? pod_number() : nullptr;
    if (place != nullptr) *place = value;
    return place != nullptr || other();
  }

  std::string* root_text() { return key_ == "tideline" ? &mark_ : key_ == "tier" ? &tier_ : nullptr; }
  std::optional<std::int64_t>* root_number() {
    return key_ == "version" ? &version_ : key_ == "from" ? &from_ : key_ == "to" ? &to_ : nullptr;
  }
  std::string* pod_text() {
    const std::array places{std::pair(std::string_view("node"), &pod_.node),
                            std::pair(std::string_view("uid"), &pod_.uid),
                            std::pair(std::string_view("namespace"), &pod_.name_space),
                            std::pair(std::string_view("name"), &pod_.name),
                            std::pair(std::string_view("workload"), &pod_.workload),
                            std::pair(std::string_view("qos"), &pod_.qos)};
    for (const auto& [name, place] : places) {
      if (key_ == name) return place;
    }
    return nullptr;
  }
  std::optional<std::int64_t>* pod_number() {
    return key_ == "first" ? &pod_.first : key_ == "last" ? &pod_.last : nullptr;
  }

  bool take_pod() {
    ++count_;
    if (const std::string fault = fault_of_listed(pod_); !fault.empty()) {
      return fail(fmt::format("pods: number {}: {}", count_, fault));
    }
    about_.pods[model::NodeName(std::move(pod_.node))].push_back({.uid = model::PodUid(std::move(pod_.uid)),
                                                                  .name_space = std::move(pod_.name_space),
                                                                  .name = std::move(pod_.name),
                                                                  .workload = std::move(pod_.workload),
                                                                  .qos = *model::qos_class_from(pod_.qos),
                                                                  .first_s = *pod_.first,
                                                                  .last_s = *pod_.last});
    return true;
  }

  std::size_t depth_ = 0;  // objects and lists that are open
  bool in_pods_ = false;   // within the root's list of that name
  std::string key_;        // the last of the root or of a pod
  ListedPod pod_;
  std::uint64_t count_ = 0;
  std::string mark_;
  std::string tier_;
  std::optional<std::int64_t> version_;
  std::optional<std::int64_t> from_;
  std::optional<std::int64_t> to_;
  ExportAbout about_;
  std::string why_;
};

}  // namespace

ExportAboutText::ExportAboutText(Tier tier, std::int64_t from_s, std::int64_t to_s)
    : text_(fmt::format(R"({{"tideline":"{}","version":{},"tier":"{}","from":{},"to":{},"pods":[)", kExportMark,
                        kExportVersion, name_of(tier), from_s, to_s)) {}

model::Result<void> ExportAboutText::add(const model::NodeName& node, const PodInfo& pod) {
  nlohmann::ordered_json listed;
  listed["node"] = node.str();
  listed["uid"] = pod.uid.str();
  listed["namespace"] = pod.name_space;
  listed["name"] = pod.name;
  listed["workload"] = pod.workload;
  listed["qos"] = std::string(model::name_of(pod.qos));
  listed["first"] = pod.first_s;
  listed["last"] = pod.last_s;
  const std::string entry = listed.dump(-1, ' ', false, json::error_handler_t::replace);
  constexpr std::size_t kMost = columns::kMaxLargeAboutBytes;
  // Besides it a comma, and what finish() adds.
  if (text_.size() + entry.size() + 3 > kMost) {
    return model::Error(model::ErrorCode::kOverloaded,
                        fmt::format("export: the pods of the nodes up to {} take more than {} MiB to describe: export "
                                    "fewer nodes, a shorter range, or no pods",
                                    node.str(), kMost >> 20));
  }
  if (!first_) text_.push_back(',');
  first_ = false;
  text_ += entry;
  return {};
}

std::string ExportAboutText::finish() && {
  text_ += "]}";
  return std::move(text_);
}

model::Result<ExportAbout> parse_export_about(std::string_view about) {
  const auto bad = [](std::string_view why) {
    return model::Error(model::ErrorCode::kMalformed, fmt::format("archive: its description: {}", why));
  };
  // The parser would take a NUL for the end of the text and leave the rest unread.
  if (about.find('\0') != std::string_view::npos) return bad("it has a NUL");
  AboutReader reader;
  const bool complete = json::sax_parse(about, &reader);
  if (!reader.is_export()) {
    return model::invalid(fmt::format("archive: it is no export of history; it says of itself: {}",
                                      model::printable(about, kMaxShownAboutBytes)));
  }
  if (const auto& version = reader.version(); version && *version > kExportVersion) {
    return model::Error(
        model::ErrorCode::kUnsupported,
        fmt::format("archive: it is an export of version {}, this build reads up to {}", *version, kExportVersion));
  }
  if (const auto& version = reader.version(); !version || *version < 1) return bad("it has no version");
  if (!complete) return bad(reader.reason().empty() ? "not JSON" : reader.reason());
  auto taken = std::move(reader).take();
  if (!taken) return taken.error().in("archive: its description");
  return taken;
}

}  // namespace tideline::series
