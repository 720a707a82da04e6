#include "node-actor/enrol/identity_files.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "messages/link/small_file.h"

namespace tideline::enrol {
namespace {

namespace fs = std::filesystem;
using model::Error;
using model::ErrorCode;
using model::Result;

constexpr const char* kData = "..data";
constexpr std::string_view kGeneration = "..tideline-";
constexpr const char* kIssuer = ".issuer";

Error io_error(const std::string& path, std::string_view what) {
  return {ErrorCode::kUnavailable, fmt::format("{}: {}: {}", path, what, std::strerror(errno))};
}

std::string directory_of(const std::string& file) {
  const auto parent = fs::path(file).lexically_normal().parent_path();
  return parent.empty() ? "." : parent.string();
}

std::string name_of_file(const std::string& file) {
  return fs::path(file).filename().string();
}

bool write_and_sync(int fd, std::string_view text) {
  std::size_t done = 0;
  while (done < text.size()) {
    const auto wrote = ::write(fd, text.data() + done, text.size() - done);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return false;
    done += static_cast<std::size_t>(wrote);
  }
  return ::fsync(fd) == 0;
}

Result<void> write_new_file(const std::string& path, std::string_view text) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd < 0) return io_error(path, "open");
  const bool written = write_and_sync(fd, text);
  const int problem = errno;
  ::close(fd);
  if (written) return {};
  errno = problem;
  return io_error(path, "write");
}

Result<void> sync_directory(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return io_error(path, "open");
  const bool synced = ::fsync(fd) == 0;
  const int problem = errno;
  ::close(fd);
  if (synced) return {};
  errno = problem;
  return io_error(path, "fsync");
}

/// `path` is a link to `target` when it returns, whatever file was there.
Result<void> put_link(const std::string& target, const std::string& path) {
  const std::string fresh = path + ".new";
  ::unlink(fresh.c_str());
  if (::symlink(target.c_str(), fresh.c_str()) != 0) return io_error(fresh, "symlink");
  if (::rename(fresh.c_str(), path.c_str()) != 0) return io_error(path, "rename");
  return {};
}

bool is_link_to(const std::string& path, const std::string& target) {
  std::error_code problem;
  return fs::read_symlink(path, problem) == fs::path(target) && !problem;
}

/// A generation has a name of chance: with it, each refusal would be another one.
Error without_path(const Error& error, const std::string& generation) {
  std::string text = error.message();
  const std::string path = generation + "/";
  for (auto at = text.find(path); at != std::string::npos; at = text.find(path, at))
    text.erase(at, path.size());
  return {error.code(), text};
}

}  // namespace

IdentityFiles::IdentityFiles(std::string directory, Names names, model::NodeName node)
    : directory_(std::move(directory)), names_(std::move(names)), node_(std::move(node)) {}

Result<IdentityFiles> IdentityFiles::at(const link::TlsFiles& files, model::NodeName node) {
  if (auto configured = link::check_configured(files); !configured) return configured.error();
  Names names{name_of_file(files.certificate), name_of_file(files.key), name_of_file(files.ca)};
  for (const auto* name : {&names.certificate, &names.key, &names.ca}) {
    if (name->empty() || name->front() == '.') {
      return model::invalid(fmt::format("certificate {}, key {} and ca {}: want names of files that begin with no dot",
                                        files.certificate, files.key, files.ca));
    }
  }
  if (names.certificate == names.key || names.certificate == names.ca || names.key == names.ca) {
    return model::invalid(
        fmt::format("certificate {}, key {} and ca {}: want three files", files.certificate, files.key, files.ca));
  }
  std::string directory = directory_of(files.certificate);
  if (directory != directory_of(files.key) || directory != directory_of(files.ca)) {
    return model::invalid(
        fmt::format("certificate {}, key {} and ca {}: want files of one directory, where they are "
                    "replaced together",
                    files.certificate, files.key, files.ca));
  }
  return IdentityFiles(std::move(directory), std::move(names), std::move(node));
}

link::TlsFiles IdentityFiles::files_in(const std::string& directory) const {
  return {directory + "/" + names_.certificate, directory + "/" + names_.key, directory + "/" + names_.ca};
}

Result<link::Validity> IdentityFiles::inspect(const link::TlsFiles& files) const {
  const auto material = link::load(files, link::TlsUse::kClient);
  if (!material) return material.error();
  if (const auto own = link::speaks_for(*material, node_); !own) return own.error();
  return link::validity_of(material->certificate_pem);
}

Result<link::Validity> IdentityFiles::read() const {
  return inspect(files_in(directory_));
}

Result<Identity> IdentityFiles::kept() const {
  const std::string data = directory_ + "/" + kData;
  const auto files = files_in(data);
  auto certificate = link::read_small_file("certificate", files.certificate);
  if (!certificate) return certificate.error();
  auto key = link::read_small_file("key", files.key);
  if (!key) return key.error();
  auto issuer = link::read_small_file("authorities", data + "/" + kIssuer);
  if (!issuer) return issuer.error();
  return Identity{*std::move(certificate), *std::move(key), *std::move(issuer)};
}

Result<link::Validity> IdentityFiles::replace(const Identity& identity, const std::string& authorities) {
  std::string generation = fmt::format("{}/{}XXXXXX", directory_, kGeneration);
  if (::mkdtemp(generation.data()) == nullptr) return io_error(directory_, "a directory in it");
  auto valid = write(generation, identity, authorities);
  if (valid) {
    if (const auto shown = show(name_of_file(generation)); !shown) valid = shown.error();
  }
  if (!valid && !is_link_to(directory_ + "/" + kData, name_of_file(generation))) {
    std::error_code ignored;
    fs::remove_all(generation, ignored);
    return without_path(valid.error(), generation);
  }
  remove_generations_but(name_of_file(generation));
  return valid;
}

Result<link::Validity> IdentityFiles::write(const std::string& generation, const Identity& identity,
                                            const std::string& authorities) const {
  const auto files = files_in(generation);
  struct Written {
    std::string path;
    const std::string& text;
  };
  for (const auto& [path, text] :
       {Written{files.certificate, identity.certificate}, Written{files.key, identity.key},
        Written{files.ca, authorities}, Written{generation + "/" + kIssuer, identity.issuer}}) {
    if (auto written = write_new_file(path, text); !written) return written.error();
  }
  if (auto synced = sync_directory(generation); !synced) return synced.error();
  return inspect(files);
}

Result<void> IdentityFiles::show(const std::string& generation) const {
  if (auto stepped = put_link(generation, directory_ + "/" + kData); !stepped) return stepped;
  for (const auto& name : {names_.certificate, names_.key, names_.ca}) {
    const std::string target = fmt::format("{}/{}", kData, name);
    if (is_link_to(directory_ + "/" + name, target)) continue;
    if (auto linked = put_link(target, directory_ + "/" + name); !linked) return linked;
  }
  return sync_directory(directory_);
}

void IdentityFiles::remove_generations_but(const std::string& kept) const {
  std::error_code ignored;
  std::vector<fs::path> old;
  for (fs::directory_iterator entry(directory_, ignored), end; entry != end; entry.increment(ignored)) {
    const std::string name = entry->path().filename().string();
    if (name.starts_with(kGeneration) && name != kept) old.push_back(entry->path());
  }
  for (const auto& path : old)
    fs::remove_all(path, ignored);
}

}  // namespace tideline::enrol
