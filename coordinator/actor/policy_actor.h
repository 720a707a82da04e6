#pragma once
// The one policy source of this coordinator: watches it, or is told of it, keeps the last good policy, answers what is
// in force and why.

#include <memory>
#include <optional>

#include "coordinator/actor/messages.h"
#include "coordinator/actor/policy_source.h"

namespace tideline::coordinator {

/// What the store remembers of the policy, so that versions go on and a bad input at start-up changes nothing.
struct PolicyMemory {
  model::PolicyVersion version;
  std::vector<policy::Document> documents;  // of that version
};
inline constexpr std::string_view kPolicyMemorySetting = "policy.memory";
std::string to_text(const PolicyMemory& memory);
model::Result<PolicyMemory> policy_memory_from(const std::string& text);
/// policy::parse, and kOverloaded for a policy that the store could not remember.
model::Result<policy::ClusterPolicy> parse_rememberable(const std::vector<policy::Document>& documents);

/// Blocks on the disk: spawn it detached. The remembered policy is in force until the source's first good input.
class PolicyActor : public caf::event_based_actor {
 public:
  PolicyActor(caf::actor_config& config, PolicySource source, model::Epoch epoch, std::optional<PolicyMemory> memory,
              caf::actor fleet, caf::actor history);
  caf::behavior make_behavior() override;

 private:
  void reload();
  /// `subject`: where it comes from, for people.
  void take(const model::Result<std::vector<policy::Document>>& input, const std::string& subject);
  void take(const PolicyInput& input);
  void adopt(policy::ClusterPolicy parsed);
  void refuse(const model::Error& why);
  void note(model::Reason reason, std::string subject, std::string old_value, std::string new_value);
  admin::PolicyState state() const;
  model::Result<admin::PolicyApplied> apply(const AskPolicyApply& ask) const;
  /// Asks the fleet for its nodes where the documents are good; compared() answers then.
  void check(const AskPolicyCheck& ask);
  static void compared(const CheckNodes& found);

  PolicySource source_;
  std::string subject_;  // where the newest input comes from
  model::Epoch epoch_;
  caf::actor fleet_;
  caf::actor history_;
  std::optional<PolicyMemory> memory_;
  std::shared_ptr<const policy::ClusterPolicy> policy_;  // in force; null before the first good one
  model::PolicyVersion version_;
  model::WallTime loaded_;
  std::optional<model::Result<std::vector<policy::Document>>> seen_;  // newest input, good or bad
  std::string problem_;
  std::vector<policy::Notice> notices_;  // of the newest input; none of a bad one
};

}  // namespace tideline::coordinator
