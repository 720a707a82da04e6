// Whom the admin server lets in, and for how long: certificates, denied names, the Unix socket, peers that send
// nonsense.

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <mutex>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <grp.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "coordinator/admin/server.h"
#include "test/coordinator/admin/server_fixture.h"

namespace tideline::admin {
namespace {

using model::ErrorCode;
using test::AdminTestClient;
using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;

TEST_F(AdminServerTest, ClosesAConnectionThatIsIdle) {
  config_.idle_deadline = std::chrono::milliseconds(100);
  start();
  auto caller = client("viewer");
  caller.admin().whoamiRequest().send().wait(caller.scope());
  caller.timer().timeoutAfter(10 * kj::SECONDS, caller.gone()).wait(caller.scope());
}

TEST_F(AdminServerTest, RefusesACertificateOfAnotherAuthority) {
  start();
  test::TempDir elsewhere;
  const test::CertAuthority other(elsewhere.str(), "other");
  auto files = other.person("admin", "eve");
  files.ca = authority_.ca_file();
  const auto read = [](const std::string& path) {
    std::ifstream in(path);
    return std::string(std::istreambuf_iterator<char>(in), {});
  };
  // The client's own check would refuse it; a hostile client has none.
  const link::TlsMaterial material{read(files.certificate), read(files.key), read(files.ca)};
  bool refused_call = false;
  try {
    AdminTestClient eve(server_->port(), material);
    refused_call = eve.error_of([&] { eve.admin().whoamiRequest().send().wait(eve.scope()); }).has_value();
  } catch (const kj::Exception&) {
    refused_call = true;
  }
  EXPECT_TRUE(refused_call);
  EXPECT_EQ(server_->connections(), 0u);
}

TEST_F(AdminServerTest, ServesOthersWhileHostileBytesArrive) {
  start();
  auto caller = client("viewer");
  std::mt19937 random(7);
  std::vector<int> sockets;
  for (int i = 0; i < 50; ++i) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(server_->port());
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ASSERT_EQ(::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    std::string bytes(1 + random() % 600, '\0');
    for (char& c : bytes)
      c = static_cast<char>(random());
    if (i % 3 == 0) bytes = "GET /metrics HTTP/1.1\r\n\r\n";
    [[maybe_unused]] const auto sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    sockets.push_back(fd);
  }
  EXPECT_EQ(caller.admin().nodesRequest().send().wait(caller.scope()).getNodes().size(), 2u);
  for (const int fd : sockets)
    ::close(fd);
}

TEST_F(AdminServerTest, TakesReplacedCertificatesWithoutARestart) {
  start();
  test::TempDir elsewhere;
  const test::CertAuthority next(elsewhere.str(), "next");
  const auto files = next.coordinator();
  // The trust file goes first and last would do as well: only a whole, matching set is taken.
  const auto put = [](const std::string& from, const std::string& to) {
    std::filesystem::copy_file(from, to + ".new");
    std::filesystem::rename(to + ".new", to);
  };
  put(files.ca, config_.tls.ca);
  put(files.certificate, config_.tls.certificate);
  put(files.key, config_.tls.key);
  const auto person = material(next.person("viewer", "bob"));
  bool served = false;
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!served && std::chrono::steady_clock::now() < give_up) {
    try {
      AdminTestClient bob(server_->port(), person);
      served = !bob.error_of([&] { bob.admin().whoamiRequest().send().wait(bob.scope()); });
    } catch (const kj::Exception&) {
    }
  }
  EXPECT_TRUE(served);
}

TEST_F(AdminServerTest, TriesChangedFilesAgainUntilTheyFit) {
  start();
  // A certificate that is not valid yet: nothing but time has to pass for it to fit.
  const auto files = authority_.issue("later", {.common_name = "coordinator",
                                                .dns_names = {"coordinator.tideline"},
                                                .server_auth = true,
                                                .valid_from = std::chrono::seconds(4)});
  std::filesystem::rename(files.key, config_.tls.key);
  std::filesystem::rename(files.certificate, config_.tls.certificate);
  const auto told = [&] {
    const auto lines = refused();
    return std::count_if(lines.begin(), lines.end(), [](const auto& line) {
      return line.find("changed TLS files") != std::string::npos && line.find("not yet valid") != std::string::npos;
    });
  };
  const auto person = material(authority_.person("viewer", "bob"));
  bool fresh = false;
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!fresh && std::chrono::steady_clock::now() < give_up) {
    auto io = kj::setupAsyncIo();
    auto context = link::KjContext::of(io);
    auto connector = link::TlsConnector::create(context, person, "coordinator.tideline");
    ASSERT_TRUE(connector.ok());
    const auto seen =
        (*connector)->connect("127.0.0.1:" + std::to_string(server_->port())).wait(io.waitScope).certificate;
    fresh = seen.common_name == "coordinator";
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  EXPECT_TRUE(fresh);
  EXPECT_EQ(told(), 1) << "each problem is told once, however often the files are tried";
}

TEST_F(AdminServerTest, SessionEndsWithItsCertificate) {
  start();
  AdminTestClient brief(
      server_->port(),
      material(authority_.issue(
          "brief", {.common_name = "viewer:ann", .client_auth = true, .valid_to = std::chrono::seconds(3)})));
  brief.admin().whoamiRequest().send().wait(brief.scope());
  brief.timer().timeoutAfter(20 * kj::SECONDS, brief.gone()).wait(brief.scope());
}

TEST_F(AdminServerTest, ADeniedNameIsCutOffAndNotLetInAgain) {
  config_.denied_names_file = directory_.write("denied", "viewer:eve\n");
  start();
  {
    auto ann = client("operator");
    ann.admin().whoamiRequest().send().wait(ann.scope());
    directory_.write("denied", "operator:ann\n");
    ann.timer().timeoutAfter(20 * kj::SECONDS, ann.gone()).wait(ann.scope());
  }
  {
    auto again = client("operator");
    const auto error = again.error_of([&] { again.admin().whoamiRequest().send().wait(again.scope()); });
    ASSERT_TRUE(error);
    EXPECT_EQ(error->code(), ErrorCode::kPermissionDenied);
    EXPECT_THAT(error->message(), HasSubstr("denied names"));
  }
  AdminTestClient bob(server_->port(), material(authority_.person("viewer", "bob")));
  bob.admin().whoamiRequest().send().wait(bob.scope());
}

TEST_F(AdminServerTest, DoesNotStartWithDeniedNamesThatItCannotRead) {
  config_.denied_names_file = directory_.write("denied", "eve\n");
  const auto server = AdminServer::start(config_, backend_);
  ASSERT_FALSE(server.ok());
  EXPECT_THAT(server.error().message(), HasSubstr("line 1"));
}

TEST_F(AdminServerTest, CountsRepeatedRefusalsInsteadOfTellingEach) {
  start();
  constexpr int kCalls = 40;
  auto viewer = client("viewer");
  const auto began = std::chrono::steady_clock::now();
  for (int i = 0; i < kCalls; ++i)
    EXPECT_TRUE(viewer.error_of([&] { viewer.admin().policyApplyRequest().send().wait(viewer.scope()); }));
  const auto tenths = (std::chrono::steady_clock::now() - began) / std::chrono::milliseconds(100);
  EXPECT_LE(refused().size(), static_cast<std::size_t>(tenths) + 1);
  std::this_thread::sleep_for(std::chrono::milliseconds(120));
  EXPECT_TRUE(viewer.error_of([&] { viewer.admin().policyApplyRequest().send().wait(viewer.scope()); }));
  const std::lock_guard lock(mutex_);
  EXPECT_EQ(refused_.size() + suppressed_, kCalls + 1u);
}

TEST_F(AdminServerTest, NeedsAnAddressOrASocket) {
  const auto server = AdminServer::start({}, backend_);
  ASSERT_FALSE(server.ok());
  EXPECT_EQ(server.error().code(), ErrorCode::kInvalidArgument);
}

TEST_F(AdminServerTest, NamesTheMissingHalfOfItsTlsFiles) {
  config_.tls.key = "";
  const auto server = AdminServer::start(config_, backend_);
  ASSERT_FALSE(server.ok());
  EXPECT_THAT(server.error().message(), HasSubstr("key"));
}

class UnixSocketTest : public AdminServerTest {
 protected:
  UnixSocketTest() {
    config_.listen.clear();
    config_.unix_socket = directory_.str() + "/run/admin.sock";
    config_.unix_group = "daemon";
  }
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root: it changes the user and group it connects as";
  }

