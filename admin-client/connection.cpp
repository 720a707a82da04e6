#include "admin-client/connection.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <kj/async-io.h>

#include "admin-client/read.h"
#include "messages/codec/kj_text.h"
#include "messages/codec/wire.h"
#include "messages/link/kj_rpc.h"
#include "messages/link/kj_tls.h"
#include "messages/link/kj_unix.h"
#include "messages/schema/admin.capnp.h"

namespace tideline::tidectl {
namespace {

using codec::ptr;
using codec::str;
using model::Error;
using model::ErrorCode;
using model::Result;

constexpr std::string_view kUnix = "unix:";
/// Answers come from a coordinator that proved itself, and the largest fleet's list of nodes has some 20 MB.
constexpr link::RpcLimits kLimits{.traversal_words = 32 << 20, .nesting = 32, .max_queued_bytes = 4 << 20};

template <class T, class List>
Result<std::vector<T>> read_all(const List& list) {
  std::vector<T> out;
  out.reserve(list.size());
  for (const auto element : list) {
    auto value = read(element);
    if (!value) return value.error();
    out.push_back(*std::move(value));
  }
  return out;
}

void write_question(const SeriesQuestion& from, schema::SeriesQuestion::Builder to) {
  to.setKind(static_cast<std::uint8_t>(from.kind));
  auto nodes = to.initNodes(static_cast<unsigned>(from.nodes.size()));
  for (unsigned i = 0; i < nodes.size(); ++i)
    nodes.set(i, ptr(from.nodes[i]));
  to.setLabel(ptr(from.label));
  to.setSubject(ptr(from.subject));
  auto fields = to.initFields(static_cast<unsigned>(from.fields.size()));
  for (unsigned i = 0; i < fields.size(); ++i)
    fields.set(i, static_cast<std::uint16_t>(from.fields[i]));
  to.setFromS(from.from_s);
  to.setToS(from.to_s);
  to.setStepS(from.step_s);
  to.setTier(from.tier ? static_cast<std::uint8_t>(*from.tier) : std::uint8_t{0});
  to.setAggregate(static_cast<std::uint8_t>(from.aggregate));
  to.setQuantile(from.quantile);
  to.setAcross(static_cast<std::uint8_t>(from.across));
}

void write_documents(const std::vector<PolicyDocument>& documents,
                     capnp::List<schema::PolicyState::Document>::Builder list) {
  for (unsigned i = 0; i < list.size(); ++i) {
    list[i].setKey(ptr(documents[i].key));
    list[i].setJson(ptr(documents[i].json));
  }
}

class ConnectionImpl final : public Connection {
 public:
  explicit ConnectionImpl(Target target) : target_(std::move(target)), io_(kj::setupAsyncIo()) {}
  ~ConnectionImpl() noexcept override = default;

  /// Runs `f`, which may throw what KJ throws.
  template <class F>
  auto caught(F&& f) -> decltype(f()) {
    decltype(f()) result = Error(ErrorCode::kInternal, "not run");
    auto run = [&]() { result = f(); };
    KJ_IF_MAYBE (exception, kj::runCatchingExceptions(run)) {
      // DISCONNECTED is the connection's end, whatever its text.
      const auto error = link::error_from(*exception);
      if (exception->getType() == kj::Exception::Type::DISCONNECTED) return lost(error.message());
      return error;
    }
    return result;
  }

  Result<void> connect() {
    std::optional<link::TlsMaterial> material;
    const bool over_unix = target_.address.starts_with(kUnix);
    if (!over_unix) {
      auto loaded = link::load(target_.tls, link::TlsUse::kClient);
      if (!loaded) return Error(ErrorCode::kUnavailable, loaded.error().message());
      material = *std::move(loaded);
    }
    auto connected = caught([&]() -> Result<void> {
      auto context = link::KjContext::of(io_);
      kj::Own<kj::AsyncIoStream> stream;
      if (over_unix) {
        const std::string path = target_.address.substr(kUnix.size());
        stream = within(link::connect_unix(context, path)).wait(io_.waitScope);
      } else {
        auto connector = link::TlsConnector::create(context, *material, target_.server_name);
        if (!connector) return connector.error();
        stream = within((*connector)->connect(target_.address)).wait(io_.waitScope).stream;
      }
      client_ = link::RpcClient::create(kj::mv(stream), kLimits);
      admin_ = client_->bootstrap().castAs<schema::Admin>();
      return {};
    });
    if (!connected) {
      const std::string as = over_unix ? "" : fmt::format(" (as {})", target_.server_name);
      return Error(ErrorCode::kUnavailable,
                   fmt::format("cannot connect to {}{}: {}", target_.address, as, connected.error().message()));
    }
    // In TLS 1.3 a coordinator that refuses this certificate is noticed at the first answer only.
    return caught([&]() -> Result<void> {
      auto response = within(admin_->whoamiRequest().send()).wait(io_.waitScope);
      identity_ = {str(response.getRole()), str(response.getName())};
      return {};
    });
  }

