// The pieces that the admin API builds on: the loop's thread, the Unix socket, RPC connections.

#include <algorithm>
#include <filesystem>
#include <future>
#include <optional>
#include <string>
#include <thread>

#include <gmock/gmock.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "messages/link/kj_rpc.h"
#include "messages/link/kj_thread.h"
#include "messages/link/kj_tls.h"
#include "messages/link/kj_unix.h"
#include "messages/link/loop_lag.h"
#include "messages/schema/admin.capnp.h"
#include "test/messages/link/fixture.h"
#include "test/support/process.h"

namespace tideline::link {
namespace {

using model::ErrorCode;
using testing::HasSubstr;
using testing::Not;

TEST(KjThreadTest, RunsWhatIsPostedInOrderAndAnswersCalls) {
  KjThread thread("test");
  std::vector<int> seen;
  for (int i = 0; i < 1000; ++i)
    thread.post([&seen, i](KjContext&) { seen.push_back(i); });
  const auto size = thread.call([&](KjContext&) -> model::Result<std::size_t> { return seen.size(); });
  ASSERT_TRUE(size);
  EXPECT_EQ(*size, 1000U);
  EXPECT_TRUE(std::is_sorted(seen.begin(), seen.end()));
}

TEST(KjThreadTest, TurnsExceptionsIntoErrorsAndLivesOn) {
  KjThread thread("test");
  const auto failed = thread.call([](KjContext&) -> model::Result<int> { KJ_FAIL_REQUIRE("no such luck"); });
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code(), ErrorCode::kInternal);
  EXPECT_THAT(failed.error().message(), HasSubstr("no such luck"));
  thread.post([](KjContext&) { KJ_FAIL_REQUIRE("thrown in a posted task"); });
  EXPECT_EQ(*thread.call([](KjContext&) -> model::Result<int> { return 5; }), 5);
}

TEST(KjThreadTest, ALoopThatDoesNotEndInTimeIsLeftToItself) {
  std::promise<void> released;
  const auto release = released.get_future().share();
  const auto last_ran = std::make_shared<std::promise<void>>();
  {
    KjThread stuck("test");
    stuck.post([release](KjContext&) { release.wait(); });
    EXPECT_FALSE(stuck.stop_within(std::chrono::milliseconds(50), [last_ran](KjContext&) { last_ran->set_value(); }));
    stuck.stop();
  }
  released.set_value();
  EXPECT_EQ(last_ran->get_future().wait_for(std::chrono::seconds(20)), std::future_status::ready);
  KjThread quick("test");
  EXPECT_TRUE(quick.stop_within(std::chrono::seconds(20), [](KjContext&) {}));
}

TEST(KjThreadTest, ACallFromTheLoopRunsInPlace) {
  KjThread thread("test");
  const auto nested = thread.call([&](KjContext&) -> model::Result<int> {
    EXPECT_TRUE(thread.is_current());
    return thread.call([](KjContext&) -> model::Result<int> { return 7; });
  });
  EXPECT_EQ(*nested, 7);
  EXPECT_FALSE(thread.is_current());
}

TEST(KjThreadTest, StopRunsWhatWasPostedThenTheLastTaskAndRefusesCallsAfter) {
  std::vector<std::string> seen;
  KjThread thread("test");
  thread.post([&](KjContext&) { seen.emplace_back("posted"); });
  thread.stop([&](KjContext&) { seen.emplace_back("last"); });
  thread.stop([&](KjContext&) { seen.emplace_back("again"); });
  EXPECT_THAT(seen, testing::ElementsAre("posted", "last"));
  thread.post([&](KjContext&) { seen.emplace_back("late"); });
  EXPECT_EQ(thread.call([](KjContext&) -> model::Result<int> { return 1; }).error().code(), ErrorCode::kUnavailable);
  EXPECT_EQ(seen.size(), 2U);
}

TEST(KjThreadTest, TakesTasksFromManyThreads) {
  KjThread thread("test");
  int count = 0;
  std::vector<std::thread> callers;
  for (int i = 0; i < 4; ++i) {
    callers.emplace_back([&]() {
      for (int j = 0; j < 500; ++j)
        thread.post([&count](KjContext&) { ++count; });
    });
  }
  for (auto& caller : callers)
    caller.join();
  EXPECT_EQ(*thread.call([&](KjContext&) -> model::Result<int> { return count; }), 2000);
}

TEST(LoopLagTest, IsTheTimeThatTheLoopTakesToComeRound) {
  constexpr std::chrono::milliseconds kWork(200);
  KjThread thread("test");
  std::unique_ptr<LoopLag> lag;  // on the loop only, as what follows
  kj::Promise<void> pending = nullptr;
  const auto measure = [&](std::chrono::milliseconds work) {
    auto done = std::make_shared<std::promise<model::Duration>>();
    thread.post([&, done, work](KjContext& context) {
      if (!lag) lag = std::make_unique<LoopLag>(context);
      pending = lag->round().then([&lag, done]() { done->set_value(lag->lag()); }).eagerlyEvaluate(nullptr);
      std::this_thread::sleep_for(work);
      EXPECT_GE(lag->lag(), work) << "it is not over";
    });
    return done->get_future().get();
  };
  EXPECT_GE(measure(kWork), kWork);
  EXPECT_LT(measure(std::chrono::milliseconds(0)), kWork) << "it has caught up";
  thread.stop([&](KjContext&) {
    pending = nullptr;
    lag.reset();
  });
}

TEST(LoopLagTest, WhoAsksDuringARoundWaitsForItsEnd) {
  KjThread thread("test");
  std::unique_ptr<LoopLag> lag;
  kj::Promise<void> pending = nullptr;
  std::promise<int> ended;
  int count = 0;
  thread.post([&](KjContext& context) {
    lag = std::make_unique<LoopLag>(context);
    auto dropped = lag->round();
    auto first = lag->round().then([&count]() { ++count; });
    auto second = lag->round().then([&count]() { ++count; });
    pending = first.then([&, second = kj::mv(second)]() mutable { return kj::mv(second); })
                  .then([&]() { ended.set_value(count); })
                  .eagerlyEvaluate(nullptr);
  });
  EXPECT_EQ(ended.get_future().get(), 2);
  thread.stop([&](KjContext&) {
    pending = nullptr;
    lag.reset();
  });
}

TEST(RpcErrorTest, CodeAndTextSurviveTheWire) {
  for (const auto code : {ErrorCode::kInvalidArgument, ErrorCode::kNotFound, ErrorCode::kPermissionDenied,
                          ErrorCode::kUnsupported, ErrorCode::kMalformed, ErrorCode::kUnavailable,
                          ErrorCode::kOverloaded, ErrorCode::kFenced, ErrorCode::kInternal}) {
    const model::Error error(code, "node 'n1': what: happened");
    EXPECT_EQ(error_from(to_exception(error)), error);
  }
  const kj::Exception disconnected(kj::Exception::Type::DISCONNECTED, __FILE__, __LINE__, kj::str("gone"));
  EXPECT_EQ(error_from(disconnected).code(), ErrorCode::kUnavailable);
}

TEST(RpcErrorTest, AFailureWithoutACodeIsNotForGood) {
  const kj::Exception failed(kj::Exception::Type::FAILED, __FILE__, __LINE__, kj::str("std::bad_alloc"));
  EXPECT_EQ(error_from(failed), model::Error(ErrorCode::kInternal, "std::bad_alloc"));
}

class WhoAmI final : public schema::Admin::Server {
 public:
  explicit WhoAmI(std::string name) : name_(std::move(name)) {}
  kj::Promise<void> whoami(WhoamiContext context) override {
    context.getResults().setName({name_.c_str(), name_.size()});
    return kj::READY_NOW;
  }
  kj::Promise<void> node(NodeContext) override {
    return to_exception(model::Error(ErrorCode::kNotFound, "no node 'x'"));
  }

