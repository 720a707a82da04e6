#pragma once

#include <filesystem>

namespace tideline::admin {

/// Whether this process is in a container, where uid 0 need not be the host's root: by the marks that Docker, Podman
/// and systemd (of LXC and systemd-nspawn) leave below `root`, and by the environment of Kubernetes and of those.
bool in_container(const std::filesystem::path& root = "/");

}  // namespace tideline::admin