  const Identity& identity() const override { return identity_; }

  Result<std::vector<Node>> nodes() override {
    return caught(
        [&]() -> Result<std::vector<Node>> { return read_all<Node>(ask(admin_->nodesRequest()).getNodes()); });
  }

  Result<Node> node(const std::string& name) override {
    return caught([&]() -> Result<Node> {
      auto request = admin_->nodeRequest();
      request.setName(ptr(name));
      return read(ask(kj::mv(request)).getNode());
    });
  }

  Result<std::vector<Pod>> pods(const std::string& node) override {
    return caught([&]() -> Result<std::vector<Pod>> {
      auto request = admin_->podsRequest();
      request.setNode(ptr(node));
      return read_all<Pod>(ask(kj::mv(request)).getPods());
    });
  }

  Result<ReclaimedAnswer> reclaimed() override {
    return caught([&]() -> Result<ReclaimedAnswer> {
      const auto response = ask(admin_->reclaimedRequest());
      auto cluster = codec::read(response.getCluster());
      if (!cluster) return cluster.error();
      ReclaimedAnswer answer{*std::move(cluster), {}};
      for (const auto node : response.getNodes()) {
        auto value = codec::read(node);
        if (!value) return value.error();
        answer.nodes.push_back(*std::move(value));
      }
      return answer;
    });
  }

  Result<std::vector<Series>> history(const HistoryQuestion& question) override {
    std::vector<Series> all;
    for (const model::Metric metric : question.metrics) {
      Series series{metric, {}, false};
      model::WallTime from = question.from;
      // Each page starts after the last point of the one before: none ends between two of one
      // millisecond, unless it has no other.
      for (bool more = true; more && from < question.to;) {
        auto page = history_page(question.node, metric, from, question.to);
        if (!page) return page.error();
        more = page->truncated && !page->points.empty();
        if (!page->points.empty()) from.ms = page->points.back().at.ms + 1;
        series.points.insert(series.points.end(), page->points.begin(), page->points.end());
        if (more && series.points.size() >= kMaxPoints) {
          series.truncated = true;
          more = false;
        }
      }
      all.push_back(std::move(series));
    }
    return all;
  }

  Result<SeriesPage> query(const SeriesQuestion& question, std::int64_t page_from_s) override {
    auto page = caught([&]() -> Result<SeriesPage> {
      auto request = admin_->historyQueryRequest();
      write_question(question, request.initQuestion());
      request.setPageFromS(page_from_s);
      return read(ask(kj::mv(request)));
    });
    if (!page || page->next_s == 0) return page;
    const std::int64_t begun = page_from_s == 0 ? question.from_s : page_from_s;
    if (page->next_s <= begun) {
      return Error(ErrorCode::kMalformed,
                   fmt::format("the coordinator's answer: after the page that begins at {} s comes one at {} s", begun,
                               page->next_s));
    }
    if (page->next_s >= question.to_s) page->next_s = 0;
    return page;
  }

  Result<std::vector<series::PodInfo>> history_pods(const std::string& node, std::int64_t from_s,
                                                    std::int64_t to_s) override {
    return caught([&]() -> Result<std::vector<series::PodInfo>> {
      auto request = admin_->historyPodsRequest();
      request.setNode(ptr(node));
      request.setFromS(from_s);
      request.setToS(to_s);
      return read_all<series::PodInfo>(ask(kj::mv(request)).getPods());
    });
  }

  Result<HistoryState> history_state() override {
    return caught([&]() -> Result<HistoryState> { return read(ask(admin_->historyStateRequest()).getState()); });
  }

  Result<series::VerifySlice> history_verify(const std::string& from, std::uint64_t bytes) override {
    auto slice = caught([&]() -> Result<series::VerifySlice> {
      auto request = admin_->historyVerifyRequest();
      request.setFrom(ptr(from));
      request.setBytes(bytes);
      return read(ask(kj::mv(request)));
    });
    if (slice && !slice->next.empty() && slice->next == from) {
      return Error(ErrorCode::kMalformed, "the coordinator's answer: the next slice is the one that was asked for");
    }
    return slice;
  }

