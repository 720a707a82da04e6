#include "k8s-bridge/actor/config_desk.h"

#include <utility>

#include "k8s-bridge/actor/notes.h"
#include "messages/log/log.h"

namespace tideline::bridge {
namespace {

std::string all_of(const std::vector<ConfigMapName>& names) {
  std::string text;
  for (const auto& name : names)
    text += (text.empty() ? "" : ", ") + text_of(name);
  return text;
}

}  // namespace

ConfigDesk::ConfigDesk(std::vector<ConfigMapName> names, Out out) : maps_(std::move(names)), out_(std::move(out)) {}

void ConfigDesk::look(model::MonoTime now) {
  if (maps_.names().empty()) return;
  const auto choice = maps_.choice();
  if (!choice) return;
  note_left_aside(*choice);
  // That it cannot be read was given, and what was read of it before is no news.
  if (choice->in_force && maps_.is_unreadable(*choice->in_force)) return;
  Given wanted{choice->in_force, {}, {}};
  const k8s::ConfigMapObject* object = choice->in_force ? maps_.object(*choice->in_force) : nullptr;
  if (object != nullptr) {
    wanted.uid = object->key.uid;
    wanted.resource_version = object->key.resource_version;
    none_since_.reset();
  } else {
    if (!none_since_) none_since_ = now;
    if (now - *none_since_ < kNoneFor) return;
  }
  if (given_ == wanted) return;
  const bool is_another = !given_ || given_->which != wanted.which;
  given_ = wanted;
  if (object == nullptr) {
    log::warn("policy-source", "there is none of the ConfigMaps {}: the defaults hold, with colocation off",
              all_of(maps_.names()));
    out_.input(std::vector<policy::Document>(), "kubernetes: no configmap", "");
    return;
  }
  const auto& name = maps_.names()[*choice->in_force];
  if (is_another) log::info("policy-source", "{}", subject_of(name));
  out_.input(documents_of(name, *object), subject_of(name), object->key.resource_version);
}

void ConfigDesk::note_left_aside(const ConfigChoice::Choice& choice) {
  std::set<std::string> aside;
  for (const auto which : choice.left_aside) {
    const auto& key = maps_.object(which)->key;
    aside.insert(key.uid);
    if (told_aside_.contains(key.uid)) continue;
    const auto& in_force = maps_.names()[*choice.in_force];
    log::warn("policy-source", "{} is there, too, and left aside for {}", subject_of(maps_.names()[which]),
              subject_of(in_force));
    out_.event(left_aside_note(key, in_force));
  }
  told_aside_ = std::move(aside);
}

void ConfigDesk::unreadable(std::size_t which, const std::string& why) {
  maps_.unreadable(which);
  const auto choice = maps_.choice();
  if (choice && choice->in_force != which) return;
  given_.reset();
  out_.input(model::Error(model::ErrorCode::kMalformed, why), subject_of(maps_.names()[which]), "");
}

void ConfigDesk::judged(const coordinator::PolicyJudged& verdict) {
  for (std::size_t which = 0; which < maps_.names().size(); ++which) {
    const auto* object = maps_.object(which);
    if (object == nullptr || subject_of(maps_.names()[which]) != verdict.subject) continue;
    if (!verdict.problem.empty()) {
      out_.event(refused_note(object->key, verdict.problem));
    } else if (verdict.is_new) {
      out_.event(applied_note(object->key, verdict.version, verdict.notices));
    }
  }
}

}  // namespace tideline::bridge