 private:
  const std::string name_;
};

/// Writes, and reads nothing.
class DeafStream final : public kj::AsyncIoStream {
 public:
  explicit DeafStream(kj::Own<kj::AsyncIoStream> inner) : inner_(kj::mv(inner)) {}
  kj::Promise<std::size_t> tryRead(void*, std::size_t, std::size_t) override { return kj::NEVER_DONE; }
  kj::Promise<void> write(const void* buffer, std::size_t size) override { return inner_->write(buffer, size); }
  kj::Promise<void> write(kj::ArrayPtr<const kj::ArrayPtr<const kj::byte>> pieces) override {
    return inner_->write(pieces);
  }
  kj::Promise<void> whenWriteDisconnected() override { return inner_->whenWriteDisconnected(); }
  void shutdownWrite() override { inner_->shutdownWrite(); }

 private:
  kj::Own<kj::AsyncIoStream> inner_;
};

TEST(RpcConnectionsTest, MoreMayLieUnreadForAsLongAsItIsAllowed) {
  constexpr std::size_t kLarge = 300 << 10;
  KjThread thread("test");
  kj::Own<RpcConnections> connections;
  kj::Own<RpcClient> client;
  kj::Promise<void> pending = nullptr;
  std::promise<std::string> closed;
  const auto id = thread.call([&](KjContext& context) -> model::Result<RpcConnections::Id> {
    connections = RpcConnections::create(context, RpcLimits{});
    auto pipe = kj::newTwoWayPipe();
    const auto made = connections->add(kj::mv(pipe.ends[0]), kj::heap<WhoAmI>(std::string(kLarge, 'x')),
                                       [&](const std::string& why) { closed.set_value(why); });
    connections->allow_unread(made, 2 * kLarge, std::chrono::minutes(10));
    client = RpcClient::create(kj::heap<DeafStream>(kj::mv(pipe.ends[1])), RpcLimits{});
    pending = client->bootstrap().castAs<schema::Admin>().whoamiRequest().send().ignoreResult().eagerlyEvaluate(
        [](kj::Exception&&) {});
    return made;
  });
  ASSERT_TRUE(id);
  const auto unread = [&]() {
    return *thread.call([&](KjContext&) -> model::Result<std::size_t> { return connections->unread_bytes(*id); });
  };
  EXPECT_TRUE(test::eventually(std::chrono::seconds(20), [&]() { return unread() > kLarge; }));
  const auto is_dropped = [&](std::size_t allowed, model::Duration duration) {
    return *thread.call([&](KjContext&) -> model::Result<bool> {
      connections->allow_unread(*id, allowed, duration);
      return connections->drop_if_clogged(*id);
    });
  };
  EXPECT_FALSE(is_dropped(2 * kLarge, std::chrono::minutes(10)));
  EXPECT_TRUE(is_dropped(2 * kLarge, model::kZeroDuration)) << "it was allowed until now";
  EXPECT_THAT(closed.get_future().get(), HasSubstr("lie unread"));
  EXPECT_EQ(unread(), 0u) << "it is gone";
  thread.stop([&](KjContext&) {
    pending = nullptr;
    client = nullptr;
    connections = nullptr;
  });
}

class UnixSocketTest : public testing::Test {
 protected:
  void TearDown() override {
    thread_.stop([this](KjContext&) { state_.reset(); });
  }

