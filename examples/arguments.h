// What every example is told on its command line: where the server is, the token, and for how long
// to run.
#pragma once

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <stdexcept>
#include <string>
#include <string_view>

struct Arguments {
  std::string host = "localhost";
  std::uint16_t port = 8000;
  std::string token;
  std::chrono::seconds seconds{10};

  // Usage: PROGRAM [--host HOST] [--port PORT] [--token TOKEN] [--seconds N]; the token may also
  // come from the environment variable ODB_SERVICE_TOKEN.
  static Arguments parse(int argc, char** argv) {
    Arguments arguments;
    if (const char* token = std::getenv("ODB_SERVICE_TOKEN")) arguments.token = token;
    try {
      for (int i = 1; i + 1 < argc; i += 2) arguments.set(argv[i], argv[i + 1]);
      if (argc % 2 == 0) throw std::invalid_argument(argv[argc - 1]);
    } catch (const std::exception& error) {
      std::cerr << argv[0] << ": cannot use \"" << error.what() << "\"\nusage: " << argv[0]
                << " [--host HOST] [--port PORT] [--token TOKEN] [--seconds N]\n";
      std::exit(2);
    }
    return arguments;
  }

 private:
  void set(std::string_view name, const std::string& value) {
    if (name == "--host") {
      host = value;
    } else if (name == "--port") {
      port = static_cast<std::uint16_t>(std::stoul(value));
    } else if (name == "--token") {
      token = value;
    } else if (name == "--seconds") {
      seconds = std::chrono::seconds(std::stoul(value));
    } else {
      throw std::invalid_argument(std::string(name));
    }
  }
};