  /// Runs `f` on a thread of its own with these credentials. The kernel keeps them per thread; only glibc does not.
  template <class F>
  static void as(uid_t uid, gid_t gid, std::vector<gid_t> groups, F f) {
    std::thread([&] {
      ASSERT_EQ(::syscall(SYS_setgroups, groups.size(), groups.data()), 0);
      ASSERT_EQ(::syscall(SYS_setresgid, gid, gid, gid), 0);
      ASSERT_EQ(::syscall(SYS_setresuid, uid, uid, uid), 0);
      f();
    }).join();
  }

  static gid_t daemon_gid() { return ::getgrnam("daemon")->gr_gid; }
  static constexpr uid_t kNobody = 65534;
};

TEST_F(UnixSocketTest, HoldsTheRoleMatrixForEveryMethodOfTheSchema) {
  start();
  AdminTestClient root(config_.unix_socket);
  EXPECT_THAT(forbidden(root), IsEmpty());
  as(kNobody, daemon_gid(), {}, [&] {
    AdminTestClient member(config_.unix_socket);
    EXPECT_EQ(forbidden(member), no_viewers_methods());
  });
  as(kNobody, kNobody, {daemon_gid()}, [&] {
    AdminTestClient member(config_.unix_socket);
    EXPECT_EQ(forbidden(member), no_viewers_methods()) << "a supplementary group counts as well";
  });
}