  Result<HistoryBackup> history_backup() override {
    return caught([&]() -> Result<HistoryBackup> {
      kj::Promise<capnp::Response<schema::Admin::HistoryBackupResults>> answer = admin_->historyBackupRequest().send();
      return read(answer.wait(io_.waitScope));
    });
  }

  Result<EventsAnswer> events(const std::string& node, model::WallTime from, model::WallTime to) override {
    return caught([&]() -> Result<EventsAnswer> {
      auto request = admin_->eventsRequest();
      request.setNode(ptr(node));
      request.setFromMs(from.ms);
      request.setToMs(to.ms);
      const auto response = ask(kj::mv(request));
      auto events = read_all<NodeEvent>(response.getEvents());
      if (!events) return events.error();
      return EventsAnswer{*std::move(events), response.getTruncated()};
    });
  }

  Result<PolicyAnswer> policy(const std::string& node) override {
    return caught([&]() -> Result<PolicyAnswer> {
      auto request = admin_->policyGetRequest();
      request.setNode(ptr(node));
      const auto response = ask(kj::mv(request));
      auto effective = codec::read(response.getEffective());
      if (!effective) return effective.error();
      return PolicyAnswer{read(response.getState()), *std::move(effective),
                          model::PolicyContent(response.getContent())};
    });
  }

  Result<PolicyApplied> apply(const std::vector<PolicyDocument>& documents, bool dry_run) override {
    return caught([&]() -> Result<PolicyApplied> {
      auto request = admin_->policyApplyRequest();
      request.setDryRun(dry_run);
      write_documents(documents, request.initDocuments(static_cast<unsigned>(documents.size())));
      const auto response = ask(kj::mv(request));
      return PolicyApplied{response.getVersion(), str(response.getReport())};
    });
  }

  Result<PolicyStatus> policy_status() override {
    return caught([&]() -> Result<PolicyStatus> {
      const auto response = ask(admin_->policyStatusRequest());
      auto nodes = read_all<Node>(response.getNodes());
      if (!nodes) return nodes.error();
      return PolicyStatus{read(response.getState()), *std::move(nodes)};
    });
  }

  Result<PolicyCheck> check(const std::vector<PolicyDocument>& documents, const std::string& node) override {
    return caught([&]() -> Result<PolicyCheck> {
      auto request = admin_->policyCheckRequest();
      write_documents(documents, request.initDocuments(static_cast<unsigned>(documents.size())));
      request.setNode(ptr(node));
      const auto response = ask(kj::mv(request));
      return PolicyCheck{response.getVersion(), read(response.getCheck())};
    });
  }

  Result<model::Duration> watch(const std::string& node, std::uint32_t seconds) override {
    return caught([&]() -> Result<model::Duration> {
      auto request = admin_->watchRequest();
      request.setNode(ptr(node));
      request.setSeconds(seconds);
      const std::uint32_t every_ms = ask(kj::mv(request)).getEveryMs();
      // One that does not tell it is older, and has every node report each second.
      return model::Duration(std::chrono::milliseconds(every_ms == 0 ? 1000U : every_ms));
    });
  }

  Result<Explanation> explain(const ExplainQuestion& question) override {
    return caught([&]() -> Result<Explanation> {
      auto request = admin_->explainRequest();
      request.setNode(ptr(question.node));
      request.setAtMs(question.at ? question.at->ms : 0);
      request.setFile(ptr(question.file_part));
      return read(ask(kj::mv(request)).getExplanation());
    });
  }

  Result<model::ExplainedAccount> explain_reclaimed(const std::string& node,
                                                    std::optional<model::WallTime> at) override {
    return caught([&]() -> Result<model::ExplainedAccount> {
      auto request = admin_->explainReclaimedRequest();
      request.setNode(ptr(node));
      request.setAtMs(at ? at->ms : 0);
      return codec::read(ask(kj::mv(request)).getExplained());
    });
  }

  Result<model::ClusterReport> cluster(const ClusterQuestion& question) override {
    return caught([&]() -> Result<model::ClusterReport> {
      auto request = admin_->clusterRequest();
      request.setFromMs(question.from.ms);
      request.setToMs(question.to.ms);
      request.setMaxPoints(question.points);
      auto by = request.initBy(static_cast<unsigned>(question.labels.size()));
      for (unsigned i = 0; i < by.size(); ++i)
        by.set(i, ptr(question.labels[i]));
      request.setTrendOf(ptr(question.trend_of));
      return codec::read(ask(kj::mv(request)).getReport());
    });
  }