  model::Result<void> serve(const UnixSocketConfig& config) {
    return thread_.call([&](KjContext& context) -> model::Result<void> {
      if (state_->connections.get() == nullptr) state_->connections = RpcConnections::create(context, RpcLimits{});
      auto listener = UnixListener::listen(context, config, [this](UnixStream stream) {
        state_->connections->add(
            kj::mv(stream.stream),
            kj::heap<WhoAmI>("uid " + std::to_string(stream.peer.uid) + " pid " + std::to_string(stream.peer.pid)),
            [](const std::string&) {});
      });
      if (!listener) return listener.error();
      state_->listener = *std::move(listener);
      return {};
    });
  }

  /// The name the server gives to whoever connects to `path` now.
  model::Result<std::string> ask(const std::string& path) {
    auto done = std::make_shared<std::promise<model::Result<std::string>>>();
    thread_.post([this, done, path](KjContext& context) {
      state_->pending = connect_unix(context, path)
                            .then([this](kj::Own<kj::AsyncIoStream> stream) {
                              state_->client = RpcClient::create(kj::mv(stream), RpcLimits{});
                              return state_->client->bootstrap().castAs<schema::Admin>().whoamiRequest().send();
                            })
                            .then(
                                [done](capnp::Response<schema::Admin::WhoamiResults> response) {
                                  done->set_value(std::string(response.getName().cStr()));
                                },
                                [done](kj::Exception&& exception) { done->set_value(error_from(exception)); })
                            .eagerlyEvaluate(nullptr);
    });
    return done->get_future().get();
  }

