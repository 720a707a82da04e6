#include "coordinator/actor/backup_actor.h"

#include <utility>

#include "messages/clock/clock.h"
#include "messages/log/log.h"

namespace tideline::coordinator {

BackupActor::BackupActor(caf::actor_config& config, std::shared_ptr<store::HistoryStore> store, std::string directory,
                         std::shared_ptr<BackupDoor> door, std::shared_ptr<HistoryCounts> counts)
    : caf::event_based_actor(config),
      store_(std::move(store)),
      care_(dynamic_cast<series::StoreCare*>(store_.get())),
      directory_(std::move(directory)),
      door_(std::move(door)),
      counts_(std::move(counts)) {}

caf::behavior BackupActor::make_behavior() {
  return {
      [this](const AskBackup& ask) {
        auto made = make(ask.caller);
        // Before the answer: whoever has it may ask for another one.
        door_->leave();
        ask.reply(std::move(made));
      },
  };
}

model::Result<admin::BackupMade> BackupActor::make(const admin::Caller& caller) {
  if (care_ == nullptr) {
    return model::Error(model::ErrorCode::kUnsupported, "this coordinator's store of history makes no backups");
  }
  if (directory_.empty()) {
    return model::Error(model::ErrorCode::kUnsupported,
                        "no directory for backups is set: the coordinator was started without --backup-dir");
  }
  log::info("backup-begun", "{} via {}: to {}", caller.identity.name, caller.via, directory_);
  const auto begun = clock::mono_now();
  auto backup = care_->backup(directory_, [this](std::uint64_t) { return !door_->is_closed(); });
  if (!backup) {
    ++counts_->backups_failed;
    log::error("backup-failed", "to {}: {}", directory_, backup.error().message());
    return backup.error();
  }
  ++counts_->backups;
  log::info("backup-made", "number {} in {}: {} bytes in {} files, in {} ms", backup->id, directory_, backup->bytes,
            backup->files, model::to_ms(clock::mono_now() - begun));
  return admin::BackupMade{*backup, directory_};
}

}  // namespace tideline::coordinator
