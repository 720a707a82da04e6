#include "test/node-actor/enrol/fixture.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <utility>

#include <nlohmann/json.hpp>

#include "messages/link/tls_files.h"
#include "test/support/process.h"

namespace tideline::enrol {

EnrolTest::EnrolTest() {
  std::filesystem::create_directories(dir_.path() / "own");
  dir_.write("token", std::string(kToken) + "\n");
}

EnrolConfig EnrolTest::config(const test::ScriptedApiServer& server) const {
  EnrolConfig made;
  made.address = "127.0.0.1:" + std::to_string(server.port());
  made.server_name = "coordinator.tideline";
  made.server_ca = ca_.ca_file();
  made.token_file = dir_.str() + "/token";
  made.files = {dir_.str() + "/own/tls.crt", dir_.str() + "/own/tls.key", dir_.str() + "/own/ca.crt"};
  made.node = model::NodeName("n1");
  made.retry_min = std::chrono::milliseconds(10);
  made.retry_max = std::chrono::milliseconds(40);
  made.look_every = std::chrono::milliseconds(20);
  made.seed = 1;
  return made;
}

std::unique_ptr<Enroller> EnrolTest::start(const EnrolConfig& settings) {
  auto started = Enroller::start(settings);
  if (!started) throw std::runtime_error(started.error().message());
  return *std::move(started);
}

EnrolTest::Answer EnrolTest::signs(const test::CertSpec& spec, const std::string& node) const {
  return [this, spec, node](const test::SeenRequest& request) {
    const auto certificate = signer_.sign(request.body, spec);
    if (!certificate) return test::json_reply(400, certificate.error().message());
    return answer_of(node, *certificate, signer_.ca_pem());
  };
}

certs::Signer EnrolTest::signer_of(const test::TempDir& dir, const std::string& authority) {
  auto opened = certs::Signer::open(dir.str() + "/" + authority + ".crt", dir.str() + "/" + authority + ".key");
  if (!opened) throw std::runtime_error(opened.error().message());
  return *std::move(opened);
}

test::ScriptedReply EnrolTest::answer_of(const std::string& node, const std::string& certificate,
                                         const std::string& ca) {
  const nlohmann::json answer = {{"node", node}, {"certificate", certificate}, {"ca", ca}};
  return test::json_reply(200, answer.dump());
}

test::CertSpec EnrolTest::due_at_once() {
  auto spec = certs::node_spec("n1");
  spec.valid_to = std::chrono::minutes(5);
  return spec;
}

std::string EnrolTest::text(const std::string& path) const {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::string EnrolTest::certificate_there(const EnrolConfig& settings) const {
  const auto material = link::load(settings.files, link::TlsUse::kClient);
  if (!material || !link::speaks_for(*material, settings.node)) return "";
  return material->certificate_pem;
}

std::string EnrolTest::problem(const Enroller& enroller) {
  const auto good = enroller.wait(model::kZeroDuration);
  return good ? "" : good.error().message();
}

bool EnrolTest::says(const Enroller& enroller, const std::string& part) {
  return test::eventually(std::chrono::seconds(20),
                          [&]() { return problem(enroller).find(part) != std::string::npos; });
}

}  // namespace tideline::enrol
