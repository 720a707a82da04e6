// Arguments of every method of the admin API from anyone who may call it: whatever they are, the answer is a question
// that the backend may be asked, or an Error.
//
// An input is a word, whose first byte is the method's ordinal, and then the arguments, one flat Cap'n Proto message.

#include <algorithm>
#include <array>
#include <cstring>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include <capnp/message.h>
#include <capnp/schema.h>
#include <capnp/serialize.h>

#include "coordinator/admin/convert.h"
#include "coordinator/admin/server.h"
#include "messages/codec/wire.h"
#include "test/fuzz/damage.h"
#include "test/fuzz/fuzz_target.h"

namespace tideline::fuzz {
namespace {

using admin::AdminLimits;
using Words = kj::ArrayPtr<const capnp::word>;

constexpr std::size_t kHeadBytes = sizeof(capnp::word);
constexpr std::size_t kMaxNameBytes = 253;

const admin::Caller& caller() {
  static const admin::Caller ann{{link::Role::kOperator, "ann"}, "127.0.0.1:40112"};
  return ann;
}

/// As the server's connections read.
capnp::ReaderOptions reader_options() {
  static const link::RpcLimits limits = admin::AdminServerConfig{}.rpc;
  capnp::ReaderOptions options;
  options.traversalLimitInWords = limits.traversal_words;
  options.nestingLimit = limits.nesting;
  return options;
}

const std::set<model::Metric>& known_metrics() {
  static const std::set<model::Metric> known(model::all_metrics().begin(), model::all_metrics().end());
  return known;
}

void check(const model::NodeName& name) {
  require(name.str().size() <= kMaxNameBytes, "a node's name is within its bound");
}

void check_one(const model::NodeName& name) {
  require(!name.empty(), "one node is named");
  check(name);
}

void check(const admin::HistoryQuery& query) {
  check_one(query.node);
  const std::set<model::Metric> metrics(query.metrics.begin(), query.metrics.end());
  require(!metrics.empty() && query.metrics.size() <= AdminLimits::kMaxMetrics, "metrics are within their bound");
  require(metrics.size() == query.metrics.size(), "a metric is asked for once");
  require(std::includes(known_metrics().begin(), known_metrics().end(), metrics.begin(), metrics.end()),
          "a metric is known");
  require(query.from < query.to, "a range has an instant in it");
  require(query.max_points >= 1 && query.max_points <= AdminLimits::kMaxPoints, "points are within their bound");
}

void check(const admin::EventsQuery& query) {
  check(query.node);
  require(query.from < query.to, "a range has an instant in it");
}

void check(const std::vector<admin::PolicyDocument>& documents) {
  require(!documents.empty() && documents.size() <= AdminLimits::kMaxDocuments, "documents are within their bound");
  std::size_t bytes = 0;
  for (const auto& document : documents) {
    require(document.key.size() <= AdminLimits::kMaxDocumentKeyBytes, "a document's key is within its bound");
    bytes += document.key.size() + document.json.size();
  }
  require(bytes <= AdminLimits::kMaxDocumentBytes, "documents have no more bytes than their bound");
}

void check(const admin::PolicyApplyCall& call) {
  check(call.documents);
}

void check(const admin::PolicyCheckCall& call) {
  check(call.documents);
  check(call.node);
}

void check(const admin::WatchCall& call) {
  check(call.node);
  require(call.seconds >= 1 && call.seconds <= AdminLimits::kMaxWatchSeconds, "a watch is within its bound");
}

void check(const admin::ExplainQuery& query) {
  check_one(query.node);
  require(!query.at || query.at->ms > 0, "an instant is after 1970");
  require(query.file_part.size() <= AdminLimits::kMaxFilePartBytes, "a part of a file's name is within its bound");
}

void check(const admin::ExplainReclaimedQuery& query) {
  check_one(query.node);
  require(!query.at || query.at->ms > 0, "an instant is after 1970");
}

void check(const admin::ClusterQuery& query) {
  using Limits = model::ClusterLimits;
  require(query.from < query.to, "a range has an instant in it");
  require(query.max_points >= 1 && query.max_points <= Limits::kMaxTrendPoints, "points are within their bound");
  require(query.labels.size() <= Limits::kMaxLabels, "labels are within their bound");
  const std::set<std::string> each(query.labels.begin(), query.labels.end());
  require(each.size() == query.labels.size(), "a label is named once");
  if (!query.trend_of) return;
  const auto& kept = model::kClusterLabels;
  require(std::find(kept.begin(), kept.end(), query.trend_of->label) != kept.end(), "history has trends by the label");
  check_one(model::NodeName(model::text_of(*query.trend_of)));
}

void check(const admin::HandsOffBeginCall& call) {
  check_one(call.node);
  require(model::validate(call.hands_off).ok(), "a hands-off is valid");
  require(call.hands_off.who == caller().identity.name, "a hands-off is its caller's");
}

void check(const admin::HandsOffEndCall& call) {
  check_one(call.node);
  require(call.group.size() <= model::HandsOffLimits::kMaxGroupBytes, "a group is within its bound");
}

void check(const admin::SeriesQuery& query) {
  const auto& question = query.question;
  require(series::check(question).ok(), "a question is by its rules");
  require(question.from_s >= 0, "a question's range is after 1970");
  const bool inside = query.page_from_s >= question.from_s && query.page_from_s < question.to_s;
  require(inside, "a page is in its question's range");
  require((query.page_from_s - question.from_s) % question.step_s == 0, "a page begins with a step");
  require(!query.label || question.nodes.empty(), "nodes are by name or by label");
  require(!query.label || !query.label->label.empty(), "a label has a key");
}

void check(const admin::HistoryPodsQuery& query) {
  check_one(query.node);
  require(query.from_s >= 0 && query.from_s < query.to_s && query.to_s <= AdminLimits::kMaxSeriesTime,
          "a range has an instant in it, before the year 10000");
}

void check(const admin::VerifyQuery& query) {
  require(query.from.size() <= AdminLimits::kMaxVerifyFromBytes, "where a slice begins is within its bound");
  require(query.bytes >= 1 && query.bytes <= AdminLimits::kMaxVerifyBytes, "a slice is within its bound");
}

template <class Params>
concept NeedsCaller = requires(typename Params::Reader in) {
  admin::read(in, caller());
};

template <class Params>
auto read_as(typename Params::Reader in) {
  if constexpr (NeedsCaller<Params>) {
    return admin::read(in, caller());
  } else {
    return admin::read(in);
  }
}

/// Whether the words hold arguments that are taken.
template <class Params>
bool holds_as(Words words) {
  using R = decltype(read_as<Params>(std::declval<typename Params::Reader>()));
  const auto value = codec::guarded("arguments", [&]() -> R {
    capnp::FlatArrayMessageReader message(words, reader_options());
    return read_as<Params>(message.getRoot<Params>());
  });
  if (!value) {
    require(value.error().message().size() <= 2048, "a refusal does not repeat the argument");
    return false;
  }
  check(*value);
  return true;
}

struct Method {
  std::string_view name;  // as admin.capnp has it
  bool (*holds)(Words) = nullptr;
};

using Admin = schema::Admin;
constexpr std::array<Method, 19> kMethods = {{
    {"node", holds_as<Admin::NodeParams>},
    {"pods", holds_as<Admin::PodsParams>},
    {"history", holds_as<Admin::HistoryParams>},
    {"events", holds_as<Admin::EventsParams>},
    {"policyGet", holds_as<Admin::PolicyGetParams>},
    {"policyApply", holds_as<Admin::PolicyApplyParams>},
    {"watch", holds_as<Admin::WatchParams>},
    {"explain", holds_as<Admin::ExplainParams>},
    {"handsOffBegin", holds_as<Admin::HandsOffBeginParams>},
    {"handsOffList", holds_as<Admin::HandsOffListParams>},
    {"handsOffEnd", holds_as<Admin::HandsOffEndParams>},
    {"release", holds_as<Admin::ReleaseParams>},
    {"resume", holds_as<Admin::ResumeParams>},
    {"policyCheck", holds_as<Admin::PolicyCheckParams>},
    {"explainReclaimed", holds_as<Admin::ExplainReclaimedParams>},
    {"cluster", holds_as<Admin::ClusterParams>},
    {"historyQuery", holds_as<Admin::HistoryQueryParams>},
    {"historyPods", holds_as<Admin::HistoryPodsParams>},
    {"historyVerify", holds_as<Admin::HistoryVerifyParams>},
}};

/// By ordinal; null where there are no arguments. A method of the schema that is missing above ends the process.
const std::vector<Method>& methods() {
  static const std::vector<Method> all = [] {
    std::vector<Method> found;
    for (const auto method : capnp::Schema::from<Admin>().getMethods()) {
      const std::string_view name = method.getProto().getName().cStr();
      const auto* const known =
          std::find_if(kMethods.begin(), kMethods.end(), [&](const Method& each) { return each.name == name; });
      const bool listed = known != kMethods.end();
      require(listed || method.getParamType().getFields().size() == 0, "each method with arguments is fuzzed");
      found.push_back(listed ? *known : Method{name, nullptr});
    }
    return found;
  }();
  return all;
}

/// A request of one method whose arguments `fill` filled in.
template <class Params, class Fill>
Bytes request(std::string_view name, const Fill& fill) {
  const auto method =
      std::find_if(methods().begin(), methods().end(), [&](const Method& each) { return each.name == name; });
  Bytes bytes(kHeadBytes);
  bytes.front() = static_cast<std::uint8_t>(method - methods().begin());
  capnp::MallocMessageBuilder message;
  auto root = message.initRoot<Params>();
  fill(root);
  const auto words = capnp::messageToFlatArray(message);
  bytes.insert(bytes.end(), words.asBytes().begin(), words.asBytes().end());
  return bytes;
}

}  // namespace

std::vector<Bytes> corpus(std::mt19937_64& /*random*/) {
  const auto named = [](auto in) { in.setNode("web-1"); };
  std::vector<Bytes> sound;
  sound.push_back(request<Admin::NodeParams>("node", [](auto in) { in.setName("web-1"); }));
  sound.push_back(request<Admin::PodsParams>("pods", named));
  for (const unsigned metrics : {1u, 12u}) {
    sound.push_back(request<Admin::HistoryParams>("history", [&](auto in) {
      auto query = in.initQuery();
      query.setNode("web-1");
      auto list = query.initMetrics(metrics);
      for (unsigned i = 0; i < metrics; ++i)
        list.set(i, static_cast<std::uint16_t>(model::all_metrics()[i]));
      query.setFromMs(1'717'000'000'000);
      query.setToMs(1'717'000'600'000);
      query.setMaxPoints(600);
    }));
  }
  sound.push_back(request<Admin::EventsParams>("events", [](auto in) {
    in.setNode("web-1");
    in.setFromMs(1'717'000'000'000);
    in.setToMs(1'717'000'600'000);
  }));
  sound.push_back(request<Admin::PolicyGetParams>("policyGet", named));
  for (const std::size_t bytes : {2u, 50'000u}) {
    sound.push_back(request<Admin::PolicyApplyParams>("policyApply", [&](auto in) {
      auto documents = in.initDocuments(2);
      documents[0].setKey("colocation-config");
      documents[0].setJson(std::string(bytes, ' ').c_str());
      documents[1].setKey("configmap.json");
      documents[1].setJson(R"({"data": {}})");
      in.setDryRun(true);
    }));
  }
  sound.push_back(request<Admin::WatchParams>("watch", [](auto in) {
    in.setNode("web-1");
    in.setSeconds(60);
  }));
  sound.push_back(request<Admin::ExplainParams>("explain", [](auto in) {
    in.setNode("web-1");
    in.setAtMs(1'717'000'000'000);
    in.setFile("cpu.max");
  }));
  sound.push_back(request<Admin::HandsOffBeginParams>("handsOffBegin", [](auto in) {
    in.setNode("web-1");
    in.setGroup("kubepods/besteffort");
    in.setForMs(7'200'000);
    in.setReason("tuning by hand");
  }));
  sound.push_back(request<Admin::HandsOffListParams>("handsOffList", named));
  sound.push_back(request<Admin::HandsOffEndParams>("handsOffEnd", [](auto in) {
    in.setNode("web-1");
    in.setGroup("kubepods/besteffort");
  }));
  sound.push_back(request<Admin::ReleaseParams>("release", [](auto in) {
    in.setNode("web-1");
    in.setReason("kernel debugging");
  }));
  sound.push_back(request<Admin::ResumeParams>("resume", named));
  sound.push_back(request<Admin::PolicyCheckParams>("policyCheck", [](auto in) {
    auto documents = in.initDocuments(1);
    documents[0].setKey("colocation-config");
    documents[0].setJson(R"({"enable": true})");
    in.setNode("web-1");
  }));
  sound.push_back(request<Admin::ExplainReclaimedParams>("explainReclaimed", [](auto in) {
    in.setNode("web-1");
    in.setAtMs(1'717'000'000'000);
  }));
  sound.push_back(request<Admin::ClusterParams>("cluster", [](auto in) {
    in.setFromMs(1'717'000'000'000);
    in.setToMs(1'717'000'600'000);
    in.setMaxPoints(60);
    auto by = in.initBy(2);
    by.set(0, "topology.kubernetes.io/zone");
    by.set(1, "pool");
    in.setTrendOf("topology.kubernetes.io/zone=eu-1a");
  }));
  for (const bool by_label : {false, true}) {
    sound.push_back(request<Admin::HistoryQueryParams>("historyQuery", [&](auto in) {
      auto question = in.initQuestion();
      question.setKind(1);
      if (by_label) {
        question.setLabel("pool=web");
      } else {
        auto nodes = question.initNodes(2);
        nodes.set(0, "web-2");
        nodes.set(1, "web-1");
      }
      auto fields = question.initFields(2);
      fields.set(0, static_cast<std::uint16_t>(series::Field::kPodCpu));
      fields.set(1, static_cast<std::uint16_t>(series::Field::kPodMemory));
      question.setFromS(1'717'000'200);
      question.setToS(1'717'003'800);
      question.setStepS(900);
      question.setAggregate(3);
      question.setQuantile(0.95);
      question.setAcross(5);
      in.setPageFromS(1'717'001'100);
    }));
  }
  sound.push_back(request<Admin::HistoryPodsParams>("historyPods", [](auto in) {
    in.setNode("web-1");
    in.setFromS(1'717'000'000);
    in.setToS(1'717'000'600);
  }));
  sound.push_back(request<Admin::HistoryVerifyParams>("historyVerify", [](auto in) {
    in.setFrom("report 00ff");
    in.setBytes(1 << 20);
  }));
  return sound;
}

void damage(Bytes& bytes, std::mt19937_64& random) {
  damage_words(bytes, random);
}

/// Documents may share one text up to their bound, and nodes one name.
std::size_t heap_bound(std::size_t size) {
  return 8 * AdminLimits::kMaxDocumentBytes + 4 * size;
}

}  // namespace tideline::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace fuzz = tideline::fuzz;
  if (size < fuzz::kHeadBytes + sizeof(capnp::word)) return 0;
  const auto& methods = fuzz::methods();
  const fuzz::Method& method = methods[data[0] % methods.size()];
  if (method.holds == nullptr) return 0;
  const std::size_t count = (size - fuzz::kHeadBytes) / sizeof(capnp::word);
  auto words = kj::heapArray<capnp::word>(count);
  std::memcpy(words.asBytes().begin(), data + fuzz::kHeadBytes, count * sizeof(capnp::word));
  if (method.holds(words)) ++fuzz::accepted;
  return 0;
}