TEST_F(UnixSocketTest, KeepsStrangersOutByModeAndByCredentials) {
  start();
  struct stat info {};
  ASSERT_EQ(::stat(config_.unix_socket.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0660u);
  EXPECT_EQ(info.st_gid, daemon_gid());
  ASSERT_EQ(::stat((directory_.str() + "/run").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0750u);
  as(kNobody, kNobody, {}, [&] { EXPECT_THROW(AdminTestClient stranger(config_.unix_socket), kj::Exception); });
  // Even with modes that let them through, the credentials decide.
  ::chmod((directory_.str() + "/run").c_str(), 0755);
  ::chmod(config_.unix_socket.c_str(), 0666);
  as(kNobody, kNobody, {}, [&] {
    AdminTestClient stranger(config_.unix_socket);
    EXPECT_EQ(forbidden(stranger), schema_methods());
  });
  EXPECT_THAT(backend_.calls(), IsEmpty());
}

TEST_F(UnixSocketTest, IsForRootOnlyWithoutTheGroupAndSaysSo) {
  config_.unix_group = "no-such-group";
  start();
  EXPECT_THAT(server_->unix_note(), AllOf(HasSubstr("no-such-group"), HasSubstr("root only")));
  struct stat info {};
  ASSERT_EQ(::stat(config_.unix_socket.c_str(), &info), 0);
  EXPECT_EQ(info.st_uid, 0u);
  EXPECT_EQ(info.st_gid, 0u);
  AdminTestClient root(config_.unix_socket);
  EXPECT_THAT(forbidden(root), IsEmpty());
  as(kNobody, daemon_gid(), {}, [&] { EXPECT_THROW(AdminTestClient member(config_.unix_socket), kj::Exception); });
  // Even with modes that let them through, the credentials decide.
  ::chmod((directory_.str() + "/run").c_str(), 0755);
  ::chmod(config_.unix_socket.c_str(), 0666);
  as(kNobody, daemon_gid(), {}, [&] {
    AdminTestClient member(config_.unix_socket);
    EXPECT_EQ(forbidden(member), schema_methods());
  });
}

TEST_F(UnixSocketTest, SurvivesHostileBytes) {
  start();
  std::mt19937 random(11);
  for (int i = 0; i < 50; ++i) {
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    config_.unix_socket.copy(address.sun_path, sizeof address.sun_path - 1);
    ASSERT_EQ(::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    std::string bytes(8 + random() % 4000, '\0');
    for (char& c : bytes)
      c = static_cast<char>(random());
    // Small segment counts and sizes reach the message reader, large ones its bounds.
    if (i % 2 == 0) bytes.replace(0, 8, std::string("\0\0\0\0\x10\0\0\0", 8));
    if (i % 5 == 0) bytes.replace(0, 8, std::string("\0\0\0\0\xff\xff\xff\x7f", 8));
    [[maybe_unused]] const auto sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    ::close(fd);
  }
  AdminTestClient root(config_.unix_socket);
  EXPECT_EQ(root.admin().nodesRequest().send().wait(root.scope()).getNodes().size(), 2u);
}

}  // namespace
}  // namespace tideline::admin
