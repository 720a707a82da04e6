#pragma once
// tideline-coordinator's options about Prometheus remote write: what they mean together, and what is wrong with them.

#include <memory>
#include <optional>
#include <string>

#include "coordinator/remote_write/writer.h"
#include "coordinator/web/switched_backend.h"
#include "messages/model/result.h"

namespace tideline::program {

/// As given.
struct RemoteWriteArguments {
  std::string url;  // "" = there is none
  std::string series = "tideline_node_*";
  std::string labels;
  std::string ca;
  std::string certificate;
  std::string key;
  std::string token_file;
  std::string basic_auth_file;
  std::string interval = "5s";
  std::string queue = "64Mi";
  std::string max_age = "50m";
};

/// nullopt: nothing is to be sent. Errors begin with the option. Reads no file.
model::Result<std::optional<remote_write::RemoteWriteConfig>> plan_remote_write(const RemoteWriteArguments& arguments);

/// With its counts in `shown`. Null where there is no plan.
model::Result<std::shared_ptr<remote_write::RemoteWriter>> start_remote_write(
    const std::optional<remote_write::RemoteWriteConfig>& plan, web::SwitchedBackend& shown);

}  // namespace tideline::program