  test::TempDir dir_;
  // On the loop only. KJ's destructors may throw, the test's must not.
  struct State {
    kj::Own<UnixListener> listener;
    kj::Own<RpcConnections> connections;
    kj::Own<RpcClient> client;
    kj::Promise<void> pending = nullptr;
  };
  std::unique_ptr<State> state_ = std::make_unique<State>();
  KjThread thread_{"test"};
};

TEST_F(UnixSocketTest, TheKernelSaysWhoIsThere) {
  const auto path = dir_.str() + "/run/admin.sock";
  const auto served = serve({.path = path, .group = ::getgid()});
  ASSERT_TRUE(served) << served.error().message();
  const auto answer = ask(path);
  ASSERT_TRUE(answer) << answer.error().message();
  EXPECT_EQ(*answer, "uid " + std::to_string(::getuid()) + " pid " + std::to_string(::getpid()));
}

TEST_F(UnixSocketTest, SocketIs0660InA0750Directory) {
  const auto path = dir_.str() + "/run/admin.sock";
  ASSERT_TRUE(serve({.path = path, .group = std::nullopt}));
  struct stat socket {};
  struct stat directory {};
  ASSERT_EQ(::stat(path.c_str(), &socket), 0);
  ASSERT_EQ(::stat((dir_.str() + "/run").c_str(), &directory), 0);
  EXPECT_EQ(socket.st_mode & 07777u, 0660u);
  EXPECT_EQ(directory.st_mode & 07777u, 0750u);
}

TEST_F(UnixSocketTest, RefusesADirectoryThatOthersMayWriteTo) {
  std::filesystem::create_directory(dir_.path() / "open");
  ::chmod((dir_.str() + "/open").c_str(), 0777);
  const auto served = serve({.path = dir_.str() + "/open/admin.sock", .group = std::nullopt});
  ASSERT_FALSE(served);
  EXPECT_EQ(served.error().code(), ErrorCode::kPermissionDenied);
}

TEST_F(UnixSocketTest, SaysOfADirectoryThatWasThereWhereinItIsNotAsItMakesOne) {
  const auto said = [&](const std::string& name, mode_t mode, std::optional<std::uint32_t> group) {
    const auto directory = dir_.str() + "/" + name;
    std::filesystem::create_directory(directory);
    ::chmod(directory.c_str(), mode);
    testing::internal::CaptureStderr();
    const auto served = serve({.path = directory + "/admin.sock", .group = group});
    auto text = testing::internal::GetCapturedStderr();
    // Whoever is not root may not give the socket to another group.
    EXPECT_TRUE(served || ::geteuid() != 0) << served.error().message();
    return text;
  };
  EXPECT_THAT(said("own", 0750, ::getegid()), Not(HasSubstr("admin-socket-directory")));
  EXPECT_THAT(said("closed", 0700, std::nullopt), Not(HasSubstr("admin-socket-directory")));
  EXPECT_THAT(said("open", 0755, ::getegid()), HasSubstr("mode 755"));
  EXPECT_THAT(said("writable", 0770, std::nullopt), HasSubstr("mode 770"));
  EXPECT_THAT(said("anothers", 0750, ::getegid() + 1),
              HasSubstr("want 0750 and group " + std::to_string(::getegid() + 1)));
}

TEST_F(UnixSocketTest, ReplacesADeadSocketButNotALiveOneOrAFile) {
  const auto path = dir_.str() + "/admin.sock";
  const int dead = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, path.size());
  ASSERT_EQ(::bind(dead, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ::close(dead);
  ASSERT_TRUE(serve({.path = path, .group = std::nullopt}));
  EXPECT_TRUE(ask(path));
  const auto second = serve({.path = path, .group = std::nullopt});
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error().message(), HasSubstr("another process listens"));
  EXPECT_TRUE(ask(path)) << "the live one is untouched";

  const auto file = dir_.write("file", "precious");
  EXPECT_FALSE(serve({.path = file, .group = std::nullopt}));
  EXPECT_EQ(dir_.read("file"), "precious");
}

TEST_F(UnixSocketTest, NamesAPathThatNobodyServes) {
  const auto path = dir_.str() + "/nobody.sock";
  const auto answer = ask(path);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code(), ErrorCode::kUnavailable);
  EXPECT_THAT(answer.error().message(), HasSubstr(path));
}

