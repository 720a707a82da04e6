#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "coordinator/admin/convert.h"
#include "messages/codec/kj_text.h"
#include "messages/codec/wire.h"
#include "storage/store/limits.h"

namespace tideline::admin {
namespace {

using Question = series::Question;

// series::check has these bounds, too: but what is beyond them is not copied first.

model::Result<std::vector<model::NodeName>> question_nodes(capnp::List<capnp::Text>::Reader in) {
  constexpr std::size_t kMost = series::QuestionLimits::kMaxNodes;
  if (in.size() > kMost) return model::invalid(fmt::format("nodes: {} of them; at most {}", in.size(), kMost));
  std::vector<model::NodeName> nodes;
  nodes.reserve(in.size());
  for (const capnp::Text::Reader name : in) {
    if (name.size() > store::kMaxNodeNameBytes) {
      return model::invalid(
          fmt::format("nodes: a name has {} bytes; at most {}", name.size(), store::kMaxNodeNameBytes));
    }
    nodes.emplace_back(codec::str(name));
  }
  std::sort(nodes.begin(), nodes.end());
  return nodes;
}

model::Result<std::vector<series::Field>> question_fields(capnp::List<std::uint16_t>::Reader in) {
  constexpr std::size_t kMost = series::QuestionLimits::kMaxFields;
  if (in.size() > kMost) return model::invalid(fmt::format("fields: {} of them; at most {}", in.size(), kMost));
  std::vector<series::Field> fields;
  for (const std::uint16_t number : in)
    fields.push_back(static_cast<series::Field>(number));
  return fields;
}

/// nullopt: none is asked for, which "" stands for.
model::Result<std::optional<model::ClusterPart>> question_label(capnp::Text::Reader in) {
  constexpr std::size_t kMost = 2 * model::ClusterLimits::kMaxLabelBytes;
  if (in.size() == 0) return std::optional<model::ClusterPart>();
  if (in.size() > kMost) return model::invalid(fmt::format("label: {} bytes; at most {}", in.size(), kMost));
  auto label = model::cluster_part(codec::str(in));
  if (!label) return model::invalid(fmt::format("label: \"{}\" is no KEY=VALUE", codec::str(in)));
  return label;
}

model::Result<series::Tier> question_tier(std::uint8_t number, const Question& question) {
  // Whether there is one of this number is for series::check.
  if (number != 0) return static_cast<series::Tier>(number);
  auto tier = series::tier_for(question.step_s, question.aggregate, question.fields);
  // Then the check says of which field there are no quantiles, and where they are.
  if (!tier) tier = series::tier_for(question.step_s, series::Aggregate::kMean, question.fields);
  if (tier) return *tier;
  return model::invalid(fmt::format("step: {} s is no multiple of the 10, 60 or 900 s of any tier", question.step_s));
}

/// To clients 0 is where there is no page.
model::Result<void> check_begin(std::int64_t from_s) {
  if (from_s < 0) return model::invalid(fmt::format("from: {} s is before 1970", from_s));
  return {};
}

}  // namespace

model::Result<SeriesQuery> read(schema::Admin::HistoryQueryParams::Reader in) {
  const auto asked = in.getQuestion();
  SeriesQuery query;
  Question& question = query.question;
  question.kind = static_cast<series::SubjectKind>(asked.getKind());
  auto nodes = question_nodes(asked.getNodes());
  if (!nodes) return nodes.error();
  question.nodes = *std::move(nodes);
  auto label = question_label(asked.getLabel());
  if (!label) return label.error();
  query.label = *std::move(label);
  if (query.label && !question.nodes.empty()) {
    return model::invalid(fmt::format("label: {}: {} nodes are named as well; want one or the other",
                                      model::text_of(*query.label), question.nodes.size()));
  }
  question.subject = codec::str(asked.getSubject());
  auto fields = question_fields(asked.getFields());
  if (!fields) return fields.error();
  question.fields = *std::move(fields);
  if (auto begin = check_begin(asked.getFromS()); !begin) return begin.error();
  question.from_s = asked.getFromS();
  question.to_s = asked.getToS();
  question.step_s = asked.getStepS();
  question.aggregate = static_cast<series::Aggregate>(asked.getAggregate());
  question.quantile = asked.getQuantile();
  question.across = static_cast<series::Across>(asked.getAcross());
  auto tier = question_tier(asked.getTier(), question);
  if (!tier) return tier.error();
  question.tier = *tier;
  if (auto good = series::check(question); !good) return good.error();
  query.page_from_s = in.getPageFromS() == 0 ? question.from_s : in.getPageFromS();
  const bool inside = query.page_from_s >= question.from_s && query.page_from_s < question.to_s;
  if (!inside || (query.page_from_s - question.from_s) % question.step_s != 0) {
    return model::invalid(fmt::format("page: no step of the question begins at {} s", query.page_from_s));
  }
  return query;
}

model::Result<HistoryPodsQuery> read(schema::Admin::HistoryPodsParams::Reader in) {
  const auto node = in.getNode();
  if (node.size() == 0 || node.size() > store::kMaxNodeNameBytes) {
    return model::invalid(fmt::format("node: a name of {} bytes; want 1..{}", node.size(), store::kMaxNodeNameBytes));
  }
  const std::int64_t from_s = in.getFromS();
  const std::int64_t to_s = in.getToS();
  if (auto begin = check_begin(from_s); !begin) return begin.error();
  if (to_s > AdminLimits::kMaxSeriesTime) return model::invalid(fmt::format("to: {} s is beyond the year 9999", to_s));
  if (from_s >= to_s) return model::invalid(fmt::format("the range is empty: from {} to {} (s)", from_s, to_s));
  return HistoryPodsQuery{model::NodeName(codec::str(node)), from_s, to_s};
}

model::Result<VerifyQuery> read(schema::Admin::HistoryVerifyParams::Reader in) {
  const auto from = in.getFrom();
  if (from.size() > AdminLimits::kMaxVerifyFromBytes) {
    return model::invalid(fmt::format("from: {} bytes; at most {}", from.size(), AdminLimits::kMaxVerifyFromBytes));
  }
  constexpr std::uint64_t kMost = AdminLimits::kMaxVerifyBytes;
  const std::uint64_t asked = in.getBytes();
  return VerifyQuery{codec::str(from), asked == 0 ? kMost : std::min(asked, kMost)};
}

void write(const series::AnswerSeries& answer, schema::AnswerSeries::Builder out) {
  out.setField(static_cast<std::uint16_t>(answer.field));
  out.setNode(codec::ptr(answer.node));
  out.setSubject(codec::ptr(answer.subject));
  const auto size = static_cast<unsigned>(answer.points.size());
  auto times = out.initTimesS(size);
  auto values = out.initValues(size);
  for (unsigned i = 0; i < size; ++i) {
    times.set(i, answer.points[i].time_s);
    values.set(i, answer.points[i].value);
  }
}

void write(const series::PodInfo& pod, schema::PodInfo::Builder out) {
  out.setUid(codec::ptr(pod.uid.str()));
  out.setNameSpace(codec::ptr(pod.name_space));
  out.setName(codec::ptr(pod.name));
  out.setWorkload(codec::ptr(pod.workload));
  out.setQos(static_cast<schema::QosClass>(pod.qos));
  out.setFirstS(pod.first_s);
  out.setLastS(pod.last_s);
}

void write(const HistoryState& state, schema::HistoryState::Builder out) {
  const auto in_seconds = [](model::Duration duration) {
    return static_cast<std::int64_t>(std::chrono::duration_cast<std::chrono::seconds>(duration).count());
  };
  const auto instant_s = [](const std::optional<model::WallTime>& at) {
    return at ? std::optional<std::int64_t>(at->ms / 1000) : std::nullopt;
  };
  auto tiers = out.initTiers(static_cast<unsigned>(series::kTiers.size()));
  for (unsigned i = 0; i < tiers.size(); ++i) {
    const series::TierState& tier = state.tables.tiers[i];
    tiers[i].setTier(static_cast<std::uint8_t>(series::kTiers[i]));
    tiers[i].setKeptS(in_seconds(state.tiers_kept[i]));
    tiers[i].setTables(tier.tables);
    tiers[i].setBytes(tier.bytes);
    codec::write(instant_s(tier.oldest), tiers[i].initOldestS());
    codec::write(instant_s(tier.newest), tiers[i].initNewestS());
    const series::TierState& pods = state.tables.passing[i];
    tiers[i].setPodsKeptS(in_seconds(state.pods_kept[i]));
    tiers[i].setPodsBytes(pods.bytes);
    codec::write(instant_s(pods.oldest), tiers[i].initPodsOldestS());
  }
  out.setReportsKept(in_seconds(state.reports_kept));
  out.setEventsKept(in_seconds(state.events_kept));
  out.setAccountsKept(in_seconds(state.accounts_kept));
  codec::write(instant_s(state.tables.folded_until), out.initFoldedUntilS());
  out.setLate(state.tables.late);
  out.setNodes(state.tables.nodes);
  out.setDiskBytes(state.disk_bytes);
  out.setBackups(codec::ptr(state.backups));
  out.setProblem(codec::ptr(state.problem));
}

void write(const series::VerifySlice& slice, schema::Admin::HistoryVerifyResults::Builder out) {
  out.setRows(slice.rows);
  out.setBytes(slice.bytes);
  auto findings = out.initFindings(static_cast<unsigned>(slice.findings.size()));
  for (unsigned i = 0; i < findings.size(); ++i) {
    findings[i].setWhere(codec::ptr(slice.findings[i].where));
    findings[i].setWhat(codec::ptr(slice.findings[i].what));
  }
  out.setMoreFindings(slice.more_findings);
  out.setNext(codec::ptr(slice.next));
}

void write(const BackupMade& made, schema::Admin::HistoryBackupResults::Builder out) {
  out.setId(made.backup.id);
  out.setAtS(made.backup.at_s);
  out.setBytes(made.backup.bytes);
  out.setFiles(made.backup.files);
  out.setDirectory(codec::ptr(made.directory));
}

}  // namespace tideline::admin