  Result<void> hands_off_begin(const std::string& node, const std::string& group, model::Duration duration,
                               const std::string& reason) override {
    return caught([&]() -> Result<void> {
      auto request = admin_->handsOffBeginRequest();
      request.setNode(ptr(node));
      request.setGroup(ptr(group));
      request.setForMs(model::to_ms(duration));
      request.setReason(ptr(reason));
      ask(kj::mv(request));
      return {};
    });
  }

  Result<std::vector<HandsOffEntry>> hands_off_list(const std::string& node) override {
    return caught([&]() -> Result<std::vector<HandsOffEntry>> {
      auto request = admin_->handsOffListRequest();
      request.setNode(ptr(node));
      std::vector<HandsOffEntry> entries;
      const auto answer = ask(kj::mv(request));
      for (const auto entry : answer.getEntries())
        entries.push_back(read(entry));
      return entries;
    });
  }

  Result<void> hands_off_end(const std::string& node, const std::string& group) override {
    return caught([&]() -> Result<void> {
      auto request = admin_->handsOffEndRequest();
      request.setNode(ptr(node));
      request.setGroup(ptr(group));
      ask(kj::mv(request));
      return {};
    });
  }

  Result<void> release(const std::string& node, const std::string& reason) override {
    return caught([&]() -> Result<void> {
      auto request = admin_->releaseRequest();
      request.setNode(ptr(node));
      request.setReason(ptr(reason));
      ask(kj::mv(request));
      return {};
    });
  }

  Result<void> resume(const std::string& node) override {
    return caught([&]() -> Result<void> {
      auto request = admin_->resumeRequest();
      request.setNode(ptr(node));
      ask(kj::mv(request));
      return {};
    });
  }

  Result<void> sleep(model::Duration duration) override {
    return caught([&]() -> Result<void> {
      auto& timer = io_.provider->getTimer();
      const bool gone = timer.afterDelay(duration.count() * kj::NANOSECONDS)
                            .then([]() { return false; })
                            .exclusiveJoin(client_->on_disconnect().then([]() { return true; }))
                            .wait(io_.waitScope);
      if (gone) return lost("the coordinator closed it");
      return {};
    });
  }

 private:
  Error lost(const std::string& why) const {
    return {ErrorCode::kUnavailable, fmt::format("the connection to {} was lost: {}", target_.address, why)};
  }

  template <class T>
  kj::Promise<T> within(kj::Promise<T> promise) {
    auto late = io_.provider->getTimer().afterDelay(target_.timeout.count() * kj::NANOSECONDS).then([]() -> T {
      kj::throwFatalException(link::to_exception(Error(ErrorCode::kUnavailable, "no answer in time")));
    });
    return promise.exclusiveJoin(kj::mv(late));
  }

  template <class Params, class Results>
  capnp::Response<Results> ask(capnp::Request<Params, Results> request) {
    // The pipeline half of a RemotePromise is not used.
    kj::Promise<capnp::Response<Results>> answer = request.send();
    return within(kj::mv(answer)).wait(io_.waitScope);
  }

  Result<Series> history_page(const std::string& node, model::Metric metric, model::WallTime from, model::WallTime to) {
    return caught([&]() -> Result<Series> {
      auto request = admin_->historyRequest();
      auto query = request.initQuery();
      query.setNode(ptr(node));
      query.initMetrics(1).set(0, static_cast<std::uint16_t>(metric));
      query.setFromMs(from.ms);
      query.setToMs(to.ms);
      const auto response = ask(kj::mv(request));
      Series page{metric, {}, false};
      for (const auto series : response.getSeries()) {
        if (series.getMetric() != static_cast<std::uint16_t>(metric)) continue;
        page.truncated = series.getTruncated();
        page.points.reserve(series.getPoints().size());
        for (const auto point : series.getPoints())
          page.points.push_back({{point.getWallMs()}, point.getValue()});
      }
      return page;
    });
  }

  Target target_;
  kj::AsyncIoContext io_;
  kj::Own<link::RpcClient> client_;
  std::optional<schema::Admin::Client> admin_;
  Identity identity_;
};

}  // namespace

Result<std::unique_ptr<Connection>> Connection::open(const Target& target) {
  auto connection = std::make_unique<ConnectionImpl>(target);
  auto connected = connection->connect();
  if (!connected) return connected.error();
  return std::unique_ptr<Connection>(std::move(connection));
}

}  // namespace tideline::tidectl