TEST_F(UnixSocketTest, SocketFileGoesWithItsListener) {
  const auto path = dir_.str() + "/admin.sock";
  ASSERT_TRUE(serve({.path = path, .group = std::nullopt}));
  ASSERT_TRUE(thread_.call([this](KjContext&) -> model::Result<void> {
    state_->listener = nullptr;
    return {};
  }));
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST_F(LinkTest, OneListenerServesOperatorsByTheirCommonName) {
  KjThread thread("test");
  kj::Own<TlsListener> listener;
  kj::Own<RpcConnections> connections;
  kj::Own<TlsConnector> connector;
  kj::Own<RpcClient> client;
  kj::Promise<void> pending = nullptr;
  const auto port = thread.call([&](KjContext& context) -> model::Result<std::uint16_t> {
    connections = RpcConnections::create(context, RpcLimits{});
    auto made = TlsListener::listen(
        context, "127.0.0.1:0", *load(server_files_, TlsUse::kServer), AcceptLimits{},
        [&](TlsStream stream) {
          const auto who = operator_of(stream.certificate);
          connections->add(kj::mv(stream.stream), kj::heap<WhoAmI>(who ? who->name : who.error().message()),
                           [](const std::string&) {});
        },
        [](const std::string&, const model::Error&) {});
    if (!made) return made.error();
    listener = *std::move(made);
    return listener->port();
  });
  ASSERT_TRUE(port) << port.error().message();
  auto name = std::make_shared<std::promise<model::Result<std::string>>>();
  auto missing = std::make_shared<std::promise<model::Error>>();
  thread.post([&, name, missing](KjContext& context) {
    connector = *TlsConnector::create(context, *load(files(ca_.person("viewer", "ann")), TlsUse::kClient),
                                      "coordinator.tideline");
    pending = connector->connect("127.0.0.1:" + std::to_string(*port))
                  .then([&](TlsStream stream) {
                    client = RpcClient::create(kj::mv(stream.stream), RpcLimits{});
                    return client->bootstrap().castAs<schema::Admin>().whoamiRequest().send();
                  })
                  .then([&, name](capnp::Response<schema::Admin::WhoamiResults> response) {
                    name->set_value(std::string(response.getName().cStr()));
                    return client->bootstrap().castAs<schema::Admin>().nodeRequest().send().ignoreResult();
                  })
                  .catch_([missing](kj::Exception&& exception) { missing->set_value(error_from(exception)); })
                  .eagerlyEvaluate(nullptr);
  });
  EXPECT_EQ(*name->get_future().get(), "ann");
  EXPECT_EQ(missing->get_future().get(), model::Error(ErrorCode::kNotFound, "no node 'x'"));
  thread.stop([&](KjContext&) {
    pending = nullptr;
    client = nullptr;
    connector = nullptr;
    connections = nullptr;
    listener = nullptr;
  });
}

}  // namespace
}  // namespace tideline::link
