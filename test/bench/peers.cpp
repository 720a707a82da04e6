#include "test/bench/peers.h"

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include <unistd.h>

namespace tideline::bench {

using test::Process;
using test::ScratchCgroup;

namespace {

namespace fs = std::filesystem;

constexpr const char* kHierarchies[] = {"cpu.stat", "cpuacct.usage", "memory.stat", "cpuset.cpus"};

std::string text_of(const std::string& path) {
  std::ifstream in(path);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

std::string with(std::string text, const std::string& placeholder, const std::string& value) {
  for (auto at = text.find(placeholder); at != std::string::npos; at = text.find(placeholder, at + value.size()))
    text.replace(at, placeholder.size(), value);
  return text;
}

bool is_in_path(const std::string& name) {
  std::istringstream directories("/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin");
  std::string directory;
  while (std::getline(directories, directory, ':')) {
    if (::access((directory + "/" + name).c_str(), X_OK) == 0) return true;
  }
  return false;
}

std::string version_of(const std::string& name) {
  const bool netdata = name == "netdata";
  std::istringstream lines(test::run({name, netdata ? "-v" : "-h"}).output);
  std::string line;
  while (std::getline(lines, line)) {
    if (netdata || line.starts_with("collectd ")) return line.substr(0, line.find(','));
  }
  return name + " of unknown version";
}

std::vector<pid_t> processes_of(const ScratchCgroup& tree, const std::string& group) {
  std::istringstream listed(tree.read(group, "cgroup.procs"));
  std::vector<pid_t> found;
  for (pid_t pid = 0; listed >> pid;)
    found.push_back(pid);
  return found;
}

}  // namespace

double group_cpu_seconds(const ScratchCgroup& tree, const std::string& group) {
  if (tree.v1()) return std::strtod(tree.read(group, "cpuacct.usage").c_str(), nullptr) / 1e9;
  std::istringstream fields(tree.read(group, "cpu.stat"));
  std::string key;
  double value = 0;
  while (fields >> key >> value) {
    if (key == "usage_usec") return value / 1e6;
  }
  return 0;
}

double pss_mib(pid_t pid) {
  std::ifstream in("/proc/" + std::to_string(pid) + "/smaps_rollup");
  std::string line;
  while (std::getline(in, line)) {
    if (line.starts_with("Pss:")) return std::strtod(line.c_str() + 4, nullptr) / 1024;
  }
  return 0;
}

double group_pss_mib(const ScratchCgroup& tree, const std::string& group) {
  double sum = 0;
  for (const pid_t pid : processes_of(tree, group))
    sum += pss_mib(pid);
  return sum;
}

std::vector<std::string> enter(const ScratchCgroup& tree, const std::string& group) {
  std::string script;
  for (const auto* file : kHierarchies) {
    const auto procs = fs::path(tree.path(group, file)).parent_path() / "cgroup.procs";
    if (fs::exists(procs)) script += "echo 0 > " + procs.string() + " && ";
  }
  return {"/bin/sh", "-c", script + R"(exec "$@")", "enter"};
}

std::string Peer::missing(const std::string& name, const ScratchCgroup& tree) {
  if (name != "netdata" && name != "collectd") return name + ": not a known peer";
  if (!is_in_path(name)) return name + ": not installed (package " + name + "-core)";
  if (name == "collectd" && !tree.v1()) return name + ": its cgroups plugin reads cgroup v1 only";
  return "";
}

Peer::Peer(const std::string& name, ScratchCgroup& tree)
    : name_(name), version_(version_of(name)), group_("peer-" + name), tree_(tree) {
  tree_.make(group_);
  for (const auto* directory : {"config", "cache", "lib", "log"})
    fs::create_directories(dir_.path() / directory);
  auto text = text_of(std::string(TIDELINE_BENCH_PEERS) + "/" + name + ".conf");
  text = with(std::move(text), "@DIR@", dir_.str());
  text = with(std::move(text), "@GROUP@", tree.group());
  text = with(std::move(text), "@UNIFIED@", tree.v1() ? "no" : "yes");
  const auto config = dir_.write(name + ".conf", text);
  auto argv = enter(tree, group_);
  // Each in a mount namespace of its own: netdata leaves names in /dev/shm; collectd's plugin looks two levels deep, so
  // it is shown our pods' groups that near to the root.
  std::string mount = "mount -t tmpfs tmpfs /dev/shm";
  std::vector<std::string> command{"netdata", "-D", "-c", config};
  if (name == "collectd") {
    const auto shown = fs::path(tree.path("kubepods", "cpuacct.usage")).parent_path().string();
    const auto root = fs::path(tree.path("", "cpuacct.usage")).parent_path().parent_path().string();
    mount = "mount --bind " + shown + " " + root;
    command = {"collectd", "-f", "-C", config};
  }
  argv.insert(argv.end(), {"unshare", "--mount", "--propagation", "private", "/bin/sh", "-c",
                           mount + R"( && exec "$@")", "inside"});
  argv.insert(argv.end(), command.begin(), command.end());
  process_ = std::make_unique<Process>(
      argv, Process::Options{.environment = {"DO_NOT_TRACK=1"}, .output_file = dir_.str() + "/output.log"});
}

Peer::~Peer() {
  process_->signal(SIGTERM);
  process_->wait(std::chrono::seconds(10));
  process_.reset();
  test::eventually(std::chrono::seconds(5), [&] {
    const auto left = processes_of(tree_, group_);
    for (const pid_t pid : left)
      ::kill(pid, SIGKILL);
    return left.empty();
  });
}

void Peer::check() const {
  if (!process_->running()) throw std::runtime_error(name_ + " ended by itself:\n" + log());
}

std::string Peer::log() const {
  std::string all = process_->output();
  for (const auto* file : {"error.log", "collectd.log"})
    all += text_of(dir_.str() + "/" + file);
  return all.substr(all.size() - std::min<std::size_t>(all.size(), 2000));
}

}  // namespace tideline::bench
