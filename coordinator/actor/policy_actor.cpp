#include "coordinator/actor/policy_actor.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "coordinator/actor/policy_dir.h"
#include "messages/clock/clock.h"
#include "messages/log/log.h"
#include "storage/store/limits.h"

namespace tideline::coordinator {
namespace {

constexpr auto kPollInterval = std::chrono::seconds(1);

bool same_input(const model::Result<std::vector<policy::Document>>& a,
                const model::Result<std::vector<policy::Document>>& b) {
  if (a.ok() != b.ok()) return false;
  return a.ok() ? *a == *b : a.error() == b.error();
}

model::Result<policy::ClusterPolicy> parsed_input(const std::vector<admin::PolicyDocument>& given) {
  std::vector<policy::Document> documents;
  documents.reserve(given.size());
  for (const auto& document : given)
    documents.push_back({document.key, document.json});
  return parse_rememberable(documents);
}

std::string describe(const policy::ClusterPolicy& parsed) {
  std::string keys;
  for (const auto& document : parsed.documents)
    keys += (keys.empty() ? "" : ", ") + document.name;
  return keys.empty() ? "defaults" : keys;
}

}  // namespace

std::string to_text(const PolicyMemory& memory) {
  nlohmann::json documents = nlohmann::json::array();
  for (const auto& document : memory.documents)
    documents.push_back({{"name", document.name}, {"text", document.text}});
  const nlohmann::json whole{{"version", memory.version.value()}, {"documents", std::move(documents)}};
  return whole.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

model::Result<PolicyMemory> policy_memory_from(const std::string& text) {
  try {
    const auto whole = nlohmann::json::parse(text);
    PolicyMemory memory{model::PolicyVersion(whole.at("version").get<std::uint64_t>()), {}};
    for (const auto& document : whole.at("documents")) {
      memory.documents.push_back({document.at("name").get<std::string>(), document.at("text").get<std::string>()});
    }
    return memory;
  } catch (const nlohmann::json::exception& problem) {
    return model::Error(model::ErrorCode::kMalformed, fmt::format("stored policy: {}", problem.what()));
  }
}

model::Result<policy::ClusterPolicy> parse_rememberable(const std::vector<policy::Document>& documents) {
  auto parsed = policy::parse(documents);
  if (!parsed) return parsed;
  const auto size = to_text({model::PolicyVersion(UINT64_MAX), parsed->documents}).size();
  if (size > store::kMaxSettingValueBytes) {
    return model::Error(model::ErrorCode::kOverloaded,
                        fmt::format("{}: {} bytes together with quotes escaped, limit {}; nothing of it is applied",
                                    describe(*parsed), size, store::kMaxSettingValueBytes));
  }
  return parsed;
}

PolicyActor::PolicyActor(caf::actor_config& config, PolicySource source, model::Epoch epoch,
                         std::optional<PolicyMemory> memory, caf::actor fleet, caf::actor history)
    : caf::event_based_actor(config),
      source_(std::move(source)),
      subject_(source_.name),
      epoch_(epoch),
      fleet_(std::move(fleet)),
      history_(std::move(history)),
      memory_(std::move(memory)) {}

caf::behavior PolicyActor::make_behavior() {
  if (memory_) {
    version_ = memory_->version;
    // In force until the source says otherwise: a coordinator that starts on bad input goes on as before.
    if (auto parsed = policy::parse(memory_->documents)) {
      policy_ = std::make_shared<const policy::ClusterPolicy>(std::move(*parsed));
      loaded_ = clock::wall_now();
      send(fleet_, PolicyLoaded{policy_, version_});
    } else {
      log::error("policy-memory", "the stored policy no longer parses: {}", parsed.error().message());
    }
  }
  if (!source_.directory.empty()) {
    reload();
    delayed_send(this, kPollInterval, PolicyTick{});
  }
  return {
      [this](const PolicyTick&) {
        reload();
        delayed_send(this, kPollInterval, PolicyTick{});
      },
      [this](const PolicyInput& input) { take(input); },
      [this](const AskPolicyGet& ask) {
        send(fleet_, AskEffective{ask.name, state(), ask.reply});
      },
      [this](const AskPolicyStatus& ask) {
        send(fleet_, AskPolicyNodes{state(), ask.reply});
      },
      [this](const AskPolicyApply& ask) { ask.reply(apply(ask)); },
      [this](const AskPolicyCheck& ask) { check(ask); },
      [](const CheckNodes& found) { compared(found); },
  };
}

void PolicyActor::reload() {
  take(read_policy_dir(source_.directory), source_.name);
}

void PolicyActor::take(const PolicyInput& input) {
  const auto before = version_;
  take(input.documents, input.subject);
  if (!input.answer_to) return;
  send(input.answer_to,
       PolicyJudged{input.subject, input.resource_version, problem_, version_, version_ != before, notices_});
}

void PolicyActor::take(const model::Result<std::vector<policy::Document>>& input, const std::string& subject) {
  if (seen_ && same_input(*seen_, input)) return;
  seen_ = input;
  subject_ = subject;
  notices_.clear();
  if (!input) {
    refuse(input.error());
    return;
  }
  auto parsed = parse_rememberable(*input);
  if (!parsed) {
    refuse(parsed.error());
    return;
  }
  adopt(std::move(*parsed));
}

void PolicyActor::adopt(policy::ClusterPolicy parsed) {
  problem_.clear();
  notices_ = parsed.notices;
  for (const auto& notice : parsed.notices) {
    log::warn("policy-notice", "{} {}: {}", notice.document, notice.path, notice.why);
  }
  if (policy_ && policy_->documents == parsed.documents) return;
  version_ = version_.next();
  loaded_ = clock::wall_now();
  policy_ = std::make_shared<const policy::ClusterPolicy>(std::move(parsed));
  log::info("policy-loaded", "version {} from {}: {}", version_.value(), subject_, describe(*policy_));
  send(history_, KeepSetting{std::string(kPolicyMemorySetting), to_text({version_, policy_->documents})});
  note(model::Reason::kPolicyApplied, subject_, std::to_string(version_.value() - 1), std::to_string(version_.value()));
  send(fleet_, PolicyLoaded{policy_, version_});
}

void PolicyActor::refuse(const model::Error& why) {
  problem_ = why.message();
  log::error("policy-refused", "{}; version {} stays in force", problem_, version_.value());
  note(model::Reason::kPolicyRejected, subject_, std::to_string(version_.value()),
       problem_.substr(0, model::ReportLimits::kMaxTextBytes));
}

void PolicyActor::note(model::Reason reason, std::string subject, std::string old_value, std::string new_value) {
  model::Event event{
      clock::wall_now(),   model::Controller::kCoordinator, reason, std::move(subject), std::move(old_value),
      std::move(new_value)};
  send(history_, KeepEvents{{{model::NodeName(), std::move(event)}}});
}

admin::PolicyState PolicyActor::state() const {
  admin::PolicyState state{subject_, version_, epoch_, loaded_, problem_, {}};
  if (policy_) {
    for (const auto& document : policy_->documents)
      state.documents.push_back({document.name, document.text});
  }
  return state;
}

model::Result<admin::PolicyApplied> PolicyActor::apply(const AskPolicyApply& ask) const {
  const auto parsed = parsed_input(ask.documents);
  if (!parsed) return parsed.error();
  if (!ask.dry_run) {
    return model::Error(model::ErrorCode::kUnsupported,
                        fmt::format("the policy source is {}: {} (--dry-run checks a file without applying it)",
                                    source_.name, source_.to_edit));
  }
  std::string report = fmt::format("valid: {}", describe(*parsed));
  if (policy_ && policy_->documents == parsed->documents) report += "; the same as what is in force";
  for (const auto& notice : parsed->notices) {
    report += fmt::format("\n{} {}: {}", notice.document, notice.path, notice.why);
  }
  return admin::PolicyApplied{version_, report};
}

void PolicyActor::check(const AskPolicyCheck& ask) {
  auto parsed = parsed_input(ask.documents);
  if (!parsed) {
    ask.reply(parsed.error());
    return;
  }
  auto job = std::make_shared<const CheckJob>(CheckJob{policy_, version_, *std::move(parsed), ask.node, ask.reply});
  send(fleet_, AskCheckNodes{std::move(job), caf::actor_cast<caf::actor>(this)});
}

void PolicyActor::compared(const CheckNodes& found) {
  const CheckJob& job = *found.job;
  std::vector<policy::CheckNode> nodes;
  nodes.reserve(found.statuses.size());
  for (const auto& [name, status] : found.statuses)
    nodes.push_back({name, status.get()});
  auto report = policy::check(job.now.get(), job.then, nodes, job.node.empty());
  if (!report) {
    job.reply(report.error());
    return;
  }
  job.reply(admin::PolicyCheck{job.version, *std::move(report)});
}

}  // namespace tideline::coordinator
