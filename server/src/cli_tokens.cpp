#include "cli_tokens.h"

#include <sys/stat.h>

#include <cerrno>
#include <fstream>
#include <sstream>
#include <system_error>

namespace odb::server {

namespace {

Error bad_file(const std::string& file, const std::string& reason) {
  return {ErrorCode::kBadConfiguration, "token file " + file + " " + reason};
}

Result<std::string> read_text(const std::string& file) {
  errno = 0;
  std::ifstream in(file, std::ios::binary);
  std::string text(net::TokenTable::kFileBytesMax + 1, '\0');
  if (in) in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!in.is_open() || in.bad()) {
    return bad_file(file, "cannot be read: " + std::generic_category().message(errno));
  }
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (text.size() > net::TokenTable::kFileBytesMax) {
    return bad_file(file,
                    "is larger than " + std::to_string(net::TokenTable::kFileBytesMax) + " bytes");
  }
  return text;
}

}  // namespace

Result<std::vector<net::NamedToken>> read_token_file(const std::string& file) {
  const Result<std::string> text = read_text(file);
  if (!text) return text.error();

  std::vector<net::NamedToken> tokens;
  std::string only;
  std::size_t words = 0;
  std::istringstream lines(*text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream line_words(line);
    std::string name;
    if (!(line_words >> name) || name.starts_with('#')) continue;
    net::NamedToken named{.name = name, .token = {}};
    words += line_words >> named.token ? 2 : 1;
    only = name;
    tokens.push_back(std::move(named));
  }
  if (words == 1) return std::vector<net::NamedToken>{{.name = kServiceActor, .token = only}};
  // The one judge of what such a file may say.
  if (auto table = net::TokenTable::parse(*text, file); !table) return table.error();
  return tokens;
}

bool is_readable_by_others(const std::string& file) {
  struct stat status {};
  return ::stat(file.c_str(), &status) == 0 && S_ISREG(status.st_mode) &&
         (status.st_mode & (S_IRGRP | S_IROTH)) != 0;
}

}  // namespace odb::server
